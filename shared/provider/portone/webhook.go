package portone

import (
	"errors"
	"strings"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/provider"
)

// ErrWebhook refuses a body that is not a webhook of PortOne V1 at all, or whose payment cannot be read: nobody knows what it wanted.
var ErrWebhook = errors.New("portone: the body is not a webhook that can be read")

// ParseWebhook reads a webhook's hint (developers.portone.io, webhook V1, 2026-08): {imp_uid, merchant_uid, status} and cancellation_id, as
// JSON or as a form, whichever the console says; the body tells which it is, whatever its Content-Type. It is not signed and names no amount:
// nothing of it is believed, it says which payment to ask about. A billing key's issuance sends the same body. Only the names that are wanted
// are read, whatever the rest looks like. A payment that no order of ours could have gives a hint that names nothing.
func ParseWebhook(body []byte) (provider.Hint, error) {
	words, _ := lenient.Query(string(body), "imp_uid", "merchant_uid", "status")
	if members := lenient.Object(body); members != nil {
		for _, name := range []string{"imp_uid", "merchant_uid", "status"} {
			words[name] = lenient.Word(members[name])
		}
	}
	key, number, status := words["imp_uid"], strings.TrimSpace(words["merchant_uid"]), words["status"]
	if !provider.IsImpUID(key) {
		key = ""
	}
	if number == "" && key == "" {
		return provider.Hint{}, ErrWebhook
	}
	h := provider.Hint{Event: "payment", Key: key, Number: number}
	if !isUID(number, merchantUIDMax) && number != "" {
		h.Key, h.Number = "", ""
	}
	if len(status) <= 20 && strings.Trim(status, "abcdefghijklmnopqrstuvwxyz_") == "" {
		h.Status = status
	}
	return h, nil
}
