package toss

import (
	"net/http"

	"tosspay-sam/shared/provider"
)

// Operation chooses a code table: the same code can mean another thing in answer to another question.
type Operation string

// The operations that have a table.
const (
	OpConfirm Operation = "confirm"
	OpCancel  Operation = "cancel"
	OpLookup  Operation = "lookup"
)

// Rule says what one error code asks of us.
type Rule struct {
	Code   string
	HTTP   int // the documented status; classification goes by the code, because PROVIDER_ERROR is a 400 and transient
	Class  provider.Class
	Source string // where the code is documented
}

// Where the tables are from. The classes are ours.
const (
	sourceConfirm = "docs.tosspayments.com/reference/error-codes, confirm, 2026-09"
	sourceCancel  = "docs.tosspayments.com/reference/error-codes, cancel, 2026-09"
	sourceLookup  = "docs.tosspayments.com/reference/error-codes, lookup, 2026-09"
	sourceDigest  = "docs.tosspayments.com/reference/error-codes, confirm, an older edition; gone from the one of 2026-09"
)

// codeInvalidAPIKey is a refused key that comes as a 400.
const codeInvalidAPIKey = "INVALID_API_KEY"

// Rules returns the table of an operation. A code that is not in it is provider.ClassUnknown; those whose outcome is unknown although
// they are documented are in it, too, so that the table is complete.
func Rules(op Operation) []Rule {
	switch op {
	case OpConfirm:
		return confirmRules()
	case OpCancel:
		return cancelRules()
	case OpLookup:
		return lookupRules()
	}
	return nil
}

// Classify returns the class of a code. A server error and "too many requests" leave the outcome unknown whatever code they carry: the
// reply may come from something in front of the one that knows.
func Classify(op Operation, status int, code string) provider.Class {
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return provider.ClassUnknown
	}
	for _, rule := range Rules(op) {
		if rule.Code == code {
			return rule.Class
		}
	}
	return provider.ClassUnknown
}

func confirmRules() []Rule {
	return []Rule{
		{"ALREADY_PROCESSED_PAYMENT", 400, provider.ClassAlready, sourceConfirm},
		{"ALREADY_PROCESSING_REQUEST", 400, provider.ClassProcessing, sourceConfirm}, // in the tables since 2026; cached for the idempotency key as well
		{"PROVIDER_ERROR", 400, provider.ClassUnknown, sourceConfirm},                // a 400, and yet "temporary": it may have reached the card company
		{"EXCEED_MAX_CARD_INSTALLMENT_PLAN", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_REQUEST", 400, provider.ClassMerchant, sourceConfirm},
		{"NOT_ALLOWED_POINT_USE", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_API_KEY", 400, provider.ClassCredentials, sourceConfirm}, // the two keys are not of one merchant id
		{"INVALID_REJECT_CARD", 400, provider.ClassBuyer, sourceConfirm},
		{"BELOW_MINIMUM_AMOUNT", 400, provider.ClassMerchant, sourceConfirm}, // 100 won by card, 200 by account
		{"INVALID_CARD_EXPIRATION", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_STOPPED_CARD", 400, provider.ClassBuyer, sourceConfirm},
		{"EXCEED_MAX_DAILY_PAYMENT_COUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_CARD_INSTALLMENT_PLAN", 400, provider.ClassBuyer, sourceConfirm},
		{"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", 400, provider.ClassBuyer, sourceConfirm},
		{"EXCEED_MAX_PAYMENT_AMOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"NOT_FOUND_TERMINAL_ID", 400, provider.ClassMerchant, sourceConfirm},
		{"INVALID_AUTHORIZE_AUTH", 400, provider.ClassDeclined, sourceConfirm},
		{"INVALID_CARD_LOST_OR_STOLEN", 400, provider.ClassBuyer, sourceConfirm},
		{"RESTRICTED_TRANSFER_ACCOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_CARD_NUMBER", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_UNREGISTERED_SUBMALL", 400, provider.ClassMerchant, sourceConfirm},
		{"NOT_REGISTERED_BUSINESS", 400, provider.ClassMerchant, sourceConfirm},
		{"EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"CARD_PROCESSING_ERROR", 400, provider.ClassUnknown, sourceConfirm}, // the card company failed, perhaps after it took the money
		{"EXCEED_MAX_AMOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_ACCOUNT_INFO_RE_REGISTER", 400, provider.ClassBuyer, sourceConfirm},
		{"NOT_AVAILABLE_PAYMENT", 400, provider.ClassLater, sourceConfirm},
		{"UNAPPROVED_ORDER_ID", 400, provider.ClassUnknown, sourceConfirm}, // "not approved yet"
		{"EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", 400, provider.ClassBuyer, sourceConfirm},
		{"INVALID_IDEMPOTENCY_KEY", 400, provider.ClassMerchant, sourceConfirm},
		{"INVALID_PAYMENT_KEY", 400, provider.ClassDeclined, sourceDigest},
		{"PAY_PROCESS_ABORTED", 400, provider.ClassDeclined, sourceDigest},
		{"UNAUTHORIZED_KEY", 401, provider.ClassCredentials, sourceConfirm},
		{"REJECT_ACCOUNT_PAYMENT", 403, provider.ClassBuyer, sourceConfirm},
		{"REJECT_CARD_PAYMENT", 403, provider.ClassBuyer, sourceConfirm},
		{"REJECT_CARD_COMPANY", 403, provider.ClassBuyer, sourceConfirm},
		{"FORBIDDEN_REQUEST", 403, provider.ClassMerchant, sourceConfirm}, // keys of another merchant id, or another orderId or amount than the buyer authenticated
		{"REJECT_TOSSPAY_INVALID_ACCOUNT", 403, provider.ClassBuyer, sourceConfirm},
		{"EXCEED_MAX_AUTH_COUNT", 403, provider.ClassBuyer, sourceConfirm},
		{"EXCEED_MAX_ONE_DAY_AMOUNT", 403, provider.ClassBuyer, sourceConfirm},
		{"NOT_AVAILABLE_BANK", 403, provider.ClassLater, sourceConfirm},
		{"INVALID_PASSWORD", 403, provider.ClassBuyer, sourceConfirm},
		{"INCORRECT_BASIC_AUTH_FORMAT", 403, provider.ClassCredentials, sourceConfirm},
		{"FDS_ERROR", 403, provider.ClassDeclined, sourceConfirm},
		{"NOT_FOUND_PAYMENT", 404, provider.ClassAbsent, sourceConfirm},                 // right after a lost reply it proves little: the use case asks again
		{"NOT_FOUND_PAYMENT_SESSION", 404, provider.ClassDeclined, sourceConfirm},       // more than 10 minutes after the buyer authenticated
		{"IDEMPOTENT_REQUEST_PROCESSING", 409, provider.ClassProcessing, sourceConfirm}, // the first request with this key is at work
		{"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, provider.ClassUnknown, sourceConfirm},
		{"FAILED_INTERNAL_SYSTEM_PROCESSING", 500, provider.ClassUnknown, sourceConfirm},
		{"UNKNOWN_PAYMENT_ERROR", 500, provider.ClassUnknown, sourceConfirm},
	}
}

func cancelRules() []Rule {
	return []Rule{
		{"ALREADY_CANCELED_PAYMENT", 400, provider.ClassAlready, sourceCancel},
		{"INVALID_REFUND_ACCOUNT_INFO", 400, provider.ClassBuyer, sourceCancel},
		{"EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", 400, provider.ClassDeclined, sourceCancel},
		{"INVALID_REQUEST", 400, provider.ClassMerchant, sourceCancel},
		{"INVALID_REFUND_ACCOUNT_NUMBER", 400, provider.ClassBuyer, sourceCancel},
		{"INVALID_BANK", 400, provider.ClassBuyer, sourceCancel},
		{"NOT_MATCHES_REFUNDABLE_AMOUNT", 400, provider.ClassUnknown, sourceCancel}, // somebody refunded in between, perhaps a lost try of this one
		{"PROVIDER_ERROR", 400, provider.ClassUnknown, sourceCancel},
		{"REFUND_REJECTED", 400, provider.ClassDeclined, sourceCancel},
		{"ALREADY_REFUND_PAYMENT", 400, provider.ClassAlready, sourceCancel},
		{"FORBIDDEN_BANK_REFUND_REQUEST", 400, provider.ClassDeclined, sourceCancel},
		{"INVALID_IDEMPOTENCY_KEY", 400, provider.ClassMerchant, sourceCancel},
		{"UNAUTHORIZED_KEY", 401, provider.ClassCredentials, sourceCancel},
		{"NOT_CANCELABLE_AMOUNT", 403, provider.ClassAlready, sourceCancel},       // also what a repeated partial cancel gets when the first one emptied the balance
		{"FORBIDDEN_CONSECUTIVE_REQUEST", 403, provider.ClassLater, sourceCancel}, // too soon after another one
		{"FORBIDDEN_REQUEST", 403, provider.ClassMerchant, sourceCancel},
		{"NOT_CANCELABLE_PAYMENT", 403, provider.ClassDeclined, sourceCancel},
		{"EXCEED_MAX_REFUND_DUE", 403, provider.ClassDeclined, sourceCancel},
		{"NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", 403, provider.ClassDeclined, sourceCancel},
		{"NOT_ALLOWED_PARTIAL_REFUND", 403, provider.ClassDeclined, sourceCancel},
		{"NOT_AVAILABLE_BANK", 403, provider.ClassLater, sourceCancel},
		{"INCORRECT_BASIC_AUTH_FORMAT", 403, provider.ClassCredentials, sourceCancel},
		{"NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", 403, provider.ClassDeclined, sourceCancel},
		{"EXCEED_CANCEL_LIMIT", 403, provider.ClassDeclined, sourceCancel},
		{"NOT_FOUND_PAYMENT", 404, provider.ClassAbsent, sourceCancel},
		{"IDEMPOTENT_REQUEST_PROCESSING", 409, provider.ClassProcessing, sourceCancel},
		{"FAILED_INTERNAL_SYSTEM_PROCESSING", 500, provider.ClassUnknown, sourceCancel},
		{"FAILED_REFUND_PROCESS", 500, provider.ClassUnknown, sourceCancel},
		{"FAILED_METHOD_HANDLING_CANCEL", 500, provider.ClassUnknown, sourceCancel},
		{"FAILED_PARTIAL_REFUND", 500, provider.ClassUnknown, sourceCancel},
		{"COMMON_ERROR", 500, provider.ClassUnknown, sourceCancel},
		{"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, provider.ClassUnknown, sourceCancel},
	}
}

func lookupRules() []Rule {
	return []Rule{
		{"NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", 400, provider.ClassUnknown, sourceLookup}, // says nothing about the payment
		{"UNAUTHORIZED_KEY", 401, provider.ClassCredentials, sourceLookup},
		{"FORBIDDEN_CONSECUTIVE_REQUEST", 403, provider.ClassLater, sourceLookup},
		{"INCORRECT_BASIC_AUTH_FORMAT", 403, provider.ClassCredentials, sourceLookup},
		{"NOT_FOUND_PAYMENT", 404, provider.ClassAbsent, sourceLookup},
		{"NOT_FOUND", 404, provider.ClassUnknown, sourceLookup}, // perhaps a wrong address, so it does not prove that there is no payment
		{"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, provider.ClassUnknown, sourceLookup},
	}
}
