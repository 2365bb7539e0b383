package portone_test

import (
	"strings"
	"testing"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

// The tables once more, written from the documentation and not from the code: the operation, the whole text as it is documented or was
// seen, its code and its reason.
const messages = `
token    | 인증에 실패하였습니다. API키와 secret을 확인하세요. | KEYS_REFUSED credentials
token    | imp_key, imp_secret 파라메터가 누락되었습니다. | KEYS_MISSING credentials
lookup   | 존재하지 않는 결제정보입니다. | PAYMENT_NOT_FOUND absent
lookup   | 지원되지 않는 상태값입니다. | STATUS_NOT_SUPPORTED merchant
prepare  | 결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다). | ALREADY_PREPARED duplicate
prepare  | 사전등록된 결제정보가 존재하지 않습니다. | NOT_PREPARED absent
charge   | 이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다) | ALREADY_ORDERED duplicate
charge   | 등록되지 않은 구매자입니다. | BUYER_NOT_REGISTERED key-gone
charge   | 등록된 고객정보가 없습니다. | CUSTOMER_NOT_REGISTERED key-gone
cancel   | 취소할 결제건이 존재하지 않습니다. | PAYMENT_NOT_FOUND absent
cancel   | 이미 전액취소된 주문입니다. | ALREADY_CANCELLED duplicate
cancel   | 결제취소에 실패하였습니다.(뭔가) | CANCEL_FAILED unknown
cancel   | 환불이 불가능 한 상태입니다. | COMMON_REFUND_ERROR unknown
cancel   | 동일한 refundNo가 이미 존재합니다. | REFUND_REFUND_NO_DUPLICATE duplicate
cancel   | 이미 환불 되었습니다. | REFUND_ALREADY_REFUNDED duplicate
cancel   | 환불 할 수 없는 결제 건 입니다. | BNPL_ALREADY_COMPLETED_REFUND unknown
cancel   | 처리 중 지연이 발생하였습니다. 다시 시도해주세요. | COMMON_TIMEOUT unknown
cancel   | 환불 금액이 상점의 일일 환불 한도보다 클 수 없습니다. | REFUND_EXCEED_DAILY soft
cancel   | 결제 불가 가맹점입니다. 가맹점 고객센터로 문의하여 주세요.(사고신고) | PAYMENT_SHOP_STATE_CANNOT_REFUND merchant
key      | 요청하신 customer_uid(cu_1)로 등록된 정보를 찾을 수 없습니다. | CUSTOMER_NOT_FOUND absent
window   | 이미 결제가 이루어진 거래건입니다. | F1002 duplicate
window   | [결제포기] 사용자가 결제를 취소하셨습니다 | BUYER_CANCELLED abandoned
failure  | 시스템 오류로 인해 통신이 원활하지 않습니다.문제가 계속되면 토스 고객센터로 문의해주세요. (1599-4905) | COMMON_SYSTEM_ERROR unknown
failure  | 요청한 값이 바르지 않습니다. | COMMON_INVALID_PARAMETER merchant
failure  | 문제가 발생하였습니다. | COMMON_PAY_ERROR unknown
failure  | 충전계좌의 잔액이 부족하여 토스머니 충전이 불가합니다. | COMMON_NOT_ENOUGH_CASH soft
failure  | 한도를 초과하였습니다. | COMMON_EXCEED_LIMIT soft
failure  | 계좌 정보 조회에 실패 하였습니다. | COMMON_ASSET_GET_ACCOUNT_ERROR transient
failure  | 중복된 주문번호 입니다. | PAYMENT_DUPLICATION_ORDER_NO duplicate
failure  | 이미 존재하는 결제입니다. | PAYMENT_EXISTING_PAYMENT duplicate
failure  | 조금 전 신청하신 결제가 아직 진행중입니다. 잠시 후 다시 시도해주세요. 이 상태가 10분 이상 지속되면 토스팀에 문의해주시기 바랍니다. (1599-4905) | TRANSACTION_PENDING_ERROR unknown
failure  | 계좌 상태를 확인해주세요. | INVALID_ACCOUNT_STATUS soft
failure  | FDS에 의해 금융거래가 차단된 상태입니다. | FRAUD_DETECTION_SYSTEM_ERROR hard
failure  | 결제 진행이 불가한 사용자입니다. | USER_STATUS_ERROR hard
failure  | 거래가 완료되지 않았습니다. | TRANSACTION_NOT_COMPLETE unknown
failure  | 존재하지 않는 거래내역 입니다. | TRANSACTION_NOT_FOUND unknown
failure  | 아직 구매자가 결제를 승인하지 않았습니다. | EXECUTE_PAY_NOT_APPROVED unknown
failure  | 요청 가능한 상태가 아닙니다. | COMMON_ITS_NOT_ABLE_TO_CHANGE_STATUS unknown
failure  | 비활성 처리된 사용자입니다. | INACTIVE_USER hard
failure  | 탈퇴한 사용자입니다. | INACTIVE_USER hard
failure  | 충전계좌가 등록되지 않았습니다. | AUTO_CHARGE_NOT_YET_REGISTER_ACCOUNT hard
failure  | 일시적으로 토스 서비스를 이용하실 수 없습니다. 문제가 계속되면 토스 고객센터로 문의해주세요. (1599-4905) | PAY_FRAUD_DETECTED hard
failure  | 법원 압류 판결로 인해 토스포인트를 쓸 수 없어요. | BLOCKED_THE_USE_OF_POINT hard
failure  | 카드사 시스템 점검 중입니다. 잠시 후 다시 시도해주세요. | CARD_SYSTEM_ERROR transient
failure  | 카드사 거래은행 시스템 점검 중입니다. 잠시 후 다시 시도해주세요 | CARD_BANK_SYSTEM_ERROR transient
failure  | 해당카드로 결제가 불가합니다. 다른 결제수단으로 다시 시도하거나 토스 고객센터로 문의해주세요.(1599-4905) | CARD_NOT_AVAILABLE_SHOP hard
failure  | 해당카드 사용이 불가능한 가맹점입니다. (타카드 사용요망) | CARD_NOT_AVAILABLE_SHOP hard
failure  | 도난/분실/거래정지 카드로 승인이 거절되었습니다. | CARD_NOT_AVAILABLE hard
failure  | 사용한도 초과로 승인이 거절되었습니다. | CARD_EXCEED_LIMIT soft
failure  | 잔고 부족으로 승인이 거절되었습니다. | CARD_NOT_ENOUGH_BALANCE soft
failure  | 할부 사용이 불가능한 카드로 승인이 거절되었습니다. | CARD_SPREADOUT_ERROR merchant
failure  | 무이자 할부 가맹점이 아닙니다. | CARD_INTEREST_ERROR merchant
failure  | 금액오류(100원 또는 1달러 미만 신용카드 승인 불가) | CARD_MIN_AMOUNT_ERROR merchant
failure  | 할부 결제는 결제금액이 50,000원 이상만 가능합니다. 일시불로 결제해주세요. | CARD_MIN_AMOUNT_FOR_SPREADOUT_ERROR merchant
failure  | 존재하지 않는 BNPL 사용자 입니다. | BNPL_NOT_EXIST_USER hard
failure  | BNPL 한도가 초과되었습니다. | BNPL_EXCEED_PAYABLE_AMOUNT soft
failure  | 이미 처리 된 요청입니다. | BNPL_ALREADY_COMPLETED_REQUEST duplicate
failure  | 이미 처리 중인 요청입니다. | BNPL_IN_PROGRESS_REQUEST unknown
failure  | 후불결제 진행을 위해 납부계좌 설정이 필요해요. | NOT_SET_BNPL_PAYMENT_ACCOUNT hard
failure  | 바르지 않은 API key 입니다. | COMMON_INVALID_API_KEY merchant
failure  | 바르지 않은 apiKey 입니다. | UNLISTED_REASON soft
failure  | 지금은 은행 점검 시간입니다. 점검이 끝난 후 사용해주세요. | COMMON_BREAK_TIME_OF_BANK transient
failure  | Unauthorized Access | COMMON_UNAUTHORIZED merchant
failure  | 결제 불가 가맹점입니다. 가맹점 고객센터로 문의하여 주세요. | PAYMENT_SHOP_STATE_NOT_NORMAL merchant
failure  | 일시정지 사용자입니다. | PAUSE_USER soft
failure  | 처리 중 지연이 발생하였습니다. 다시 시도해주세요. | COMMON_TIMEOUT unknown
failure  | 결제 요청이 많아 서비스 이용이 원활하지 않습니다. 잠시 후에 다시 시도해주세요. | COMMON_THROTTLED transient
failure  | 자동결제 정보를 찾을 수 없습니다. | COMMON_BILLING_KEY_NOT_FOUND key-gone
failure  | NOT_SUPPORTED_PAYMENT_METHOD | NOT_SUPPORTED_PAYMENT_METHOD hard
failure  | CORE_USER_ERROR | CORE_USER_ERROR hard
failure  | NOT_SUPPORTED_BILLING_KEY_SHOP | NOT_SUPPORTED_BILLING_KEY_SHOP merchant
failure  | [결제포기] 사용자가 결제를 취소하셨습니다 | BUYER_CANCELLED abandoned
failure  | 카드사 거절 | UNLISTED_REASON soft
`

type message struct{ op, text, code, reason string }

func table(t *testing.T) []message {
	t.Helper()
	var all []message
	for row := range strings.Lines(messages) {
		if strings.TrimSpace(row) == "" {
			continue
		}
		parts := strings.Split(row, " | ")
		code, reason, ok := strings.Cut(strings.TrimSpace(parts[len(parts)-1]), " ")
		if len(parts) != 3 || !ok {
			t.Fatalf("row %q", row)
		}
		all = append(all, message{strings.TrimSpace(parts[0]), parts[1], code, reason})
	}
	return all
}

// TestEveryMessage: each text as it stands, with the spaces taken out, and inside other words.
func TestEveryMessage(t *testing.T) {
	t.Parallel()
	for _, m := range table(t) {
		if m.op == "failure" {
			continue // a reason is no refusal; see TestEveryReason
		}
		for _, text := range []string{m.text, strings.ReplaceAll(m.text, " ", ""), "[오류] " + m.text + " (1)"} {
			code, class := portone.Classify(portone.Operation(m.op), 200, text)
			reason := portone.ReasonOf(code)
			if code != m.code || class != reason.Class() {
				t.Errorf("%s %q: %s, class %s; want %s", m.op, text, code, class, m.code)
			}
		}
		for _, rule := range portone.Rules(portone.Operation(m.op)) {
			if rule.Code == m.code && rule.Reason.String() != m.reason {
				t.Errorf("%s of %s is %s, want %s", rule.Code, m.op, rule.Reason, m.reason)
			}
		}
	}
}

// TestEveryReason: the texts of failed payments, and the same texts as messages of refused charges, with and without the code.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	for _, m := range table(t) {
		if m.op != "failure" {
			continue
		}
		texts := []string{m.text, strings.ReplaceAll(m.text, " ", ""), "결제에 실패하였습니다. (" + m.text + ")"}
		if m.code != portone.CodeUnlistedReason {
			texts = append(texts, m.code, "["+m.code+"] 다른 말", m.code+":"+m.text)
		}
		for _, text := range texts {
			a := failing(t, text)
			reason := portone.ReasonOf(a.Code)
			if a.Code != m.code || reason.String() != m.reason || a.Class != reason.Class() {
				t.Errorf("%q: %s, %s, class %s; want %s, %s", text, a.Code, reason, a.Class, m.code, m.reason)
			}
			open := m.reason == "unknown" || m.reason == "duplicate"
			if open != (a.Verdict == provider.Pending) || !open && a.Verdict != provider.Declined {
				t.Errorf("%q: verdict %s for reason %s", text, a.Verdict, m.reason)
			}
			code, class := portone.Classify(portone.OpCharge, 200, text)
			if m.code == portone.CodeUnlistedReason {
				if code != portone.CodeUnlistedMessage || class != provider.ClassUnknown {
					t.Errorf("a refused charge without a payment, %q: %s, %s; it proves nothing", text, code, class)
				}
			} else if code != m.code || class != reason.Class() {
				t.Errorf("a refused charge, %q: %s, %s; want %s", text, code, class, m.code)
			}
		}
	}
}

// TestEveryRuleIsInTheTable: a rule that is added to the code is added here, from its source.
func TestEveryRuleIsInTheTable(t *testing.T) {
	t.Parallel()
	listed := map[string]string{}
	for _, m := range table(t) {
		listed[m.op+" "+m.code] = m.reason
	}
	for _, op := range []portone.Operation{portone.OpToken, portone.OpLookup, portone.OpPrepare, portone.OpCancel, portone.OpCharge, portone.OpKey,
		portone.OpFailure, portone.OpWindow} {
		if len(portone.Rules(op)) == 0 {
			t.Errorf("no rules for %s", op)
		}
		for _, rule := range portone.Rules(op) {
			if listed[string(rule.Where)+" "+rule.Code] != rule.Reason.String() {
				t.Errorf("%s %s %s is not in the table of this test", rule.Where, rule.Code, rule.Reason)
			}
			if !strings.Contains(rule.Source, "202") {
				t.Errorf("%s has no source with a date", rule.Code)
			}
		}
	}
	if len(portone.Rules("")) != 0 || len(portone.Rules("confirm")) != 0 {
		t.Error("an operation that is none has rules")
	}
}

// TestEveryClassHasAFixture fails when a table gets a class that no fixture shows.
func TestEveryClassHasAFixture(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, file := range providertest.Files(t) {
		f := providertest.Read(t, file)
		want := providertest.Fields(f.Want)
		shown[f.Call["call"]+" "+want["code"]] = true
		if want["payment.status"] == "failed" {
			shown["failed "+want["code"]] = true
		}
	}
	shown["register ALREADY_PREPARED"] = true // no answer: the registered amount is read and compared
	for op, calls := range map[portone.Operation][]string{
		portone.OpLookup: {"find", "find-by-order"}, portone.OpPrepare: {"register"}, portone.OpCancel: {"cancel"}, portone.OpCharge: {"charge"},
		portone.OpKey: {"billing-key", "delete-billing-key"}, portone.OpFailure: {"failed"},
	} {
		reasons := map[portone.Reason]bool{}
		for _, rule := range portone.Rules(op) {
			for _, call := range calls {
				reasons[rule.Reason] = reasons[rule.Reason] || shown[call+" "+rule.Code]
			}
		}
		for reason, ok := range reasons {
			if !ok && !(op == portone.OpCharge && reason == portone.ReasonAbandoned) { // nobody closes a window that was never opened
				t.Errorf("no fixture shows a reason %s in answer to %s", reason, op)
			}
		}
	}
}

// TestOneCodeOneReason: what is done about a code must not depend on where it was stored.
func TestOneCodeOneReason(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{}
	for _, m := range table(t) {
		if before, found := reasons[m.code]; found && before != m.reason {
			t.Errorf("%s is %s and %s", m.code, before, m.reason)
		}
		reasons[m.code] = m.reason
	}
	for _, code := range []string{"", "CODE_OF_TOMORROW", provider.NoAnswer, provider.Unreadable, portone.CodeUnlistedMessage, portone.CodeUnauthorized} {
		if reason := portone.ReasonOf(code); reason != portone.ReasonUnknown {
			t.Errorf("%q is %s", code, reason)
		}
	}
}

// TestClassifyTrustsNoServerError: whatever decline a server error or a throttle carries, the outcome is unknown.
func TestClassifyTrustsNoServerError(t *testing.T) {
	t.Parallel()
	for _, m := range table(t) {
		op := portone.Operation(m.op)
		if m.op == "failure" {
			op = portone.OpCharge
		}
		for _, status := range []int{429, 500, 502, 503, 504, 599} {
			if _, class := portone.Classify(op, status, m.text); class != provider.ClassUnknown {
				t.Errorf("%q with HTTP %d is %s", m.text, status, class)
			}
		}
		if _, class := portone.Classify(op, 401, m.text); class != provider.ClassCredentials {
			t.Errorf("%q with HTTP 401 is %s", m.text, class)
		}
	}
}

// TestTextsOfTwoRules: a text that could be a refusal and could be none is none.
func TestTextsOfTwoRules(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"잔고 부족으로 승인이 거절되었습니다. 처리 중 지연이 발생하였습니다.",
		"등록되지 않은 구매자입니다. 처리 중 지연이 발생하였습니다.",
		"등록되지 않은 구매자입니다. 이미 주문이 이루어진 건입니다.",
		"CARD_EXCEED_LIMIT TRANSACTION_PENDING_ERROR",
	} {
		if code, class := portone.Classify(portone.OpCharge, 200, text); class.Definitive() {
			t.Errorf("%q is taken for %s", text, code)
		}
	}
	for _, text := range []string{"card_exceed_limit", "XCARD_EXCEED_LIMIT", "CARD_EXCEED_LIMIT_2", ""} {
		if code, class := portone.Classify(portone.OpCharge, 200, text); class != provider.ClassUnknown {
			t.Errorf("%q is taken for %s", text, code)
		}
	}
}

// TestOneTableDoesNotServeAnother: a refusal of one question is none of another.
func TestOneTableDoesNotServeAnother(t *testing.T) {
	t.Parallel()
	for _, op := range []portone.Operation{portone.OpLookup, portone.OpCancel, portone.OpPrepare, portone.OpKey} {
		for _, text := range []string{"등록되지 않은 구매자입니다.", "잔고 부족으로 승인이 거절되었습니다."} {
			if code, class := portone.Classify(op, 200, text); class != provider.ClassUnknown {
				t.Errorf("%q in answer to %s is %s", text, op, code)
			}
		}
	}
}
