package portonesim

import (
	"encoding/json"
	"fmt"
	"net/url"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/hooks"
)

// webhookBody is all that a webhook says (developers.portone.io, webhook guide
// for V1, 2026-11). A billing key is announced in the very same words as a
// payment, and nothing is signed.
type webhookBody struct {
	ImpUID         string `json:"imp_uid"`
	MerchantUID    string `json:"merchant_uid"`
	Status         string `json:"status"`
	CancellationID string `json:"cancellation_id,omitempty"` // only with cancelled
}

// addresses are where webhooks of p go: notice_url instead of the address of
// the console, never both.
func (p *payment) addresses(console string) []string {
	if len(p.noticeURLs) > 0 {
		return p.noticeURLs
	}
	if console != "" {
		return []string{console}
	}
	return nil
}

// notify sends a webhook to every address. Nobody waits for it: the buyer may
// be back before or after. The caller holds mu.
func (s *Sim) notify(p *payment, status, cancellationID string, addresses []string) {
	body := webhookBody{p.impUID, p.merchantUID, status, cancellationID}
	contentType, encoded := "application/json", body.json()
	if s.o.WebhookForm {
		contentType, encoded = "application/x-www-form-urlencoded; charset=utf-8", body.form()
	}
	for _, address := range addresses {
		s.Count(OpWebhook)
		d := hooks.PortOne(address, contentType, encoded, s.o.Resend)
		d.Delay = s.o.WebhookDelay
		f, _ := s.Faults.Take(Provider, OpWebhook)
		switch f.Kind {
		case "":
			s.o.Webhooks(d)
		case fault.Delay:
			d.Delay += f.Delay
			s.o.Webhooks(d)
		case fault.LoseReply: // the provider did not hear our answer
			s.o.Webhooks(d)
			s.o.Webhooks(d)
		}
	}
}

func (b webhookBody) json() []byte {
	encoded, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("portonesim: encode webhook: %v", err)) // four strings always encode
	}
	return encoded
}

func (b webhookBody) form() []byte {
	values := url.Values{"imp_uid": {b.ImpUID}, "merchant_uid": {b.MerchantUID}, "status": {b.Status}}
	if b.CancellationID != "" {
		values.Set("cancellation_id", b.CancellationID)
	}
	return []byte(values.Encode())
}
