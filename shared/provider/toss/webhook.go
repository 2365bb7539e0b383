package toss

import (
	"errors"
	"strings"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/provider"
)

// ErrWebhook refuses a body that is not a webhook of Toss Payments at all, or whose payment cannot be read: nobody knows what it wanted.
var ErrWebhook = errors.New("toss: the body is not a webhook that can be read")

// ParseWebhook reads a webhook's hint. Ordinary webhooks are not signed, so nothing of it is believed: it says which payment to ask about.
// Every shape they send is laid over the others (docs.tosspayments.com/reference/using-api/webhook-events, 2026-11): PAYMENT_STATUS_CHANGED
// has the payment under data; DEPOSIT_CALLBACK is flat and has no eventType; CANCEL_STATUS_CHANGED has a cancel under data, which is not
// documented to name its payment; BILLING_DELETED is documented under data and was seen without. Only the names that are wanted are read,
// whatever the rest looks like. A payment that no order of ours could have, and an event about something else, give a hint that names nothing.
func ParseWebhook(body []byte) (provider.Hint, error) {
	top := lenient.Object(body)
	data := lenient.Object(top["data"])
	event, number := lenient.Word(top["eventType"]), lenient.Word(data["orderId"])
	if flat := lenient.Word(top["orderId"]); number == "" && flat != "" {
		number = flat
		if event == "" {
			event, data = "DEPOSIT_CALLBACK", top
		}
	}
	key := lenient.Word(data["paymentKey"])
	if strings.Trim(key, keyLetters) != "" || !isPaymentKey(key) {
		key = ""
	}
	if number == "" && key == "" && aboutPayment(event) {
		return provider.Hint{}, ErrWebhook
	}
	h := provider.Hint{Event: event, Number: number, Key: key, Status: lenient.Word(data["status"])}
	if h.Status == "" {
		h.Status = lenient.Word(data["cancelStatus"])
	}
	if number != "" && !isOrderID(number) {
		h.Number, h.Key = "", ""
	}
	if !isCode(h.Event) {
		h.Event = "OTHER"
	}
	if !isCode(h.Status) {
		h.Status = ""
	}
	return h, nil
}

// aboutPayment says that an event must name a payment. One without a name may be anything.
func aboutPayment(event string) bool {
	return event == "" || event == "PAYMENT_STATUS_CHANGED" || event == "DEPOSIT_CALLBACK"
}

// keyLetters are what payment keys are made of. The client takes more; a hint from nowhere does not need to.
const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-="
