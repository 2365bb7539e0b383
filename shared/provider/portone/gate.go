package portone

import (
	"encoding/json"
	"errors"
	"strconv"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/provider"
)

// ErrQuestion refuses a body that does not say which payment would be captured, and of how much.
var ErrQuestion = errors.New("portone: the body does not name a payment and its amount")

// ParseQuestion reads {imp_uid, merchant_uid, amount} (developers.portone.io, confirm process V1, 2026-08), as JSON or as a form; the body tells
// which it is. Unlike a webhook, which only says where to look, money is taken on the answer: a body that is cut off, lacks one of the three, or
// names one twice with different values is no question.
func ParseQuestion(body []byte) (provider.Question, error) {
	names := []string{"imp_uid", "merchant_uid", "amount"}
	body = lenient.TrimBOM(body)
	var words map[string]string
	if json.Valid(body) {
		members := lenient.Object(body)
		words = map[string]string{}
		for _, name := range names {
			words[name] = lenient.Word(members[name])
		}
	} else {
		words, _ = lenient.Query(string(body), names...)
	}
	q := provider.Question{Key: words["imp_uid"], Number: words["merchant_uid"]}
	amount, err := strconv.ParseInt(words["amount"], 10, 64)
	if err != nil || amount < 1 || !provider.IsImpUID(q.Key) || !isUID(q.Number, merchantUIDMax) {
		return provider.Question{}, ErrQuestion
	}
	q.Amount = amount
	return q, nil
}
