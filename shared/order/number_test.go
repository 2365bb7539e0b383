package order_test

import (
	"strings"
	"testing"

	"tosspay-sam/shared/order"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]order.Number{
		"order-1":               {ID: "order-1", Attempt: 1},
		"order-1--2":            {ID: "order-1", Attempt: 2},
		"order-1--99999":        {ID: "order-1", Attempt: 99999},
		"order_---2":            {ID: "order_-", Attempt: 2},
		"sub-001--c1":           {ID: "sub-001", Cycle: 1, Attempt: 1},
		"sub-001--c12--3":       {ID: "sub-001", Cycle: 12, Attempt: 3},
		"sub-001--key1":         {ID: "sub-001", Key: 1},
		"abcdef":                {ID: "abcdef", Attempt: 1},
		strings.Repeat("a", 32): {ID: strings.Repeat("a", 32), Attempt: 1},
	} {
		got, err := order.ParseNumber(s)
		if err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %+v, %v, want %+v", s, got, err, want)
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "abcde", strings.Repeat("a", 33), strings.Repeat("a", 41), "order 1", "order/1", "../order", "order.1", "주문번호123",
		"order-1--1", "order-1--0", "order-1--02", "order-1---2--", "order-1--", "--order-1", "order-1--x", "order-1--+2", "order-1--100000",
		"sub-001--c0", "sub-001--c01", "sub-001--c", "sub-001--key", "sub-001--key0", "sub-001--key1--2", "sub-001--c1--1", "sub-001--c1--c2",
		"sub-001--2--3", strings.Repeat("s", 25) + "--c1", "order-1--2\n",
	} {
		if got, err := order.ParseNumber(s); err == nil {
			t.Errorf("ParseNumber(%q) = %+v, want an error", s, got)
		}
	}
}

// FuzzParseNumber: what is accepted is written back letter for letter, is short enough for both providers and names one order.
func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"order-1", "order-1--2", "sub-001--c12--3", "sub-001--key1", "a----2", "order_---2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := order.ParseNumber(s)
		if err != nil {
			return
		}
		if n.String() != s {
			t.Errorf("ParseNumber(%q).String() = %q", s, n.String())
		}
		if len(s) > order.NumberMax || order.CheckID(n.ID) != nil {
			t.Errorf("ParseNumber(%q) = %+v accepts a number or id out of limits", s, n)
		}
		if n.Key == 0 {
			if again, err := order.ParseNumber(n.OrderID()); err != nil || again.OrderID() != n.OrderID() || again.Attempt != 1 {
				t.Errorf("order id %q of %q does not parse to itself: %+v, %v", n.OrderID(), s, again, err)
			}
		}
	})
}
