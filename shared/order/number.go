package order

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Limits of the numbers. Toss Payments takes an orderId of 6 to 64 characters of A-Z a-z 0-9 _ -
// (docs.tosspayments.com, JS SDK v2); PortOne V1 takes a merchant_uid of at most 40. One grammar fits both.
const (
	IDMin             = 6
	IDMax             = 32
	SubscriptionIDMax = 24
	NumberMax         = 40
	// countMax bounds attempts, cycles and issuances in a number; it keeps every number within NumberMax.
	countMax = 99_999
)

// Errors of the grammar; the message may be shown to the merchant.
var (
	ErrID     = errors.New("must be 6 to 32 of A-Z a-z 0-9 _ - and must not contain --")
	ErrNumber = errors.New("not an order number of ours")
)

// Number is the order number a provider sees, taken apart. The written forms are
//
//	<order>                      the first attempt of an order
//	<order>--<n>                 attempt n, n >= 2
//	<subscription>--c<k>         the order of cycle k, k >= 1 (its attempts follow as --<n>)
//	<subscription>--key<n>       billing-key issuance n, n >= 1; also its customer_uid
//
// An id never contains "--", so the last "--" always divides id and suffix and no two Numbers are written alike.
type Number struct {
	ID      string // order id or subscription id, without any suffix
	Cycle   int    // 0 unless the order is a subscription's cycle
	Key     int    // 0 unless this is a billing-key issuance
	Attempt int    // 1 for the first; 0 only for an issuance
}

// OrderID is the id of the order the number belongs to: a cycle is an order of its own. It is empty for an issuance.
func (n Number) OrderID() string {
	switch {
	case n.Key > 0:
		return ""
	case n.Cycle > 0:
		return n.ID + "--c" + strconv.Itoa(n.Cycle)
	}
	return n.ID
}

// String writes the number as the provider sees it.
func (n Number) String() string {
	if n.Key > 0 {
		return n.ID + "--key" + strconv.Itoa(n.Key)
	}
	if n.Attempt > 1 {
		return n.OrderID() + "--" + strconv.Itoa(n.Attempt)
	}
	return n.OrderID()
}

// CheckID returns ErrID unless id may name an order.
func CheckID(id string) error {
	if len(id) < IDMin || len(id) > IDMax || strings.Contains(id, "--") {
		return ErrID
	}
	for _, b := range []byte(id) {
		if !isIDByte(b) {
			return ErrID
		}
	}
	return nil
}

// ParseNumber reads what a provider or a redirect says is an order number. What String would not write exactly so is
// ErrNumber: one number, one spelling.
func ParseNumber(s string) (Number, error) {
	if len(s) > NumberMax {
		return Number{}, fmt.Errorf("%w: longer than %d", ErrNumber, NumberMax)
	}
	n, err := parseSuffixes(s)
	if err != nil || n.String() != s {
		return Number{}, ErrNumber
	}
	return n, nil
}

func parseSuffixes(s string) (Number, error) {
	n := Number{Attempt: 1}
	id, suffix, found := cutLast(s)
	if count, err := strconv.Atoi(suffix); found && err == nil {
		if count < 2 || count > countMax {
			return Number{}, ErrNumber
		}
		n.Attempt = count
		id, suffix, found = cutLast(id)
	}
	n.ID = id
	if found {
		if err := n.parseKind(suffix); err != nil {
			return Number{}, err
		}
		if len(id) > SubscriptionIDMax {
			return Number{}, ErrNumber
		}
	}
	return n, CheckID(n.ID)
}

// parseKind reads c<k> or key<n>.
func (n *Number) parseKind(suffix string) error {
	kind, digits := &n.Key, strings.TrimPrefix(suffix, "key")
	if digits == suffix {
		kind, digits = &n.Cycle, strings.TrimPrefix(suffix, "c")
	}
	count, err := strconv.Atoi(digits)
	if err != nil || digits == suffix {
		return ErrNumber
	}
	if count < 1 || count > countMax {
		return ErrNumber
	}
	*kind = count
	if n.Key > 0 {
		if n.Attempt != 1 {
			return ErrNumber
		}
		n.Attempt = 0
	}
	return nil
}

func cutLast(s string) (id, suffix string, found bool) {
	i := strings.LastIndex(s, "--")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+2:], true
}

const idBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

func isIDByte(b byte) bool {
	return strings.IndexByte(idBytes, b) >= 0
}
