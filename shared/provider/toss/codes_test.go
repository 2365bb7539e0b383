package toss_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
)

// The tables once more, written from the documentation and not from the code: code, status and a letter.
// D declined, B buyer, L later, M merchant, C credentials, P processing, A already, N absent, U unknown.
const (
	confirmTable = `
		400 ALREADY_PROCESSED_PAYMENT A, ALREADY_PROCESSING_REQUEST P, PROVIDER_ERROR U, EXCEED_MAX_CARD_INSTALLMENT_PLAN B, INVALID_REQUEST M,
		NOT_ALLOWED_POINT_USE B, INVALID_API_KEY C, INVALID_REJECT_CARD B, BELOW_MINIMUM_AMOUNT M, INVALID_CARD_EXPIRATION B,
		INVALID_STOPPED_CARD B, EXCEED_MAX_DAILY_PAYMENT_COUNT B, NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT B,
		INVALID_CARD_INSTALLMENT_PLAN B, NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN B, EXCEED_MAX_PAYMENT_AMOUNT B, NOT_FOUND_TERMINAL_ID M,
		INVALID_AUTHORIZE_AUTH D, INVALID_CARD_LOST_OR_STOLEN B, RESTRICTED_TRANSFER_ACCOUNT B, INVALID_CARD_NUMBER B,
		INVALID_UNREGISTERED_SUBMALL M, NOT_REGISTERED_BUSINESS M, EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT B,
		EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT B, CARD_PROCESSING_ERROR U, EXCEED_MAX_AMOUNT B, INVALID_ACCOUNT_INFO_RE_REGISTER B,
		NOT_AVAILABLE_PAYMENT L, UNAPPROVED_ORDER_ID U, EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT B, INVALID_IDEMPOTENCY_KEY M,
		INVALID_PAYMENT_KEY D, PAY_PROCESS_ABORTED D
		401 UNAUTHORIZED_KEY C
		403 REJECT_ACCOUNT_PAYMENT B, REJECT_CARD_PAYMENT B, REJECT_CARD_COMPANY B, FORBIDDEN_REQUEST M, REJECT_TOSSPAY_INVALID_ACCOUNT B,
		EXCEED_MAX_AUTH_COUNT B, EXCEED_MAX_ONE_DAY_AMOUNT B, NOT_AVAILABLE_BANK L, INVALID_PASSWORD B, INCORRECT_BASIC_AUTH_FORMAT C, FDS_ERROR D
		404 NOT_FOUND_PAYMENT N, NOT_FOUND_PAYMENT_SESSION D
		409 IDEMPOTENT_REQUEST_PROCESSING P
		500 FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING U, FAILED_INTERNAL_SYSTEM_PROCESSING U, UNKNOWN_PAYMENT_ERROR U`
	cancelTable = `
		400 ALREADY_CANCELED_PAYMENT A, INVALID_REFUND_ACCOUNT_INFO B, EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT D, INVALID_REQUEST M,
		INVALID_REFUND_ACCOUNT_NUMBER B, INVALID_BANK B, NOT_MATCHES_REFUNDABLE_AMOUNT U, PROVIDER_ERROR U, REFUND_REJECTED D,
		ALREADY_REFUND_PAYMENT A, FORBIDDEN_BANK_REFUND_REQUEST D, INVALID_IDEMPOTENCY_KEY M
		401 UNAUTHORIZED_KEY C
		403 NOT_CANCELABLE_AMOUNT A, FORBIDDEN_CONSECUTIVE_REQUEST L, FORBIDDEN_REQUEST M, NOT_CANCELABLE_PAYMENT D, EXCEED_MAX_REFUND_DUE D,
		NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT D, NOT_ALLOWED_PARTIAL_REFUND D, NOT_AVAILABLE_BANK L, INCORRECT_BASIC_AUTH_FORMAT C,
		NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER D, EXCEED_CANCEL_LIMIT D
		404 NOT_FOUND_PAYMENT N
		409 IDEMPOTENT_REQUEST_PROCESSING P
		500 FAILED_INTERNAL_SYSTEM_PROCESSING U, FAILED_REFUND_PROCESS U, FAILED_METHOD_HANDLING_CANCEL U, FAILED_PARTIAL_REFUND U,
		COMMON_ERROR U, FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING U`
	lookupTable = `
		400 NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT U
		401 UNAUTHORIZED_KEY C
		403 FORBIDDEN_CONSECUTIVE_REQUEST L, INCORRECT_BASIC_AUTH_FORMAT C
		404 NOT_FOUND_PAYMENT N, NOT_FOUND U
		500 FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING U`
)

var letters = map[string]provider.Class{
	"D": provider.ClassDeclined, "B": provider.ClassBuyer, "L": provider.ClassLater, "M": provider.ClassMerchant, "C": provider.ClassCredentials,
	"P": provider.ClassProcessing, "A": provider.ClassAlready, "N": provider.ClassAbsent, "U": provider.ClassUnknown,
}

func TestTablesAreComplete(t *testing.T) {
	t.Parallel()
	for op, table := range map[toss.Operation]string{toss.OpConfirm: confirmTable, toss.OpCancel: cancelTable, toss.OpLookup: lookupTable} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, rule := range toss.Rules(op) {
				got = append(got, fmt.Sprintf("%s %d %s", rule.Code, rule.HTTP, rule.Class))
				if !strings.Contains(rule.Source, "docs.tosspayments.com") {
					t.Errorf("%s has no source", rule.Code)
				}
				want := rule.Class
				if rule.HTTP >= 500 {
					want = provider.ClassUnknown
				}
				if class := toss.Classify(op, rule.HTTP, rule.Code); class != want {
					t.Errorf("%s is classified %s, want %s", rule.Code, class, want)
				}
			}
			want := readTable(t, table)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("table has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func readTable(t *testing.T, table string) []string {
	t.Helper()
	var rows []string
	words := strings.Fields(strings.ReplaceAll(table, ",", ""))
	status := ""
	for i := 0; i < len(words); i++ {
		if words[i][0] >= '0' && words[i][0] <= '9' {
			status = words[i]
			continue
		}
		class, ok := letters[words[i+1]]
		if !ok {
			t.Fatalf("%s has no letter", words[i])
		}
		rows = append(rows, fmt.Sprintf("%s %s %s", words[i], status, class))
		i++
	}
	return rows
}

// TestClassifyTrustsNoServerError: whatever decline a server error or a throttle carries, the outcome is unknown.
func TestClassifyTrustsNoServerError(t *testing.T) {
	t.Parallel()
	for _, op := range []toss.Operation{toss.OpConfirm, toss.OpCancel, toss.OpLookup} {
		for _, rule := range toss.Rules(op) {
			for _, status := range []int{429, 500, 502, 503, 504, 599} {
				if class := toss.Classify(op, status, rule.Code); class != provider.ClassUnknown {
					t.Errorf("%s with HTTP %d is %s in answer to %s", rule.Code, status, class, op)
				}
			}
			if class := toss.Classify(op, 418, rule.Code); class != rule.Class {
				t.Errorf("%s with an undocumented status is %s, want %s", rule.Code, class, rule.Class)
			}
		}
	}
}

func TestClassifyUnlisted(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "CODE_OF_TOMORROW", "reject_card_payment", " REJECT_CARD_PAYMENT", "INVALID_TEST_CODE", provider.NoAnswer, provider.Unreadable} {
		for _, op := range []toss.Operation{toss.OpConfirm, toss.OpCancel, toss.OpLookup, "", "charge"} {
			if class := toss.Classify(op, 400, code); class != provider.ClassUnknown {
				t.Errorf("%q in answer to %q is %s", code, op, class)
			}
		}
	}
	if class := toss.Classify(toss.OpLookup, 400, "REJECT_CARD_PAYMENT"); class != provider.ClassUnknown {
		t.Errorf("a confirm's decline counts as %s in answer to a lookup", class)
	}
}
