package tosssim

import (
	"cmp"
	"net/http"

	"tosspay-sam/sim/simulator"
)

// errorBody is an error of API v1, and the failure of a payment.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// code is one row of the provider's error tables.
type code struct {
	status      int
	message     string // Korean, as without Accept-Language; clients must not match on it
	refusesCard bool   // the payment is ABORTED; the buyer must start again
}

// refuse is the answer with an error code. A code that is in no table, as the
// provider may add any day, is a 400.
func refuse(name string) simulator.Reply {
	return simulator.JSON(cmp.Or(codes[name].status, http.StatusBadRequest), message(name))
}

func message(name string) errorBody {
	return errorBody{Code: name, Message: cmp.Or(codes[name].message, "시뮬레이터가 모르는 오류 코드입니다.")}
}

// codes are the documented errors of confirm, cancel and lookup, and for the
// test header those of billing. Source: docs.tosspayments.com/reference/
// error-codes and the tables per API, 2026-11. A message that ends in "…" was
// not seen whole. That a refused card aborts the payment is documented; which
// codes do so is our choice: those of confirm about the buyer or the card.
var codes = map[string]code{
	// confirm, 400
	"ALREADY_PROCESSED_PAYMENT":                       {status: 400, message: "이미 처리된 결제 입니다."},
	"ALREADY_PROCESSING_REQUEST":                      {status: 400, message: "이미 처리중인 요청입니다."},
	"PROVIDER_ERROR":                                  {status: 400, message: "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."},
	"EXCEED_MAX_CARD_INSTALLMENT_PLAN":                {status: 400, message: "설정 가능한 최대 할부 개월 수를 초과했습니다.", refusesCard: true},
	"INVALID_REQUEST":                                 {status: 400, message: "잘못된 요청입니다."},
	"NOT_ALLOWED_POINT_USE":                           {status: 400, message: "포인트 사용이 불가한 카드로 카드 포인트 결제에 실패했습니다.", refusesCard: true},
	"INVALID_API_KEY":                                 {status: 400, message: "잘못된 시크릿키 연동 정보 입니다."},
	"INVALID_REJECT_CARD":                             {status: 400, message: "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다.", refusesCard: true},
	"BELOW_MINIMUM_AMOUNT":                            {status: 400, message: "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다."},
	"INVALID_CARD_EXPIRATION":                         {status: 400, message: "카드 정보를 다시 확인해주세요. (유효기간)", refusesCard: true},
	"INVALID_STOPPED_CARD":                            {status: 400, message: "정지된 카드 입니다.", refusesCard: true},
	"EXCEED_MAX_DAILY_PAYMENT_COUNT":                  {status: 400, message: "하루 결제 가능 횟수를 초과했습니다.", refusesCard: true},
	"NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT": {status: 400, message: "할부가 지원되지 않는 카드 또는 가맹점 입니다.", refusesCard: true},
	"INVALID_CARD_INSTALLMENT_PLAN":                   {status: 400, message: "할부 개월 정보가 잘못되었습니다.", refusesCard: true},
	"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN":          {status: 400, message: "할부가 지원되지 않는 카드입니다.", refusesCard: true},
	"EXCEED_MAX_PAYMENT_AMOUNT":                       {status: 400, message: "하루 결제 가능 금액을 초과했습니다.", refusesCard: true},
	"NOT_FOUND_TERMINAL_ID":                           {status: 400, message: "단말기번호(Terminal Id)가 없습니다. …"},
	"INVALID_AUTHORIZE_AUTH":                          {status: 400, message: "유효하지 않은 인증 방식입니다.", refusesCard: true},
	"INVALID_CARD_LOST_OR_STOLEN":                     {status: 400, message: "분실 혹은 도난 카드입니다.", refusesCard: true},
	"RESTRICTED_TRANSFER_ACCOUNT":                     {status: 400, message: "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다. …", refusesCard: true},
	"INVALID_CARD_NUMBER":                             {status: 400, message: "카드번호를 다시 확인해주세요.", refusesCard: true},
	"INVALID_UNREGISTERED_SUBMALL":                    {status: 400, message: "등록되지 않은 서브몰입니다. …"},
	"NOT_REGISTERED_BUSINESS":                         {status: 400, message: "등록되지 않은 사업자 번호입니다."},
	"EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT":              {status: 400, message: "1일 출금 한도를 초과했습니다.", refusesCard: true},
	"EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT":             {status: 400, message: "1회 출금 한도를 초과했습니다.", refusesCard: true},
	"CARD_PROCESSING_ERROR":                           {status: 400, message: "카드사에서 오류가 발생했습니다."},
	"EXCEED_MAX_AMOUNT":                               {status: 400, message: "거래금액 한도를 초과했습니다.", refusesCard: true},
	"INVALID_ACCOUNT_INFO_RE_REGISTER":                {status: 400, message: "유효하지 않은 계좌입니다. 계좌 재등록 후 시도해주세요.", refusesCard: true},
	"NOT_AVAILABLE_PAYMENT":                           {status: 400, message: "결제가 불가능한 시간대입니다."},
	"UNAPPROVED_ORDER_ID":                             {status: 400, message: "아직 승인되지 않은 주문번호입니다."},
	"EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT":               {status: 400, message: "당월 결제 가능금액인 1,000,000원을 초과 하셨습니다.", refusesCard: true},
	"INVALID_IDEMPOTENCY_KEY":                         {status: 400, message: "멱등키는 300자 이하여야 합니다."},

	// confirm, 401 to 500
	"UNAUTHORIZED_KEY":                          {status: 401, message: "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다."},
	"REJECT_ACCOUNT_PAYMENT":                    {status: 403, message: "잔액부족으로 결제에 실패했습니다.", refusesCard: true},
	"REJECT_CARD_PAYMENT":                       {status: 403, message: "한도초과 혹은 잔액부족으로 결제에 실패했습니다.", refusesCard: true},
	"REJECT_CARD_COMPANY":                       {status: 403, message: "결제 승인이 거절되었습니다.", refusesCard: true},
	"FORBIDDEN_REQUEST":                         {status: 403, message: "허용되지 않은 요청입니다."},
	"REJECT_TOSSPAY_INVALID_ACCOUNT":            {status: 403, message: "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요. …", refusesCard: true},
	"EXCEED_MAX_AUTH_COUNT":                     {status: 403, message: "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요.", refusesCard: true},
	"EXCEED_MAX_ONE_DAY_AMOUNT":                 {status: 403, message: "일일 한도를 초과했습니다.", refusesCard: true},
	"NOT_AVAILABLE_BANK":                        {status: 403, message: "은행 서비스 시간이 아닙니다."},
	"INVALID_PASSWORD":                          {status: 403, message: "결제 비밀번호가 일치하지 않습니다.", refusesCard: true},
	"INCORRECT_BASIC_AUTH_FORMAT":               {status: 403, message: "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요."},
	"FDS_ERROR":                                 {status: 403, message: "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다. …", refusesCard: true},
	"NOT_FOUND_PAYMENT":                         {status: 404, message: "존재하지 않는 결제 정보 입니다."},
	"NOT_FOUND_PAYMENT_SESSION":                 {status: 404, message: "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다."},
	"IDEMPOTENT_REQUEST_PROCESSING":             {status: 409, message: "이전 멱등 요청이 처리중입니다."},
	"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING": {status: 500, message: "결제가 완료되지 않았어요. 다시 시도해주세요."},
	"FAILED_INTERNAL_SYSTEM_PROCESSING":         {status: 500, message: "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요."},
	"UNKNOWN_PAYMENT_ERROR":                     {status: 500, message: "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요."},

	// cancel, those not above
	"ALREADY_CANCELED_PAYMENT":                   {status: 400, message: "이미 취소된 결제 입니다."},
	"INVALID_REFUND_ACCOUNT_INFO":                {status: 400, message: "환불 계좌번호와 예금주명이 일치하지 않습니다."},
	"EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT":       {status: 400, message: "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다."},
	"INVALID_REFUND_ACCOUNT_NUMBER":              {status: 400, message: "잘못된 환불 계좌번호입니다."},
	"INVALID_BANK":                               {status: 400, message: "유효하지 않은 은행입니다."},
	"NOT_MATCHES_REFUNDABLE_AMOUNT":              {status: 400, message: "잔액 결과가 일치하지 않습니다."},
	"REFUND_REJECTED":                            {status: 400, message: "환불이 거절됐습니다. …"},
	"ALREADY_REFUND_PAYMENT":                     {status: 400, message: "이미 환불된 결제입니다."},
	"FORBIDDEN_BANK_REFUND_REQUEST":              {status: 400, message: "고객 계좌가 입금이 되지 않는 상태입니다."},
	"NOT_CANCELABLE_AMOUNT":                      {status: 403, message: "취소 할 수 없는 금액 입니다."},
	"FORBIDDEN_CONSECUTIVE_REQUEST":              {status: 403, message: "반복적인 요청은 허용되지 않습니다. …"},
	"NOT_CANCELABLE_PAYMENT":                     {status: 403, message: "취소 할 수 없는 결제 입니다."},
	"EXCEED_MAX_REFUND_DUE":                      {status: 403, message: "환불 가능한 기간이 지났습니다."},
	"NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT": {status: 403, message: "입금 대기중인 결제는 부분 환불이 불가합니다."},
	"NOT_ALLOWED_PARTIAL_REFUND":                 {status: 403, message: "에스크로 주문, 현금 카드 결제일 때는 부분 환불이 불가합니다. …"},
	"NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER":    {status: 403, message: "휴면 처리된 회원의 결제는 취소할 수 없습니다."},
	"EXCEED_CANCEL_LIMIT":                        {status: 403, message: "취소 한도 금액을 초과 하였습니다."},
	"FAILED_REFUND_PROCESS":                      {status: 500, message: "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다."},
	"FAILED_METHOD_HANDLING_CANCEL":              {status: 500, message: "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다."},
	"FAILED_PARTIAL_REFUND":                      {status: 500, message: "은행 점검, 해약 계좌 등의 사유로 부분 환불이 실패했습니다."},
	"COMMON_ERROR":                               {status: 500, message: "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요."},

	// lookup, those not above
	"NOT_FOUND": {status: 404, message: "존재하지 않는 정보 입니다."},
	"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT": {status: 400, message: "5만원 이하의 결제는 할부가 불가능해서 결제에 실패했습니다."},

	// billing, those with a message
	"DUPLICATED_ORDER_ID":          {status: 400, message: "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요."},
	"NOT_MATCHES_CUSTOMER_KEY":     {status: 400, message: "빌링 인증 고객키와 결제 요청 고객키가 일치하지 않습니다."},
	"INVALID_BILL_KEY_REQUEST":     {status: 400, message: "빌링키 인증이 완료되지 않았거나 유효하지 않은 빌링 거래 건입니다."},
	"NOT_SUPPORTED_METHOD":         {status: 400, message: "지원되지 않는 결제 수단입니다."},
	"NOT_SUPPORTED_CARD_TYPE":      {status: 400, message: "지원되지 않는 카드 종류입니다."},
	"NOT_REGISTERED_CARD_COMPANY":  {status: 400, message: "카드를 사용 등록 후 이용해주세요."},
	"ALREADY_REMOVED_BILLING_KEY":  {status: 400, message: "이미 삭제된 빌링키입니다."},
	"FAILED_CARD_COMPANY_RESPONSE": {status: 500, message: "카드사에서 에러가 발생했습니다. 잠시 후 다시 시도해 주세요."},
	"FAILED_DB_PROCESSING":         {status: 500, message: "잘못된 요청 값으로 처리 중 DB 에러가 발생했습니다."},

	// the window's own codes, and what no table has
	"PAY_PROCESS_CANCELED": {status: 400, message: "사용자에 의해 결제가 취소되었습니다."},
	"PAY_PROCESS_ABORTED":  {status: 400, message: "결제 진행 중 승인에 실패하여 결제가 중단되었습니다.", refusesCard: true},
	"EXPIRED_PAYMENT":      {status: 400, message: "결제가 만료되었습니다. 다시 시도해주세요."},
	"INVALID_TEST_CODE":    {status: 400, message: "유효하지 않은 테스트 코드입니다."}, // status documented, message ours
	"TOO_MANY_REQUESTS":    {status: 429, message: "잠시 후 다시 시도해주세요."},    // a 429 is documented, its code and message are ours
}
