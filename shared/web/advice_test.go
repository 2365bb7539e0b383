package web

import (
	"slices"
	"strings"
	"testing"
)

// documentedCodes is the provider's list (docs.tosspayments.com/reference/error-codes, 2026-11),
// written down a second time on purpose: approve, cancel, look-up and recurring-payment errors and
// the codes of failUrl; then Toss Pay's (tossdev.github.io/qna.html, 2024-12), which come by PortOne.
const documentedCodes = `
PAY_PROCESS_CANCELED PAY_PROCESS_ABORTED REJECT_CARD_COMPANY

INVALID_REQUEST NOT_ALLOWED_POINT_USE INVALID_API_KEY INVALID_REJECT_CARD BELOW_MINIMUM_AMOUNT
EXCEED_MAX_CARD_INSTALLMENT_PLAN INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD
EXCEED_MAX_DAILY_PAYMENT_COUNT NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT
INVALID_CARD_INSTALLMENT_PLAN NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN EXCEED_MAX_PAYMENT_AMOUNT
NOT_FOUND_TERMINAL_ID INVALID_AUTHORIZE_AUTH INVALID_CARD_LOST_OR_STOLEN
RESTRICTED_TRANSFER_ACCOUNT INVALID_CARD_NUMBER INVALID_UNREGISTERED_SUBMALL
NOT_REGISTERED_BUSINESS EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT
EXCEED_MAX_AMOUNT INVALID_ACCOUNT_INFO_RE_REGISTER NOT_AVAILABLE_PAYMENT
EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT INVALID_IDEMPOTENCY_KEY UNAUTHORIZED_KEY REJECT_ACCOUNT_PAYMENT
REJECT_CARD_PAYMENT FORBIDDEN_REQUEST REJECT_TOSSPAY_INVALID_ACCOUNT EXCEED_MAX_AUTH_COUNT
EXCEED_MAX_ONE_DAY_AMOUNT NOT_AVAILABLE_BANK INVALID_PASSWORD INCORRECT_BASIC_AUTH_FORMAT FDS_ERROR
NOT_FOUND_PAYMENT_SESSION INVALID_PAYMENT_KEY NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT

ALREADY_CANCELED_PAYMENT NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT EXCEED_MAX_REFUND_DUE
NOT_MATCHES_REFUNDABLE_AMOUNT REFUND_REJECTED ALREADY_REFUND_PAYMENT FORBIDDEN_CONSECUTIVE_REQUEST

NOT_MATCHES_CUSTOMER_KEY INVALID_BILL_KEY_REQUEST NOT_SUPPORTED_METHOD NOT_SUPPORTED_CARD_TYPE
NOT_REGISTERED_CARD_COMPANY ALREADY_REMOVED_BILLING_KEY INVALID_CARD_PASSWORD
INVALID_CARD_IDENTITY INVALID_BIRTH_DAY_FORMAT
` + `
COMMON_BILLING_KEY_NOT_FOUND CARD_NOT_AVAILABLE CARD_NOT_AVAILABLE_SHOP NOT_SUPPORTED_PAYMENT_METHOD
INACTIVE_USER CORE_USER_ERROR AUTO_CHARGE_NOT_YET_REGISTER_ACCOUNT BLOCKED_THE_USE_OF_POINT
FRAUD_DETECTION_SYSTEM_ERROR PAY_FRAUD_DETECTED USER_STATUS_ERROR PAUSE_USER

CARD_EXCEED_LIMIT CARD_NOT_ENOUGH_BALANCE COMMON_NOT_ENOUGH_CASH COMMON_EXCEED_LIMIT
BNPL_EXCEED_PAYABLE_AMOUNT INVALID_ACCOUNT_STATUS

CARD_SYSTEM_ERROR CARD_BANK_SYSTEM_ERROR COMMON_BREAK_TIME_OF_BANK COMMON_THROTTLED

COMMON_INVALID_API_KEY COMMON_INVALID_PARAMETER COMMON_UNAUTHORIZED NOT_SUPPORTED_BILLING_KEY_SHOP
PAYMENT_SHOP_STATE_NOT_NORMAL CARD_MIN_AMOUNT_ERROR CARD_MIN_AMOUNT_FOR_SPREADOUT_ERROR
CARD_SPREADOUT_ERROR

REFUND_ALREADY_REFUNDED REFUND_REFUND_NO_DUPLICATE REFUND_EXCEED_DAILY COMMON_REFUND_ERROR
`

// undecidedCodes come when a payment may exist, or does.
const undecidedCodes = `
ALREADY_PROCESSED_PAYMENT ALREADY_PROCESSING_REQUEST PROVIDER_ERROR CARD_PROCESSING_ERROR
UNAPPROVED_ORDER_ID NOT_FOUND_PAYMENT IDEMPOTENT_REQUEST_PROCESSING DUPLICATED_ORDER_ID
FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_INTERNAL_SYSTEM_PROCESSING UNKNOWN_PAYMENT_ERROR
FAILED_CARD_COMPANY_RESPONSE FAILED_DB_PROCESSING COMMON_ERROR

F1002 COMMON_TIMEOUT COMMON_SYSTEM_ERROR COMMON_PAY_ERROR TRANSACTION_PENDING_ERROR
TRANSACTION_NOT_COMPLETE BNPL_IN_PROGRESS_REQUEST PAYMENT_DUPLICATION_ORDER_NO
PAYMENT_EXISTING_PAYMENT BNPL_ALREADY_COMPLETED_REQUEST
`

// chargeClaims are the words with which each language would say that money moved or did not.
var chargeClaims = map[Language][]string{
	Korean:   {"청구", "결제가 완료되었", "결제되었", "결제되지", "출금", "환불되었", "환불 처리"},
	English:  {"charged", "refunded", "was paid", "successful", "complete", "money"},
	Japanese: {"請求", "完了しました", "返金されました", "引き落と"},
	Chinese:  {"扣款", "支付成功", "已完成", "已支付", "已退"},
}

func claims(text string, language Language) bool {
	return slices.ContainsFunc(chargeClaims[language], func(claim string) bool { return strings.Contains(text, claim) })
}

func TestBuyerText(t *testing.T) {
	t.Parallel()
	listed := strings.Fields(documentedCodes + undecidedCodes)
	for _, language := range Languages() {
		general := BuyerText("SOMETHING_NEW", language)
		if general == "" || general != BuyerText("", language) || claims(general, language) {
			t.Errorf("%s: text for an unlisted code is %q", language, general)
		}
		for _, code := range listed {
			text := BuyerText(code, language)
			if text == "" || text == general {
				t.Errorf("%s %s: no text of its own kind", language, code)
			}
			if claims(text, language) {
				t.Errorf("%s %s: %q claims what happened to the money", language, code, text)
			}
			if strings.Contains(text, code) {
				t.Errorf("%s %s: %q shows the code to the buyer", language, code, text)
			}
		}
		for _, code := range strings.Fields(undecidedCodes) {
			if got, want := BuyerText(code, language), language.catalog().Advice[adviceChecking]; got != want {
				t.Errorf("%s %s: %q, want the text that asks to wait, %q", language, code, got, want)
			}
		}
		for _, code := range strings.Fields(documentedCodes) {
			if BuyerText(code, language) == language.catalog().Advice[adviceChecking] {
				t.Errorf("%s %s: asks to wait for a result that is known", language, code)
			}
		}
	}
	for code := range codeAdvice {
		if !slices.Contains(listed, code) {
			t.Errorf("%s has a text but is not in the documented list", code)
		}
	}
}

// The word list above would prove nothing if it missed the words that pages do use.
func TestChargeClaimsAreRecognised(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		for _, state := range ResultStates() {
			told := language.catalog().Results[state]
			claimed := claims(told.Title+" "+told.Body, language)
			switch state {
			case ResultReview, ResultOpen, ResultExpired, ResultRegistered, ResultNotRegistered, ResultSubscriptionEnded:
				if claimed {
					t.Errorf("%s %s: %q claims what is not known", language, state, told)
				}
			case ResultPaid, ResultRefunded, ResultDeclined, ResultCanceled, ResultAborted, ResultRejected, ResultMismatch, ResultReturned:
				if !claimed {
					t.Errorf("%s %s: %q does not say what happened to the money", language, state, told)
				}
			case ResultFailed:
			default:
				t.Errorf("%s: this test does not know whether it may speak of money", state)
			}
		}
		words := language.catalog()
		for _, told := range []message{words.Checking, words.Reversing, words.Registering, words.Problem, words.NotFound} {
			if claims(told.Title+" "+told.Body, language) {
				t.Errorf("%s: %q claims what is not known", language, told)
			}
		}
	}
}
