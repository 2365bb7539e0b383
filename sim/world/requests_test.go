package world_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// tap is a process's way to the provider, of which it keeps the requests.
type tap struct {
	http.RoundTripper
	mu   sync.Mutex
	sent []sent
}

type sent struct{ path, idempotency, body string }

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	s := sent{path: r.URL.Path, idempotency: r.Header.Get("Idempotency-Key")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.body, r.Body = string(body), io.NopCloser(strings.NewReader(string(body)))
	}
	p.mu.Lock()
	p.sent = append(p.sent, s)
	p.mu.Unlock()
	return p.RoundTripper.RoundTrip(r)
}

// of are the requests whose path ends so.
func (p *tap) of(end string) (found []sent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sent {
		if strings.HasSuffix(s.path, end) {
			found = append(found, s)
		}
	}
	return found
}

// tapped is a process of the stage's deployment, what settles an order in it, and its requests.
func (s *stage) tapped() (http.Handler, *payment.Settler, *tap) {
	p := &tap{RoundTripper: s.Parts.Transport}
	parts := s.Parts
	parts.Transport = p
	return s.Doors(parts), parts.Settler(), p
}

// TestCancelIsOneRequest: a cancel whose request was lost is sent again with the same idempotency key, so that two that arrive are one; the cancel of
// another payment has another one.
func TestCancelIsOneRequest(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		door, settler, requests := s.tapped()
		m := s.order("order-1")
		first, second, third := s.approve(m), s.approve(m), s.approve(m)
		s.At(door).Get(first)
		s.Fault(fault.Fault{Operation: tosssim.OpCancel, Kind: fault.RefuseConnection, Times: 2})
		for _, redirect := range []string{second, third} {
			s.mustCapture(redirect)
			s.At(door).Send(hint(redirect))
			time.Sleep(2 * time.Second)
		}
		for range 5 {
			time.Sleep(time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), handler.DoorTime)
			if _, err := settler.Advance(ctx, "order-1"); err != nil {
				t.Error(err)
			}
			cancel()
		}
		keys := map[string][]string{}
		for _, c := range requests.of("/cancel") {
			keys[c.path] = append(keys[c.path], c.idempotency)
		}
		var all []string
		for path, of := range keys {
			if len(of) < 2 || slices.ContainsFunc(of, func(k string) bool { return k != of[0] || k == "" }) {
				t.Errorf("%s was asked for with the idempotency keys %q", path, of)
			}
			all = append(all, of[0])
		}
		if len(all) != 2 || all[0] == all[1] {
			t.Errorf("two payments went back with the idempotency keys %q", all)
		}
		if back := s.cancels("order-1"); len(back) != 2 {
			t.Errorf("given back %+v", back)
		}
	})
}

// TestCancelNamesItsTax: money that went through our window goes back with the parts it was taken with; of another amount nobody knows them.
func TestCancelNamesItsTax(t *testing.T) {
	t.Parallel()
	for _, more := range []int64{0, 1} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			door, _, requests := s.tapped()
			p := s.Post("/orders", fmt.Sprintf(`{"orderId":"order-1","provider":"toss","amount":%d,"currency":"KRW","name":"T-shirt","language":"en",
				"taxFreeAmount":5000,"expiresAt":%q}`, price, time.Now().Add(time.Hour).Format(time.RFC3339)))
			m := s.Sale(p)
			s.At(door).Get(s.approve(m))
			second := s.Card(m.Window.Dearer(more), "approve")
			s.mustCapture(second)
			s.At(door).Send(hint(second))
			cancels := requests.of("/cancel")
			if len(cancels) != 1 || strings.Contains(cancels[0].body, `"taxFreeAmount":5000`) != (more == 0) {
				t.Errorf("%d won more: %+v", more, cancels)
			}
		})
	}
}

// TestFailingProviderIsNotHammered: a provider that answers 500 in a millisecond is not asked for money thirty times in one visit.
func TestFailingProviderIsNotHammered(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		s.confirmFault(fault.InternalError, fault.Before, 1000)
		s.Get(s.approve(m))
		if n := s.Toss.Calls()[tosssim.OpConfirm]; n < 1 || n > 2 {
			t.Errorf("%d confirms in one visit", n)
		}
	})
}

// TestOtherKeysAreNotTriedAllTheTime: an order that was made with other keys cannot be asked about; it is due later, on the timetable of its matter.
func TestOtherKeysAreNotTriedAllTheTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		redirect := s.approve(s.order("order-1"))
		s.Fault(fault.Fault{Operation: "*", Kind: fault.InternalError, Times: 1000})
		s.Get(redirect)
		other := newStage(t, func(o *world.Options) { o.Store, o.Account = s.Store, "2" })
		time.Sleep(time.Until(s.Stored("order-1").DueAt))
		other.Post("/sim/advance", `{"orderId":"order-1"}`)
		if o := s.Stored("order-1"); o.Status != order.Processing || !o.DueAt.After(time.Now()) {
			t.Errorf("%s, and due %v after it was tried", o.Status, time.Until(o.DueAt))
		}
	})
}

// TestReloadsOfAPaidOrder: something else is still to be looked up, and it is due. A buyer who reloads his page does not ask about it.
func TestReloadsOfAPaidOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		first, second := s.approve(m), s.approve(m)
		s.Get(first)
		s.Fault(fault.Fault{Operation: "*", Kind: fault.InternalError, Times: 1000})
		s.Send(hint(second))
		if o := s.Stored("order-1"); o.Status != order.Paid || o.DueAt.IsZero() {
			t.Fatalf("%s, due %v", o.Status, o.DueAt)
		}
		before := calls(s)
		for range 10 {
			time.Sleep(2 * time.Second)
			s.WantTitle("a reload", s.Get(first), paidPage)
		}
		if n := calls(s) - before; n > 0 {
			t.Errorf("ten reloads ask the provider %d times", n)
		}
	})
}

func calls(s *stage) (n int) {
	for _, c := range s.Toss.Calls() {
		n += c
	}
	return n
}

// TestReloadsOfAReturn: a buyer's redirect that is noted is looked up once a second, however often his browser loads it.
func TestReloadsOfAReturn(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		address := testbed.Edited(c.Order("portone", "order-1", 24*time.Hour).Window.Text("m_redirect_url"), "imp_uid", "imp_999999999999")
		c.Get(address)
		before := c.asked()
		for range 20 {
			c.Get(address)
		}
		if n := c.asked() - before; before == 0 || n > 1 {
			t.Errorf("%d questions, and %d more for 20 reloads", before, n)
		}
	})
}

// TestReturnThroughAnotherProvidersDoor: a window of Toss Pay never leads to an order of Toss Payments. Nothing is noted.
func TestReturnThroughAnotherProvidersDoor(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		tossPay, card := c.Order("portone", "order-1", 24*time.Hour), c.Order("toss", "order-2", 24*time.Hour)
		path := strings.TrimPrefix(card.CheckoutURL, base+"/pay/") // order and link
		own := strings.TrimPrefix(tossPay.CheckoutURL, base+"/pay/")
		address := tossPay.Window.Text("m_redirect_url")
		if !strings.Contains(address, own) {
			t.Fatalf("%s does not name %s", address, own)
		}
		v := c.Get(testbed.Edited(strings.Replace(address, own, path, 1), "imp_uid", "imp_999999999999"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if o, err := c.Store.Get(ctx, "order-2"); err != nil || v.Status != http.StatusNotFound || len(o.Ledger.Requests) > 0 {
			t.Errorf("%d %v, and the order has %+v", v.Status, err, o.Ledger.Requests)
		}
	})
}
