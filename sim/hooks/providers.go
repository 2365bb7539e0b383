package hooks

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Toss is a webhook as Toss Payments sends it (docs.tosspayments.com/guides/v2/
// webhook, 2026-11): JSON, 10 s for an answer that must be exactly 200, and
// otherwise up to 7 more attempts over almost four days. The id tells one
// webhook from another and stays the same in all attempts; that it does is
// inferred, not documented.
func Toss(address, id string, body []byte) Delivery {
	return Delivery{
		Provider: "toss", URL: address, ContentType: "application/json", Body: body,
		Schedule: []time.Duration{
			1 * time.Minute, 4 * time.Minute, 16 * time.Minute, 64 * time.Minute,
			256 * time.Minute, 1024 * time.Minute, 4096 * time.Minute,
		},
		Timeout:   10 * time.Second,
		SendAgain: func(status int) bool { return status != http.StatusOK },
		Stamp: func(h http.Header, attempt int, at time.Time) {
			korean := at.In(time.FixedZone("KST", 9*60*60))
			h.Set("tosspayments-webhook-transmission-id", id)
			h.Set("tosspayments-webhook-transmission-time", korean.Format("2006-01-02T15:04:05-07:00"))
			h.Set("tosspayments-webhook-transmission-retried-count", strconv.Itoa(attempt))
		},
	}
}

// PortOne is a webhook as PortOne V1 sends it (developers.portone.io, webhook
// guide for V1, 2026-11): once, whatever the answer. With resend, which a
// merchant has to ask support for, no answer and 5xx are followed by up to 5
// more attempts, one minute apart; 4xx never are.
func PortOne(address, contentType string, body []byte, resend bool) Delivery {
	d := Delivery{
		Provider: "portone", URL: address, ContentType: contentType, Body: body,
		Timeout:   30 * time.Second,
		SendAgain: func(status int) bool { return status == 0 || status >= 500 },
	}
	if resend {
		d.Schedule = slices.Repeat([]time.Duration{time.Minute}, 5)
	}
	return d
}
