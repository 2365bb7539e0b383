package chargetest_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
)

// counting counts the requests to the table from now on.
func (s *shop) counting() func() map[string]int {
	var mu sync.Mutex
	counts := map[string]int{}
	s.Store.(*memstore.Store).Before = func(operation string) error {
		mu.Lock()
		defer mu.Unlock()
		counts[operation]++
		return nil
	}
	return func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		was := counts
		counts = map[string]int{}
		return was
	}
}

func (s *shop) lookups() int { return s.PortOne.Calls()[portonesim.OpCustomer] }

func (s *shop) replaceCard(name, number string) {
	s.T.Helper()
	if err := s.PortOne.ReplaceCard(id+"--key1", name, number); err != nil {
		s.T.Fatal(err)
	}
}

// TestChargeShowsTheCard: the buyer has put another card behind the key in Toss's app. The charge's own answer shows it: no lookup, and not one write
// more than a charge with the same card.
func TestChargeShowsTheCard(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("2h") // the first cycle
	old := s.read().Means
	asked := s.lookups()
	requests := s.counting()
	s.Pass("29d") // the second
	usual := requests()
	s.replaceCard("국민카드", "457973******1111")
	s.Pass("31d") // the third
	changed := requests()
	s.wantTaken("c1 9900 01-31", "c2 9900 02-28", "c3 9900 03-31")
	if s.lookups() != asked {
		t.Errorf("%d lookups for two charges", s.lookups()-asked)
	}
	for operation, n := range changed {
		if strings.Contains(operation, "due") { // the clock's own stops
			continue
		}
		if usual[operation] != n {
			t.Errorf("%s: %d with another card, %d with the same", operation, n, usual[operation])
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stored, err := s.Store.GetSubscription(ctx, id) // GET may look it up
	if got := stored.Key; err != nil || got.Brand != "국민카드" || got.Masked != "457973******1111" || old.Brand == got.Brand {
		t.Errorf("stored %+v, %v, before %+v", got, err, old)
	}
}

// TestShownOnceADay: however many look at a subscription, PortOne is asked about its key once a day at most, and not while a charge has just shown it.
func TestShownOnceADay(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("2h")
	s.replaceCard("국민카드", "457973******1111")
	asked := s.lookups()
	if got := s.read().Means; s.lookups() != asked || got.Brand == "국민카드" {
		t.Fatalf("asked on the day of the charge: %+v", got)
	}
	s.Pass("25h")
	const readers = 8
	var wait, read sync.WaitGroup
	var writes atomic.Int64
	read.Add(readers)
	s.Store.(*memstore.Store).Before = func(operation string) error {
		if operation == "save-subscription" && writes.Add(1) <= readers { // nobody writes before all have read
			read.Done()
			read.Wait()
		}
		return nil
	}
	for range readers {
		wait.Go(func() { s.read() })
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("not all of the readers claim the question")
	}
	if s.lookups() != asked+1 {
		t.Errorf("%d lookups of 8 who look at the same time", s.lookups()-asked)
	}
	if got := s.read().Means; got.Brand != "국민카드" || got.Masked != "457973******1111" {
		t.Errorf("shown %+v", got)
	}
	s.Pass("25h")
	requests := s.counting()
	before := s.read()
	if n := requests()["save-subscription"]; n != 1 || s.lookups() != asked+2 {
		t.Errorf("nothing new costs %d writes and %d lookups, want the claim alone", n, s.lookups()-asked-1)
	}
	if after := s.read(); len(after.History) != len(before.History) || requests()["save-subscription"] != 0 {
		t.Error("the day's second reader writes")
	}
	s.must(http.StatusOK, "/cancel", `{"at":"now"}`)
	s.Pass("48h")
	if s.read(); s.lookups() != asked+2 {
		t.Error("the key of a subscription that has ended is looked up")
	}
}

// TestShownWithoutPortOne: reading never fails because of it, and an outage is not asked into again and again.
func TestShownWithoutPortOne(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("27h")
	old, asked := s.read().Means, s.lookups()
	s.Pass("25h")
	if err := s.Faults.Set(fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpCustomer, Kind: fault.InternalError, Times: 10}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, code := s.send(http.MethodGet, "/subscriptions/"+id, ""); code != http.StatusOK || *got.Means != *old {
			t.Errorf("%d %+v, want %+v", code, got.Means, old)
		}
	}
	if s.lookups() != asked+1 {
		t.Errorf("%d lookups in an outage", s.lookups()-asked)
	}
}
