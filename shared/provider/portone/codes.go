package portone

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"tosspay-sam/shared/provider"
)

// Operation chooses a table: the same message can mean another thing in answer to another question.
type Operation string

// The operations that have a table.
const (
	OpToken   Operation = "token"   // getToken
	OpLookup  Operation = "lookup"  // payments, find, findAll
	OpPrepare Operation = "prepare" // the three of prepare
	OpCancel  Operation = "cancel"
	OpCharge  Operation = "charge"  // again, its message when it gave no payment
	OpKey     Operation = "key"     // customers
	OpFailure Operation = "failure" // fail_reason of a payment
	OpWindow  Operation = "window"  // error_msg of the SDK and of the redirect: a hint, which proves nothing
)

// Reason is what a message or a fail_reason asks of us. It is finer than provider.Class, for what is done about a charge that failed.
type Reason uint8

// The reasons. The zero value is for everything that no table lists.
const (
	ReasonUnknown     Reason = iota // the outcome is open: ask
	ReasonDuplicate                 // the number was used before, or the thing was done before: ask, and adopt what was done
	ReasonHard                      // the buyer's means is dead or barred: ask for a new one
	ReasonSoft                      // no money or a limit: the same means may work in days
	ReasonTransient                 // a bank or card company is closed or busy: it may work in hours
	ReasonKeyGone                   // there is no such billing key any more: terminal for this customer_uid
	ReasonAbandoned                 // the buyer closed the window
	ReasonMerchant                  // the contract or the request must be mended
	ReasonCredentials               // our key was refused before anything was processed
	ReasonAbsent                    // no such payment, preparation or billing key
)

var reasons = [...]string{"unknown", "duplicate", "hard", "soft", "transient", "key-gone", "abandoned", "merchant", "credentials", "absent"}

func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "unknown"
}

// Class is the reason in the words of shared/provider.
func (r Reason) Class() provider.Class {
	switch r {
	case ReasonUnknown:
		return provider.ClassUnknown
	case ReasonDuplicate:
		return provider.ClassAlready
	case ReasonHard, ReasonKeyGone, ReasonAbandoned:
		return provider.ClassBuyer // each can be mended by the buyer, with another means
	case ReasonSoft, ReasonTransient:
		return provider.ClassLater
	case ReasonMerchant:
		return provider.ClassMerchant
	case ReasonCredentials:
		return provider.ClassCredentials
	case ReasonAbsent:
		return provider.ClassAbsent
	}
	return provider.ClassUnknown
}

// Rule says what one message asks of us. PortOne publishes no codes, and passes the gateway's text on as it is, so the codes of its
// own messages are ours, and those of Toss Pay's are Toss Pay's.
type Rule struct {
	Where  Operation
	Code   string // as a word of its own in the text, it tells this rule, too
	Match  string // part of the text, compared without its spaces; empty where only the code is documented
	Reason Reason
	Source string // where it is documented or seen
}

// Where the tables are from. The reasons are ours.
const (
	sourceSeen = "not documented by PortOne; seen in replies that public clients and their tests quote, 2026-11"
	sourceToss = "tossdev.github.io/qna.html, payment error codes, 2024-12"
	sourceBill = "tossdev.github.io/api_recurring.html, 2024-12"
)

// Codes of our own, for what the tables do not say.
const (
	CodeUnauthorized    = "UNAUTHORIZED"             // a 401, twice: the token that was just fetched was refused, too
	CodeKeysRefused     = "KEYS_REFUSED"             // no token: getToken refused the API key and secret
	CodeUnlistedMessage = "UNLISTED_MESSAGE"         // a refusal that no table lists
	CodeUnlistedReason  = "UNLISTED_REASON"          // a failed payment whose reason no table lists
	CodeOtherAmount     = provider.OtherAmount       // the number is registered with another amount
	CodeTooMany         = "MORE_PAYMENTS_THAN_READ"  // one number, more payments than are read, and no capture among those that were
	codeNothingFound    = "NOTHING_UNDER_THE_NUMBER" // an empty list
)

// Rules returns the table of an operation. Where the answer can be about money that was taken, the reasons that leave the outcome open
// come first: a text that fits two rules must not pass for a refusal.
func Rules(op Operation) []Rule {
	switch op {
	case OpCharge:
		rules := append(chargeRules(), failureRules()...)
		slices.SortStableFunc(rules, func(a, b Rule) int { return cmp.Compare(closed(a), closed(b)) })
		return rules
	case OpFailure:
		return failureRules()
	case OpCancel:
		return cancelRules()
	}
	return slices.DeleteFunc(otherRules(), func(r Rule) bool { return r.Where != op })
}

// closed is 0 for a rule that leaves the outcome open and 1 for one that does not.
func closed(r Rule) int {
	if r.Reason == ReasonUnknown || r.Reason == ReasonDuplicate {
		return 0
	}
	return 1
}

// Classify returns the code and the class of a refusal's message. A server error and "too many requests" leave the outcome unknown
// whatever they say: the reply may come from something in front of the one that knows.
func Classify(op Operation, status int, message string) (string, provider.Class) {
	if status == http.StatusUnauthorized {
		return CodeUnauthorized, provider.ClassCredentials
	}
	if rule, found := classify(op, status, message); found {
		return rule.Code, rule.Reason.Class()
	}
	// Their own 404, in their own envelope, is documented for these; its words are not.
	if status == http.StatusNotFound && (op == OpLookup || op == OpKey || op == OpPrepare) {
		return CodeUnlistedMessage, provider.ClassAbsent
	}
	return CodeUnlistedMessage, provider.ClassUnknown
}

// ReasonOf returns the reason of a code that Classify, or an answer about a failed payment, gave.
func ReasonOf(code string) Reason {
	if code == CodeUnlistedReason {
		return ReasonSoft
	}
	for _, op := range []Operation{OpCharge, OpCancel, OpToken, OpLookup, OpPrepare, OpKey, OpWindow} {
		for _, rule := range Rules(op) {
			if rule.Code == code {
				return rule.Reason
			}
		}
	}
	return ReasonUnknown
}

// Documented is what the documentation says beside a code of a refused payment, in Korean; empty where it says nothing.
func Documented(code string) string {
	for _, rule := range Rules(OpFailure) {
		if rule.Code == code && rule.Match != "" {
			return rule.Match
		}
	}
	return ""
}

// classify finds the rule of a text: by a code that stands in it, which Toss Pay keeps while it changes the words, else by its words.
func classify(op Operation, status int, text string) (Rule, bool) {
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return Rule{}, false
	}
	rules := Rules(op)
	codes := strings.FieldsFunc(text, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	for _, rule := range rules {
		for _, code := range codes {
			if code == rule.Code {
				return rule, true
			}
		}
	}
	squeezed := withoutSpaces(text)
	for _, rule := range rules {
		if rule.Match != "" && strings.Contains(squeezed, withoutSpaces(rule.Match)) {
			return rule, true
		}
	}
	return Rule{}, false
}

// withoutSpaces: the same message is seen with and without spaces between its words.
func withoutSpaces(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func chargeRules() []Rule {
	return []Rule{
		{OpCharge, "ALREADY_ORDERED", "이미 주문이 이루어진 건입니다", ReasonDuplicate, sourceSeen}, // paid or cancelled under this number: never mint another one
		{OpCharge, "BUYER_NOT_REGISTERED", "등록되지 않은 구매자입니다", ReasonKeyGone, sourceSeen},
		{OpCharge, "CUSTOMER_NOT_REGISTERED", "등록된 고객정보가 없습니다", ReasonKeyGone, sourceSeen},
	}
}

func cancelRules() []Rule {
	return []Rule{
		{OpCancel, "ALREADY_CANCELLED", "이미 전액취소된 주문입니다", ReasonDuplicate, sourceSeen}, // success, once a lookup agrees
		{OpCancel, "REFUND_ALREADY_REFUNDED", "이미 환불 되었습니다", ReasonDuplicate, sourceToss},
		{OpCancel, "REFUND_REFUND_NO_DUPLICATE", "동일한 refundNo가 이미 존재합니다", ReasonDuplicate, sourceToss},
		{OpCancel, "BNPL_ALREADY_COMPLETED_REFUND", "환불 할 수 없는 결제 건 입니다", ReasonUnknown, sourceToss}, // its name and its words differ
		{OpCancel, "COMMON_TIMEOUT", "처리 중 지연이 발생", ReasonUnknown, sourceToss},
		{OpCancel, "COMMON_REFUND_ERROR", "환불이 불가능 한 상태입니다", ReasonUnknown, sourceToss}, // perhaps because it was refunded before
		{OpCancel, "REFUND_EXCEED_DAILY", "일일 환불 한도", ReasonSoft, sourceToss},
		{OpCancel, "PAYMENT_SHOP_STATE_CANNOT_REFUND", "결제 불가 가맹점입니다", ReasonMerchant, sourceToss},
		{OpCancel, "PAYMENT_NOT_FOUND", "취소할 결제건이 존재하지 않습니다", ReasonAbsent, sourceSeen},
		{OpCancel, "CANCEL_FAILED", "결제취소에 실패하였습니다", ReasonUnknown, sourceSeen}, // the gateway's reason follows in brackets: last, so that one that is listed counts first
	}
}

func otherRules() []Rule {
	return []Rule{
		{OpToken, "KEYS_REFUSED", "인증에 실패하였습니다", ReasonCredentials, sourceSeen},
		{OpToken, "KEYS_MISSING", "imp_key, imp_secret 파라메터가 누락되었습니다", ReasonCredentials, sourceSeen},
		{OpLookup, "PAYMENT_NOT_FOUND", "존재하지 않는 결제정보입니다", ReasonAbsent, sourceSeen}, // also a test channel's payment in live mode
		{OpLookup, "STATUS_NOT_SUPPORTED", "지원되지 않는 상태값입니다", ReasonMerchant, sourceSeen},
		{OpPrepare, "ALREADY_PREPARED", "이미 등록된 merchant_uid입니다", ReasonDuplicate, sourceSeen},
		{OpPrepare, "NOT_PREPARED", "사전등록된 결제정보가 존재하지 않습니다", ReasonAbsent, sourceSeen},
		{OpKey, "CUSTOMER_NOT_FOUND", "등록된 정보를 찾을 수 없습니다", ReasonAbsent, sourceSeen}, // documented as a 404; seen as a 200 with a code
		{OpWindow, "F1002", "이미 결제가 이루어진 거래건입니다", ReasonDuplicate, sourceSeen},
		{OpWindow, "BUYER_CANCELLED", "사용자가 결제를 취소하셨습니다", ReasonAbandoned, sourceSeen},
	}
}

// failureRules is for the fail_reason of a payment, and for the message of a charge that gave no payment: Toss Pay's own words.
func failureRules() []Rule {
	return []Rule{
		// The outcome is open, although PortOne may already call the payment failed.
		{OpFailure, "COMMON_TIMEOUT", "처리 중 지연이 발생", ReasonUnknown, sourceToss},
		{OpFailure, "COMMON_SYSTEM_ERROR", "시스템 오류로 인해 통신이 원활하지 않습니다", ReasonUnknown, sourceToss},
		{OpFailure, "COMMON_PAY_ERROR", "문제가 발생하였습니다", ReasonUnknown, sourceToss},
		{OpFailure, "COMMON_ITS_NOT_ABLE_TO_CHANGE_STATUS", "요청 가능한 상태가 아닙니다", ReasonUnknown, sourceToss},
		{OpFailure, "TRANSACTION_PENDING_ERROR", "결제가 아직 진행중입니다", ReasonUnknown, sourceToss}, // may last longer than 10 minutes
		{OpFailure, "TRANSACTION_NOT_COMPLETE", "거래가 완료되지 않았습니다", ReasonUnknown, sourceToss},
		{OpFailure, "TRANSACTION_NOT_FOUND", "존재하지 않는 거래내역", ReasonUnknown, sourceToss},
		{OpFailure, "EXECUTE_PAY_NOT_APPROVED", "아직 구매자가 결제를 승인하지 않았습니다", ReasonUnknown, sourceToss},
		{OpFailure, "BNPL_IN_PROGRESS_REQUEST", "이미 처리 중인 요청입니다", ReasonUnknown, sourceToss},
		// The number was used before: another payment may have been captured under it.
		{OpFailure, "PAYMENT_DUPLICATION_ORDER_NO", "중복된 주문번호", ReasonDuplicate, sourceToss},
		{OpFailure, "PAYMENT_EXISTING_PAYMENT", "이미 존재하는 결제", ReasonDuplicate, sourceToss},
		{OpFailure, "BNPL_ALREADY_COMPLETED_REQUEST", "이미 처리 된 요청입니다", ReasonDuplicate, sourceToss},

		{OpFailure, "COMMON_BILLING_KEY_NOT_FOUND", "자동결제 정보를 찾을 수 없습니다", ReasonKeyGone, sourceToss},
		{OpFailure, "CARD_NOT_AVAILABLE", "도난/분실/거래정지 카드", ReasonHard, sourceToss},
		{OpFailure, "CARD_NOT_AVAILABLE_SHOP", "해당카드로 결제가 불가", ReasonHard, sourceToss},
		{OpFailure, "CARD_NOT_AVAILABLE_SHOP", "해당카드 사용이 불가능한 가맹점", ReasonHard, sourceToss},
		{OpFailure, "NOT_SUPPORTED_PAYMENT_METHOD", "", ReasonHard, sourceToss},
		{OpFailure, "INACTIVE_USER", "비활성 처리된 사용자", ReasonHard, sourceToss},
		{OpFailure, "INACTIVE_USER", "탈퇴한 사용자", ReasonHard, sourceToss},
		{OpFailure, "CORE_USER_ERROR", "", ReasonHard, sourceToss},
		{OpFailure, "AUTO_CHARGE_NOT_YET_REGISTER_ACCOUNT", "충전계좌가 등록되지 않았습니다", ReasonHard, sourceToss},
		{OpFailure, "BLOCKED_THE_USE_OF_POINT", "법원 압류 판결로 인해", ReasonHard, sourceToss},
		{OpFailure, "FRAUD_DETECTION_SYSTEM_ERROR", "FDS에 의해 금융거래가 차단", ReasonHard, sourceToss},
		{OpFailure, "PAY_FRAUD_DETECTED", "일시적으로 토스 서비스를 이용하실 수 없습니다", ReasonHard, sourceToss},
		{OpFailure, "USER_STATUS_ERROR", "결제 진행이 불가한 사용자", ReasonHard, sourceToss},
		{OpFailure, "BNPL_NOT_EXIST_USER", "존재하지 않는 BNPL 사용자", ReasonHard, sourceToss},
		{OpFailure, "NOT_SET_BNPL_PAYMENT_ACCOUNT", "납부계좌 설정이 필요", ReasonHard, sourceToss},

		{OpFailure, "CARD_EXCEED_LIMIT", "사용한도 초과", ReasonSoft, sourceToss},
		{OpFailure, "CARD_NOT_ENOUGH_BALANCE", "잔고 부족", ReasonSoft, sourceToss},
		{OpFailure, "COMMON_NOT_ENOUGH_CASH", "잔액이 부족", ReasonSoft, sourceToss},
		{OpFailure, "COMMON_EXCEED_LIMIT", "한도를 초과하였습니다", ReasonSoft, sourceToss},
		{OpFailure, "BNPL_EXCEED_PAYABLE_AMOUNT", "BNPL 한도가 초과", ReasonSoft, sourceToss},
		{OpFailure, "INVALID_ACCOUNT_STATUS", "계좌 상태를 확인", ReasonSoft, sourceToss},
		{OpFailure, "PAUSE_USER", "일시정지 사용자", ReasonSoft, sourceToss}, // a pause may end

		{OpFailure, "CARD_SYSTEM_ERROR", "카드사 시스템 점검 중", ReasonTransient, sourceToss},
		{OpFailure, "CARD_BANK_SYSTEM_ERROR", "카드사 거래은행 시스템 점검 중", ReasonTransient, sourceToss},
		{OpFailure, "COMMON_BREAK_TIME_OF_BANK", "은행 점검 시간", ReasonTransient, sourceToss},
		{OpFailure, "COMMON_THROTTLED", "결제 요청이 많아", ReasonTransient, sourceToss},
		{OpFailure, "COMMON_ASSET_GET_ACCOUNT_ERROR", "계좌 정보 조회에 실패", ReasonTransient, sourceToss},

		{OpFailure, "COMMON_INVALID_API_KEY", "바르지 않은 API key", ReasonMerchant, sourceToss}, // PortOne's key at Toss Pay, not ours
		{OpFailure, "COMMON_UNAUTHORIZED", "Unauthorized Access", ReasonMerchant, sourceToss},
		{OpFailure, "COMMON_INVALID_PARAMETER", "요청한 값이 바르지 않습니다", ReasonMerchant, sourceToss},
		{OpFailure, "NOT_SUPPORTED_BILLING_KEY_SHOP", "", ReasonMerchant, sourceToss},
		{OpFailure, "PAYMENT_SHOP_STATE_NOT_NORMAL", "결제 불가 가맹점입니다", ReasonMerchant, sourceToss},
		{OpFailure, "CARD_MIN_AMOUNT_ERROR", "신용카드 승인 불가", ReasonMerchant, sourceToss},
		{OpFailure, "CARD_MIN_AMOUNT_FOR_SPREADOUT_ERROR", "할부 결제는 결제금액이 50,000원 이상만", ReasonMerchant, sourceToss},
		{OpFailure, "CARD_SPREADOUT_ERROR", "할부 사용이 불가능한 카드", ReasonMerchant, sourceToss},
		{OpFailure, "CARD_INTEREST_ERROR", "무이자 할부 가맹점이 아닙니다", ReasonMerchant, sourceToss},

		{OpFailure, "BUYER_CANCELLED", "사용자가 결제를 취소하셨습니다", ReasonAbandoned, sourceSeen},
	}
}
