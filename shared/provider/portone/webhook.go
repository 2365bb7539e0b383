package portone

import (
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strings"

	"tosspay-sam/shared/provider"
)

// ErrWebhook refuses a body that is not a webhook of PortOne at all.
var ErrWebhook = errors.New("portone: the body is not a webhook")

// ParseWebhook reads a webhook's hint (developers.portone.io, webhook V1, 2026-08): {imp_uid, merchant_uid, status} and cancellation_id, as
// JSON or as a form, whichever the console says. It is not signed and names no amount: nothing of it is believed, it says which payment to
// ask about. A billing key's issuance sends the same body. Values that no payment of ours could have are left out.
func ParseWebhook(contentType string, body []byte) (provider.Hint, error) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return provider.Hint{}, ErrWebhook
	}
	var in struct {
		ImpUID      any `json:"imp_uid"`
		MerchantUID any `json:"merchant_uid"`
		Status      any `json:"status"`
	}
	switch media {
	case "application/json":
		if json.Unmarshal(body, &in) != nil || !strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
			return provider.Hint{}, ErrWebhook
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil || len(values["imp_uid"]) > 1 || len(values["merchant_uid"]) > 1 {
			return provider.Hint{}, ErrWebhook
		}
		in.ImpUID, in.MerchantUID, in.Status = values.Get("imp_uid"), values.Get("merchant_uid"), values.Get("status")
	default:
		return provider.Hint{}, ErrWebhook
	}
	h := provider.Hint{Event: "payment"}
	if s, ok := in.ImpUID.(string); ok && isImpUID(s) {
		h.Key = s
	}
	if s, ok := in.MerchantUID.(string); ok && isUID(s, merchantUIDMax) {
		h.Number = s
	}
	if s, ok := in.Status.(string); ok && len(s) <= 20 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == "" {
		h.Status = s
	}
	return h, nil
}
