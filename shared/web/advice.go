package web

// advice is what a buyer can do about a refusal. Many provider codes share one.
type advice int

// The zero value says nothing about the payment, because an unlisted code proves nothing about it.
const (
	adviceGeneral      advice = iota
	adviceChecking            // the outcome is not known, or known only to the provider: wait, do not pay again
	adviceCanceled            // the buyer closed the window
	adviceAborted             // the window gave up
	adviceCardDetails         // number, expiry date or password
	adviceLimit               // limit or balance
	adviceCardBlocked         // suspended, lost or stolen; the page does not say which
	adviceIssuer              // the card company refused without a reason we may repeat
	adviceTooManyTries        // too many failed authentications
	adviceInstallment         // number of monthly payments
	advicePoints              // card points
	adviceAccount             // bank account behind a wallet
	adviceCardType            // card kind not accepted
	adviceLater               // outside service hours, under maintenance, too busy
	adviceStartAgain          // the authentication is no longer valid
	adviceSecurity            // fraud detection
	adviceShop                // the shop's settings; a buyer can only tell the shop
	adviceRegister            // a means registered for recurring payments is gone
	adviceMeans               // means not accepted here
	adviceWallet              // the buyer's account with the wallet
	adviceRefund              // codes of cancellations, seen by operators rather than buyers
	adviceCount
)

// codeAdvice lists every documented code (docs.tosspayments.com/reference/error-codes, 2026-11; Toss
// Pay's own, which PortOne passes on as they are: tossdev.github.io/qna.html, 2024-12) by what the
// buyer can do about it. Codes after which a payment may or may not exist must be
// adviceChecking: a test compares this table with the documented classes.
var codeAdvice = map[string]advice{
	// Redirects to failUrl.
	"PAY_PROCESS_CANCELED": adviceCanceled,
	"PAY_PROCESS_ABORTED":  adviceAborted,

	// The outcome is open, or the payment has been processed before.
	"ALREADY_PROCESSED_PAYMENT":                 adviceChecking,
	"ALREADY_PROCESSING_REQUEST":                adviceChecking,
	"IDEMPOTENT_REQUEST_PROCESSING":             adviceChecking,
	"DUPLICATED_ORDER_ID":                       adviceChecking,
	"PROVIDER_ERROR":                            adviceChecking,
	"CARD_PROCESSING_ERROR":                     adviceChecking,
	"UNAPPROVED_ORDER_ID":                       adviceChecking,
	"NOT_FOUND_PAYMENT":                         adviceChecking, // right after a timeout it proves nothing
	"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING": adviceChecking,
	"FAILED_INTERNAL_SYSTEM_PROCESSING":         adviceChecking,
	"FAILED_CARD_COMPANY_RESPONSE":              adviceChecking,
	"FAILED_DB_PROCESSING":                      adviceChecking,
	"UNKNOWN_PAYMENT_ERROR":                     adviceChecking,
	"COMMON_ERROR":                              adviceChecking,

	// The buyer's card or account.
	"INVALID_CARD_NUMBER":                                 adviceCardDetails,
	"INVALID_CARD_EXPIRATION":                             adviceCardDetails,
	"INVALID_CARD_PASSWORD":                               adviceCardDetails,
	"INVALID_CARD_IDENTITY":                               adviceCardDetails,
	"INVALID_BIRTH_DAY_FORMAT":                            adviceCardDetails,
	"INVALID_PASSWORD":                                    adviceCardDetails,
	"REJECT_CARD_PAYMENT":                                 adviceLimit,
	"REJECT_ACCOUNT_PAYMENT":                              adviceLimit,
	"EXCEED_MAX_AMOUNT":                                   adviceLimit,
	"EXCEED_MAX_PAYMENT_AMOUNT":                           adviceLimit,
	"EXCEED_MAX_DAILY_PAYMENT_COUNT":                      adviceLimit,
	"EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT":                   adviceLimit,
	"EXCEED_MAX_ONE_DAY_AMOUNT":                           adviceLimit,
	"EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT":                  adviceLimit,
	"EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT":                 adviceLimit,
	"INVALID_STOPPED_CARD":                                adviceCardBlocked,
	"INVALID_CARD_LOST_OR_STOLEN":                         adviceCardBlocked,
	"INVALID_REJECT_CARD":                                 adviceIssuer,
	"REJECT_CARD_COMPANY":                                 adviceIssuer,
	"EXCEED_MAX_AUTH_COUNT":                               adviceTooManyTries,
	"EXCEED_MAX_CARD_INSTALLMENT_PLAN":                    adviceInstallment,
	"INVALID_CARD_INSTALLMENT_PLAN":                       adviceInstallment,
	"NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT":     adviceInstallment,
	"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN":              adviceInstallment,
	"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT": adviceInstallment,
	"NOT_ALLOWED_POINT_USE":                               advicePoints,
	"RESTRICTED_TRANSFER_ACCOUNT":                         adviceAccount,
	"INVALID_ACCOUNT_INFO_RE_REGISTER":                    adviceAccount,
	"REJECT_TOSSPAY_INVALID_ACCOUNT":                      adviceAccount,
	"NOT_SUPPORTED_CARD_TYPE":                             adviceCardType,
	"NOT_REGISTERED_CARD_COMPANY":                         adviceCardType,
	"NOT_AVAILABLE_PAYMENT":                               adviceLater,
	"NOT_AVAILABLE_BANK":                                  adviceLater,
	"INVALID_AUTHORIZE_AUTH":                              adviceStartAgain,
	"NOT_FOUND_PAYMENT_SESSION":                           adviceStartAgain,
	"INVALID_PAYMENT_KEY":                                 adviceStartAgain,
	"FDS_ERROR":                                           adviceSecurity,

	// The shop's contract, keys or request.
	"INVALID_REQUEST":              adviceShop,
	"INVALID_API_KEY":              adviceShop,
	"UNAUTHORIZED_KEY":             adviceShop,
	"INCORRECT_BASIC_AUTH_FORMAT":  adviceShop,
	"INVALID_IDEMPOTENCY_KEY":      adviceShop,
	"FORBIDDEN_REQUEST":            adviceShop,
	"BELOW_MINIMUM_AMOUNT":         adviceShop,
	"NOT_FOUND_TERMINAL_ID":        adviceShop,
	"INVALID_UNREGISTERED_SUBMALL": adviceShop,
	"NOT_REGISTERED_BUSINESS":      adviceShop,
	"NOT_SUPPORTED_METHOD":         adviceShop,
	"NOT_MATCHES_CUSTOMER_KEY":     adviceShop,

	// Cards registered for recurring payments.
	"INVALID_BILL_KEY_REQUEST":    adviceRegister,
	"ALREADY_REMOVED_BILLING_KEY": adviceRegister,

	// Cancellations.
	"ALREADY_CANCELED_PAYMENT":      adviceRefund,
	"ALREADY_REFUND_PAYMENT":        adviceRefund,
	"NOT_CANCELABLE_AMOUNT":         adviceRefund,
	"NOT_CANCELABLE_PAYMENT":        adviceRefund,
	"EXCEED_MAX_REFUND_DUE":         adviceRefund,
	"NOT_MATCHES_REFUNDABLE_AMOUNT": adviceRefund,
	"REFUND_REJECTED":               adviceRefund,
	"FORBIDDEN_CONSECUTIVE_REQUEST": adviceRefund,

	// PortOne's window: the number has been paid before.
	"F1002": adviceChecking,

	// Toss Pay: the outcome is open, or the payment has been made before.
	"COMMON_TIMEOUT":                 adviceChecking,
	"COMMON_SYSTEM_ERROR":            adviceChecking,
	"COMMON_PAY_ERROR":               adviceChecking,
	"TRANSACTION_PENDING_ERROR":      adviceChecking,
	"TRANSACTION_NOT_COMPLETE":       adviceChecking,
	"BNPL_IN_PROGRESS_REQUEST":       adviceChecking,
	"PAYMENT_DUPLICATION_ORDER_NO":   adviceChecking,
	"PAYMENT_EXISTING_PAYMENT":       adviceChecking,
	"BNPL_ALREADY_COMPLETED_REQUEST": adviceChecking,

	// Toss Pay: the buyer's means or account.
	"CARD_EXCEED_LIMIT":                    adviceLimit,
	"CARD_NOT_ENOUGH_BALANCE":              adviceLimit,
	"COMMON_NOT_ENOUGH_CASH":               adviceLimit,
	"COMMON_EXCEED_LIMIT":                  adviceLimit,
	"BNPL_EXCEED_PAYABLE_AMOUNT":           adviceLimit,
	"CARD_NOT_AVAILABLE":                   adviceCardBlocked,
	"CARD_NOT_AVAILABLE_SHOP":              adviceMeans,
	"NOT_SUPPORTED_PAYMENT_METHOD":         adviceMeans,
	"INACTIVE_USER":                        adviceWallet,
	"CORE_USER_ERROR":                      adviceWallet,
	"USER_STATUS_ERROR":                    adviceWallet,
	"PAUSE_USER":                           adviceWallet,
	"BLOCKED_THE_USE_OF_POINT":             adviceWallet,
	"AUTO_CHARGE_NOT_YET_REGISTER_ACCOUNT": adviceAccount,
	"INVALID_ACCOUNT_STATUS":               adviceAccount,
	"FRAUD_DETECTION_SYSTEM_ERROR":         adviceSecurity,
	"PAY_FRAUD_DETECTED":                   adviceSecurity,
	"CARD_SPREADOUT_ERROR":                 adviceInstallment,
	"CARD_MIN_AMOUNT_FOR_SPREADOUT_ERROR":  adviceInstallment,
	"CARD_SYSTEM_ERROR":                    adviceLater,
	"CARD_BANK_SYSTEM_ERROR":               adviceLater,
	"COMMON_BREAK_TIME_OF_BANK":            adviceLater,
	"COMMON_THROTTLED":                     adviceLater,
	"COMMON_BILLING_KEY_NOT_FOUND":         adviceRegister,

	// Toss Pay: the shop's contract, keys or request.
	"COMMON_INVALID_API_KEY":         adviceShop,
	"COMMON_INVALID_PARAMETER":       adviceShop,
	"COMMON_UNAUTHORIZED":            adviceShop,
	"NOT_SUPPORTED_BILLING_KEY_SHOP": adviceShop,
	"PAYMENT_SHOP_STATE_NOT_NORMAL":  adviceShop,
	"CARD_MIN_AMOUNT_ERROR":          adviceShop,

	// Toss Pay: cancellations.
	"REFUND_ALREADY_REFUNDED":    adviceRefund,
	"REFUND_REFUND_NO_DUPLICATE": adviceRefund,
	"REFUND_EXCEED_DAILY":        adviceRefund,
	"COMMON_REFUND_ERROR":        adviceRefund,
}

// BuyerText is what a buyer should be told about a provider's code: one or two sentences of our own
// that say what to do. It never says whether money moved, because a code alone does not prove it;
// the page's own state says that. An unlisted code gets a text that holds in every case. The
// provider's message is never shown: on a redirect it is whatever the address bar says.
func BuyerText(code string, language Language) string {
	return language.catalog().Advice[codeAdvice[code]]
}
