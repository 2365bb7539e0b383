package toss

import (
	"encoding/json"
	"errors"
	"mime"
	"strings"

	"tosspay-sam/shared/provider"
)

// ErrWebhook refuses a body that is not a webhook of Toss Payments at all.
var ErrWebhook = errors.New("toss: the body is not a webhook")

// webhookBody is every shape they send, laid over each other (docs.tosspayments.com/reference/using-api/webhook-events, 2026-11):
// PAYMENT_STATUS_CHANGED has the payment under data; DEPOSIT_CALLBACK is flat and has no eventType; CANCEL_STATUS_CHANGED has a cancel
// under data, which is not documented to name its payment; BILLING_DELETED is documented under data and was seen without. createdAt has no
// offset and five or six digits of a second; nothing here needs it.
type webhookBody struct {
	EventType string      `json:"eventType"`
	OrderID   string      `json:"orderId"`
	Status    string      `json:"status"`
	Data      webhookData `json:"data"`
}

type webhookData struct {
	PaymentKey   string `json:"paymentKey"`
	OrderID      string `json:"orderId"`
	Status       string `json:"status"`
	CancelStatus string `json:"cancelStatus"`
}

// ParseWebhook reads a webhook's hint. Ordinary webhooks are not signed, so nothing of it is believed: it says which payment to ask about.
// Events of other kinds give a hint without a number. Values that no payment of ours could have are left out.
func ParseWebhook(contentType string, body []byte) (provider.Hint, error) {
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
		return provider.Hint{}, ErrWebhook
	}
	var in webhookBody
	if err := json.Unmarshal(body, &in); err != nil {
		var kind struct {
			EventType string `json:"eventType"`
		}
		if json.Unmarshal(body, &kind) != nil || kind.EventType == "" {
			return provider.Hint{}, ErrWebhook
		}
		in = webhookBody{EventType: kind.EventType} // an event of a shape we do not know
	}
	h := provider.Hint{Event: in.EventType, Number: in.Data.OrderID, Key: in.Data.PaymentKey, Status: in.Data.Status}
	if in.EventType == "" && in.OrderID != "" {
		h = provider.Hint{Event: "DEPOSIT_CALLBACK", Number: in.OrderID, Status: in.Status}
	}
	if h.Status == "" {
		h.Status = in.Data.CancelStatus
	}
	if h.Event != "" && !isCode(h.Event) {
		h.Event = "OTHER"
	}
	if !isCode(h.Status) {
		h.Status = ""
	}
	if !isOrderID(h.Number) {
		h.Number = ""
	}
	if strings.Trim(h.Key, keyLetters) != "" || !isPaymentKey(h.Key) {
		h.Key = ""
	}
	return h, nil
}

// keyLetters are what payment keys are made of. The client takes more; a hint from nowhere does not need to.
const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-="
