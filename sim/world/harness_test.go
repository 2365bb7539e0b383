package world_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

var (
	workloads = flag.Int("workloads", 30, "random workloads to run")
	seedFlag  = flag.Uint64("seed", 0, "seed of the first random workload; 0: a new one, printed")
)

const (
	base  = testbed.Base
	price = testbed.Price
)

// bubble runs a test on a fake clock. Time stands still when a test returns, and the provider may still be at work for a client that gave
// up: it gets the time to end.
func bubble(t *testing.T, run func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(15 * time.Minute) })
		run(t)
	})
}

// stage is a bed with a buyer, a merchant and an operator of Toss Payments' orders in it.
type stage struct{ *testbed.Bed }

func newStage(t *testing.T, edits ...func(*world.Options)) *stage {
	t.Helper()
	return &stage{testbed.Open(t, edits...)}
}

// The headings of the pages, in English.
const (
	paidPage     = "Payment complete"
	checkingPage = "Checking your payment"
	givingBack   = "Canceling a payment"
	declinedPage = "Your payment was not approved"
	mismatchPage = "The amount did not match"
	canceledPage = "You canceled the payment"
	abortedPage  = "The payment was interrupted"
	rejectedPage = "The card company declined the payment"
	openPage     = "This order has not been paid yet"
	expiredPage  = "The time to pay has passed"
	notFoundPage = "Page not found"
	problemPage  = "This page is temporarily unavailable"
)

// order makes one that stays payable for days.
func (s *stage) order(id string) testbed.Sale {
	s.T.Helper()
	return s.Order("toss", id, 100*time.Hour)
}

// approve is a buyer who authenticates.
func (s *stage) approve(m testbed.Sale) string {
	s.T.Helper()
	return s.Card(m.Window, "approve")
}

func keyOf(redirect string) string { return testbed.Parameter(redirect, "paymentKey") }

// roundsMax bounds settled: 15 minutes of window and linger are over after 6 due times.
const roundsMax = 12

// settled sleeps from due time to due time and advances, until nobody has to ask any more: the order is not processing, and owes nothing that
// could still be given back. It needs a fake clock.
func (s *stage) settled(id string) testbed.Sale {
	s.T.Helper()
	for range roundsMax {
		o := s.Stored(id)
		if o.Status != order.Processing && len(o.Ledger.Requests) == 0 && (o.Owed() == nil || o.Status == order.Review) {
			return s.ReadOrder(id)
		}
		if o.DueAt.IsZero() {
			s.T.Fatalf("%s is %s, owes %+v, and is never due", id, o.Status, o.Owed())
		}
		time.Sleep(time.Until(o.DueAt))
		s.Settle(id)
	}
	o := s.Stored(id)
	s.T.Errorf("%s is still %s, owes %+v, after %d questions", id, o.Status, o.Owed(), roundsMax)
	return s.ReadOrder(id)
}

// capture takes the money of an authenticated payment behind our back: a confirm of ours that was under way for ever, or somebody else's with
// our key. It says whether the provider did it.
func (s *stage) capture(redirect string) bool {
	s.T.Helper()
	u, err := url.Parse(redirect)
	if err != nil {
		s.T.Fatal(err)
	}
	q := u.Query()
	body := fmt.Sprintf(`{"paymentKey":%q,"orderId":%q,"amount":%s}`, q.Get("paymentKey"), q.Get("orderId"), q.Get("amount"))
	ctx, cancel := context.WithTimeout(s.T.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Parts.Toss.BaseURL+"/v1/payments/confirm", strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "elsewhere:"+q.Get("paymentKey"))
	r.SetBasicAuth(tosssim.DefaultSecretKey, "")
	answer, err := s.Parts.Transport.RoundTrip(r)
	if err != nil {
		return false // which says nothing about the money
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// mustCapture fails the test when the provider does not.
func (s *stage) mustCapture(redirect string) {
	s.T.Helper()
	before := len(s.Ledger.Entries())
	if !s.capture(redirect) || len(s.Ledger.Entries()) != before+1 {
		s.T.Fatalf("the provider did not take the money of %s", redirect)
	}
}

// hint is the webhook of a redirect's payment.
func hint(redirect string) *http.Request {
	number := testbed.Parameter(redirect, "orderId")
	return testbed.Post("/webhooks/toss/"+world.WebhookToken, tossHook(keyOf(redirect), number, "DONE"))
}

// captures are the movements of money for an order, whatever attempt.
func (s *stage) captures(id string) []ledger.Entry { taken, _ := s.Moved(id); return taken }

// cancels are the movements back to the buyer.
func (s *stage) cancels(id string) []ledger.Entry { _, back := s.Moved(id); return back }

func sum(entries []ledger.Entry) (total int64) {
	for _, e := range entries {
		total += e.Amount
	}
	return total
}

// audit compares an order that nobody asks about any more with the money that was really moved.
func (s *stage) audit(id string) (broken []string) {
	m := s.ReadOrder(id)
	taken := s.captures(id)
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, id+": "+fmt.Sprintf(format, args...))
		}
	}
	back, o := s.cancels(id), s.Stored(id)
	kept := sum(taken) - sum(back)
	fail(len(taken) != 1+len(back) && kept > 0 || len(taken) != len(back) && kept == 0 || kept < 0, "captures %+v, given back %+v", taken, back)
	fail(m.Status == order.Processing, "still processing")
	fail(m.Status == order.Review, "in review: captures %+v, given back %+v", taken, back)
	fail(o.Owed() != nil, "still owes %+v", o.Owed())
	fail(m.Status == order.Paid && (kept != price || m.Payment == nil || m.Payment.Key == ""), "paid with %+v, and %d of %+v are kept", m.Payment, kept, taken)
	fail(m.Status != order.Paid && kept != 0, "%s, and %d of %+v are kept", m.Status, kept, taken)
	fail(m.Status == order.Refunded, "refunded, and nobody asked for that") // what goes back here is never the order's own payment
	fail(len(o.Reversals) != len(back), "%d payments were given back, and the record says %+v", len(back), o.Reversals)
	if v := s.Toss.Violations(); len(v) > 0 {
		fail(true, "the provider was asked what its documentation does not allow: %q", v)
	}
	return broken
}

func (s *stage) wantAudit(id string) {
	s.T.Helper()
	for _, broken := range s.audit(id) {
		s.T.Error(broken)
	}
}

func (s *stage) wantMoney(id string, captures, confirms int) {
	s.T.Helper()
	if got := len(s.captures(id)); got != captures {
		s.T.Errorf("%s: %d captures, want %d", id, got, captures)
	}
	if got := s.Toss.Calls()[tosssim.OpConfirm]; got != confirms {
		s.T.Errorf("the provider was asked for money %d times, want %d", got, confirms)
	}
}
