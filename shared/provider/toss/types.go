package toss

import (
	"encoding/json"
	"errors"
	"strings"
)

// ConfirmRequest is the body of POST /v1/payments/confirm.
type ConfirmRequest struct {
	PaymentKey     string `json:"paymentKey"`
	OrderID        string `json:"orderId"`
	Amount         int64  `json:"amount"` // whole won; a JSON number
	IdempotencyKey string `json:"-"`      // header; required
}

// CancelRequest is the body of POST /v1/payments/{paymentKey}/cancel.
type CancelRequest struct {
	CancelReason     string `json:"cancelReason"`            // 1 to 200 characters
	CancelAmount     int64  `json:"cancelAmount"`            // whole won
	TaxFreeAmount    int64  `json:"taxFreeAmount,omitempty"` // of CancelAmount
	RefundableAmount int64  `json:"refundableAmount"`        // what we believe is refundable; anything else is NOT_MATCHES_REFUNDABLE_AMOUNT
	IdempotencyKey   string `json:"-"`                       // header; required
}

// Payment is what we use of the Payment object (docs.tosspayments.com/reference, 2026-11). Fields and values are added to it without
// notice, so unknown ones are ignored and enumerations are open text. A field that may be null is empty here when it is.
type Payment struct {
	PaymentKey          string      `json:"paymentKey"`
	OrderID             string      `json:"orderId"`
	Status              string      `json:"status"`
	Currency            string      `json:"currency"`
	TotalAmount         json.Number `json:"totalAmount"`   // does not change by refunds
	BalanceAmount       json.Number `json:"balanceAmount"` // not refunded
	Method              string      `json:"method"`        // null until the buyer chose
	LastTransactionKey  string      `json:"lastTransactionKey"`
	ApprovedAt          string      `json:"approvedAt"` // ISO 8601 with offset; null until approved
	IsPartialCancelable bool        `json:"isPartialCancelable"`
	Receipt             struct {
		URL string `json:"url"`
	} `json:"receipt"`
	Failure Failure         `json:"failure"` // of ABORTED and EXPIRED
	Card    json.RawMessage `json:"card"`    // read by paidWith, and no reason to refuse the rest
	EasyPay json.RawMessage `json:"easyPay"`
}

// Failure is the error object: the whole body of an error, and a Payment's failure. It has a message, too, which is left out on
// purpose: it changes without notice, may quote what the buyer typed, and buyers read our own catalogue.
type Failure struct {
	Code string `json:"code"`
}

// Errors of reading a reply. They do not quote it: it may hold what the buyer typed.
var (
	errNotPayment = errors.New("the reply is not a Payment object")
	errNotError   = errors.New("the reply is not an error object")
)

// readPayment reads the body of an HTTP 200.
func readPayment(body []byte) (Payment, error) {
	var p Payment
	if err := json.Unmarshal(body, &p); err != nil {
		return Payment{}, errNotPayment
	}
	if p.PaymentKey == "" || p.OrderID == "" || p.Status == "" {
		return Payment{}, errNotPayment
	}
	return p, nil
}

// readCode reads the body of every other status.
func readCode(body []byte) (string, error) {
	var f Failure
	if err := json.Unmarshal(body, &f); err != nil || !isCode(f.Code) {
		return "", errNotError
	}
	return f.Code, nil
}

// isCode accepts the form of every documented code. Codes are stored and logged, so nothing else passes for one.
func isCode(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && s[0] >= 'A' && s[0] <= 'Z'
}
