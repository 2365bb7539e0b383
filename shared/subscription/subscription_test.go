package subscription_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

const enrolHistoryMax = 32

var (
	enrolBegun = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	later      = enrolBegun.Add(10 * time.Minute)
	first      = enrolBegun.Add(14 * 24 * time.Hour) // of the charges
)

// fresh is an enrolment whose first charge is two weeks away.
func fresh() subscription.Subscription {
	return subscription.New(subscription.Subscription{
		ID: "sub-001", Provider: "portone", Mode: "test", CustomerID: "customer-1", LinkToken: "link", CreatedAt: enrolBegun,
		Plan:     subscription.Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}, Name: "Plan"},
		Calendar: subscription.Calendar{First: first, Interval: subscription.Month, Every: 1, Anchor: 16, Hour: 9}, CatchUp: subscription.Once,
	})
}

// keys are the ways a subscription can stand with its means of payment.
var keys = []string{"first offered", "third offered", "issued", "replacement offered"}

// enrolStatus is a subscription in a status, with its means of payment standing in one of the ways; false when there is no such thing.
func enrolStatus(status subscription.Status, key string) (subscription.Subscription, bool) {
	s := fresh()
	s.Status = status
	enrolling := key == "first offered" || key == "third offered"
	if enrolling != (status == subscription.Enrolling) && status != subscription.Canceled {
		return s, false
	}
	switch key {
	case "third offered":
		s.Key = subscription.Key{N: 3, OpenedAt: enrolBegun.Add(time.Minute)}
	case "issued", "replacement offered":
		s.Key = subscription.Key{N: 2, OpenedAt: enrolBegun, IssuedAt: enrolBegun.Add(time.Minute), Brand: "Old card", Masked: "1234-****"}
		s.DueAt, s.ChargeAt = first, first
	}
	if key == "replacement offered" {
		s.NextKey = subscription.Key{N: 3, OpenedAt: enrolBegun.Add(time.Minute)}
	}
	switch status {
	case subscription.Canceled, subscription.Suspended, subscription.Paused:
		s.DueAt, s.ChargeAt = time.Time{}, time.Time{}
	}
	return s, true
}

func issued(n int) subscription.Key {
	return subscription.Key{N: n, IssuedAt: later, Account: "gateway.merchant", Brand: "Card", Masked: "5594-****", SeenAt: later}
}

// enrolOperations are everything that can happen to a record, by name.
var enrolOperations = []struct {
	name string
	do   func(subscription.Subscription) subscription.Subscription
}{
	{"key 1 issued", func(s subscription.Subscription) subscription.Subscription { return s.Issued(issued(1), later) }},
	{"key 2 issued", func(s subscription.Subscription) subscription.Subscription { return s.Issued(issued(2), later) }},
	{"key 3 issued", func(s subscription.Subscription) subscription.Subscription { return s.Issued(issued(3), later) }},
	{"key 4 issued", func(s subscription.Subscription) subscription.Subscription { return s.Issued(issued(4), later) }},
	{"key 1 absent", func(s subscription.Subscription) subscription.Subscription {
		return s.NotIssued(1, false, later, later)
	}},
	{"key 1 failed", func(s subscription.Subscription) subscription.Subscription { return s.NotIssued(1, true, later, later) }},
	{"key 3 absent", func(s subscription.Subscription) subscription.Subscription {
		return s.NotIssued(3, false, later, later)
	}},
	{"key 3 failed", func(s subscription.Subscription) subscription.Subscription { return s.NotIssued(3, true, later, later) }},
	{"no answer", func(s subscription.Subscription) subscription.Subscription { return s.Unanswered(later) }},
	{"lease", func(s subscription.Subscription) subscription.Subscription { return s.Lease(later) }},
	{"key 1 refreshed", func(s subscription.Subscription) subscription.Subscription { return s.Refreshed(issued(1)) }},
	{"key 2 refreshed", func(s subscription.Subscription) subscription.Subscription { return s.Refreshed(issued(2)) }},
}

// told is a record in one line: its status, its keys, when it is due, and what it waits for.
func told(before, after subscription.Subscription) string {
	if reflect.DeepEqual(before, after) {
		return "·"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s key%d", after.Status, after.Key.N)
	if !after.Key.IssuedAt.IsZero() {
		b.WriteString(" " + after.Key.Brand)
	}
	if after.NextKey.N > 0 {
		fmt.Fprintf(&b, " next key%d", after.NextKey.N)
	}
	switch {
	case after.DueAt.IsZero():
		b.WriteString(", never due")
	case !after.DueAt.Equal(before.DueAt) && after.DueAt.Equal(after.Calendar.Date(0)):
		b.WriteString(", due for the first charge")
	case !after.DueAt.Equal(before.DueAt):
		fmt.Fprintf(&b, ", due in %v", after.DueAt.Sub(later))
	}
	if after.AskAfter.After(later) {
		fmt.Fprintf(&b, ", asked again after %v", after.AskAfter.Sub(later))
	}
	return b.String()
}

// TestEveryStatusAndEveryOperation is the one table. What is not in it changes nothing.
func TestEveryStatusAndEveryOperation(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		"enrolling, first offered": {
			"key 1 issued": "active key1 Card, due for the first charge",
			"key 1 absent": "enrolling key1, due in 1h0m0s, asked again after 3s",
			"key 1 failed": "enrolling key2, due in 30m0s, asked again after 3s",
			"no answer":    "enrolling key1, due in 30m0s, asked again after 3s",
			"lease":        "enrolling key1",
		},
		"enrolling, third offered": {
			"key 1 issued": "active key1 Card, due for the first charge", // the first window's webhook was late
			"key 2 issued": "active key2 Card, due for the first charge",
			"key 3 issued": "active key3 Card, due for the first charge",
			"key 3 absent": "enrolling key3, due in 1h0m0s, asked again after 3s",
			"key 3 failed": "enrolling key4, due in 30m0s, asked again after 3s",
			"no answer":    "enrolling key3, due in 30m0s, asked again after 3s",
			"lease":        "enrolling key3",
		},
		"active, issued": {
			"no answer":       "active key2 Old card, asked again after 3s",
			"lease":           "active key2 Old card",
			"key 2 refreshed": "active key2 Card",
		},
		"active, replacement offered": {
			"key 3 issued":    "active key3 Card",
			"key 3 absent":    "active key2 Old card next key3, due in 30m0s, asked again after 3s",
			"key 3 failed":    "active key2 Old card next key4, due in 30m0s, asked again after 3s",
			"no answer":       "active key2 Old card next key3, due in 30m0s, asked again after 3s",
			"lease":           "active key2 Old card next key3",
			"key 2 refreshed": "active key2 Card next key3",
		},
		"canceled, first offered": {"no answer": "canceled key1, never due, asked again after 3s", "lease": "canceled key1, never due"},
		"canceled, third offered": {"no answer": "canceled key3, never due, asked again after 3s", "lease": "canceled key3, never due"},
		"canceled, issued": {
			"no answer": "canceled key2 Old card, never due, asked again after 3s", "lease": "canceled key2 Old card, never due",
			"key 2 refreshed": "canceled key2 Card, never due",
		},
		"suspended, replacement offered": {
			"key 3 issued":    "active key3 Card, due for the first charge",
			"key 3 absent":    "suspended key2 Old card next key3, due in 30m0s, asked again after 3s",
			"key 3 failed":    "suspended key2 Old card next key4, due in 30m0s, asked again after 3s",
			"no answer":       "suspended key2 Old card next key3, due in 30m0s, asked again after 3s",
			"lease":           "suspended key2 Old card next key3, never due",
			"key 2 refreshed": "suspended key2 Card next key3, never due",
		},
	}
	same := func(from, to string, words ...string) { // the same but for the words
		want[to] = map[string]string{}
		for operation, cell := range want[from] {
			want[to][operation] = strings.NewReplacer(words...).Replace(cell)
		}
	}
	same("active, issued", "past_due, issued", "active", "past_due")
	same("active, replacement offered", "past_due, replacement offered", "active", "past_due")
	same("active, issued", "paused, issued", "active", "paused", "Old card", "Old card, never due", "key2 Card", "key2 Card, never due")
	same("active, issued", "suspended, issued", "active", "suspended", "Old card", "Old card, never due", "key2 Card", "key2 Card, never due")
	same("suspended, replacement offered", "paused, replacement offered", "suspended", "paused", "active key3 Card, due for the first charge", "paused key3 Card, never due")
	same("canceled, issued", "canceled, replacement offered", "Old card", "Old card next key3", "key2 Card", "key2 Card next key3")
	for _, status := range subscription.Statuses {
		for _, key := range keys {
			s, ok := enrolStatus(status, key)
			if !ok {
				continue
			}
			row := fmt.Sprintf("%s, %s", status, key)
			if want[row] == nil {
				t.Errorf("%s: not in the table", row)
			}
			for _, o := range enrolOperations {
				cell := want[row][o.name]
				if cell == "" {
					cell = "·"
				}
				next := o.do(s)
				if got := told(s, next); got != cell {
					t.Errorf("%s: %s makes it %q, want %q", row, o.name, got, cell)
				}
				for _, broken := range violations(s, next) {
					t.Errorf("%s: %s: %s", row, o.name, broken)
				}
			}
		}
	}
}

// violations lists what one operation did that it must not do.
func violations(s, next subscription.Subscription) (broken []string) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	moved := next.Status != s.Status
	waits := next.Status == subscription.Enrolling || next.Status == subscription.Active || next.Status == subscription.PastDue
	fail(waits && next.DueAt.IsZero(), "%s and never due", next.Status)
	fail(next.Status == subscription.Canceled && !next.Final(), "canceled and due at %v", next.DueAt)
	fail(s.Status == subscription.Canceled && moved, "a canceled subscription became %s", next.Status)
	fail(moved && next.Status == subscription.Active && (next.Key.IssuedAt.IsZero() || next.Key.IssuedAt.Equal(s.Key.IssuedAt)), "active without a new means of payment")
	fail(next.Status == subscription.Active && next.Key.IssuedAt.IsZero(), "active without a means of payment")
	fail(moved && next.Status == subscription.Enrolling, "enrolling again")
	fail(next.Revision < s.Revision || next.Revision > s.Revision+1, "revision %d became %d", s.Revision, next.Revision)
	fail(next.Revision == s.Revision && !reflect.DeepEqual(s, next), "changed without a new revision")
	fail(len(next.History) > enrolHistoryMax, "%d steps of history", len(next.History))
	fail(moved && next.History[len(next.History)-1].To != next.Status, "the history does not end with %s", next.Status)
	fail(next.Cycle != s.Cycle || next.Date != s.Date || next.Plan != s.Plan || next.Calendar != s.Calendar, "a means of payment changed what is charged")
	fail(next.Key.N > subscription.KeysMax || next.NextKey.N > subscription.KeysMax, "key %d", max(next.Key.N, next.NextKey.N))
	for n := -1; n <= subscription.KeysMax+1; n++ {
		issuing := next.Issuing()
		want := issuing != nil && n >= 1 && n <= issuing.N && (next.NextKey.N == 0 || n > next.Key.N) && next.Status != subscription.Canceled
		fail(next.Awaits(n) != want, "Awaits(%d) = %v", n, !want)
	}
	return broken
}

// TestActivatedOnce: however often and from wherever the provider's word comes, and in whatever order.
func TestActivatedOnce(t *testing.T) {
	t.Parallel()
	s := fresh().NotIssued(1, true, later, later) // a second window
	once := s.Issued(issued(1), later)
	if once.Status != subscription.Active || !once.DueAt.Equal(once.Calendar.Date(0)) || once.Key.Brand != "Card" || !once.Key.OpenedAt.Equal(s.Key.OpenedAt) {
		t.Fatalf("%+v", once)
	}
	for _, n := range []int{1, 2, 3} {
		if again := once.Issued(issued(n), later.Add(time.Hour)); !reflect.DeepEqual(again, once) {
			t.Errorf("key %d as well: %+v, want nothing changed: one activation, one first charge", n, again)
		}
	}
	if absent := once.NotIssued(1, true, later, later); !reflect.DeepEqual(absent, once) {
		t.Errorf("a stale answer took the means away: %+v", absent)
	}
}

// TestOverdueFirstChargeIsDueAtOnce: the buyer registered after the first date.
func TestOverdueFirstChargeIsDueAtOnce(t *testing.T) {
	t.Parallel()
	s := fresh()
	at := first.Add(48 * time.Hour)
	if next := s.Issued(issued(1), at); !next.DueAt.Equal(at) || next.Cycle != 1 || next.Date != 0 {
		t.Errorf("due %v for cycle %d, want %v for cycle 1", next.DueAt, next.Cycle, at)
	}
}

// TestAbandonedEnrolmentEnds: nobody ever registers. It is asked about less and less often and given up, by the clock and not by the number
// of reloads.
func TestAbandonedEnrolmentEnds(t *testing.T) {
	t.Parallel()
	s := fresh()
	asked := 0
	for !s.Final() && asked < 20 {
		next := s.NotIssued(1, false, s.DueAt, s.DueAt)
		if broken := violations(s, next); len(broken) > 0 {
			t.Fatal(broken)
		}
		if !next.Final() && !next.DueAt.After(s.DueAt) {
			t.Fatalf("question %d: due at %v again", asked, next.DueAt)
		}
		s, asked = next, asked+1
	}
	if s.Status != subscription.Canceled || asked != 4 || s.Issuing() != nil {
		t.Errorf("%s after %d questions", s.Status, asked)
	}
	eager := fresh()
	for i := range 50 { // a buyer who reloads
		at := enrolBegun.Add(time.Duration(i) * 5 * time.Second)
		if eager = eager.NotIssued(1, false, at, at); eager.Status != subscription.Enrolling || !eager.DueAt.After(at) {
			t.Fatalf("reload %d: %s, due %v", i, eager.Status, eager.DueAt)
		}
	}
}

// TestOldAnswerIsNoQuestion: an answer that was long on its way says nothing of now, and does not use up one of the last questions.
func TestOldAnswerIsNoQuestion(t *testing.T) {
	t.Parallel()
	s := fresh()
	for range 3 {
		s = s.NotIssued(1, false, s.DueAt, s.DueAt)
	}
	if s.Status != subscription.Enrolling {
		t.Fatal(s.Status)
	}
	if old := s.NotIssued(1, false, s.DueAt.Add(-time.Hour), s.DueAt); old.Status != subscription.Enrolling || old.Final() {
		t.Errorf("an enrolment was given up by an answer from before its last question: %s", old.Status)
	}
	s, _ = fresh().Issued(issued(1), later).RenewKey(later)
	asks := later.Add(30 * time.Minute)
	if old := s.NotIssued(2, false, later, asks); old.NextKey.Asks != 0 || !old.DueAt.Equal(asks) {
		t.Errorf("%+v, due %v: the first question is due at %v", old.NextKey, old.DueAt, asks)
	}
	if now := s.NotIssued(2, false, asks, asks); now.NextKey.Asks != 1 || !now.DueAt.After(asks) {
		t.Errorf("%+v, due %v", now.NextKey, now.DueAt)
	}
}

// TestNoNumberIsOfferedTwice: the name of a window that failed is used up, to the last one.
func TestNoNumberIsOfferedTwice(t *testing.T) {
	t.Parallel()
	s := fresh()
	seen := map[int]bool{}
	for range 3 * subscription.KeysMax {
		issuing := s.Issuing()
		if issuing == nil {
			break
		}
		if seen[issuing.N] {
			t.Fatalf("key %d failed and is offered again", issuing.N)
		}
		seen[issuing.N] = true
		s = s.NotIssued(issuing.N, true, later, later)
	}
	if len(seen) != subscription.KeysMax {
		t.Errorf("%d numbers were offered, want %d", len(seen), subscription.KeysMax)
	}
}

// TestNewNumbersAreAboveAllThatWereOffered: the late word for an earlier key does not make the record forget which numbers are used up.
func TestNewNumbersAreAboveAllThatWereOffered(t *testing.T) {
	t.Parallel()
	s := fresh().NotIssued(1, true, later, later).NotIssued(2, true, later, later) // the third window is open
	s = s.Issued(issued(1), later)
	if got := s.Offered; got < 3 {
		t.Errorf("the record knows of %d keys; 3 were offered, and the names of 2 and 3 stand in windows that may still be open", got)
	}
}

// TestRandomLives: every operation with any key at any time.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	ends := map[subscription.Status]int{}
	for life := range 500 {
		s, at, activated := fresh(), enrolBegun, 0
		for step := range 60 {
			at = at.Add(time.Duration(rng.IntN(7200)) * time.Second)
			n := 1 + rng.IntN(5)
			if issuing := s.Issuing(); issuing != nil && rng.IntN(2) == 0 {
				n = issuing.N
			}
			before := s
			switch rng.IntN(12) {
			case 0:
				s = s.Issued(issued(n), at)
			case 1:
				s = s.Lease(at.Add(time.Second))
			case 2:
				s = s.Unanswered(at)
			case 3:
				s = s.Refreshed(issued(n))
			default:
				s = s.NotIssued(n, rng.IntN(6) == 0, at, at)
			}
			if broken := violations(before, s); len(broken) > 0 {
				t.Fatalf("seed %d life %d step %d: %s", seed, life, step, strings.Join(broken, "; "))
			}
			if before.Status == subscription.Enrolling && s.Status == subscription.Active {
				activated++
			}
		}
		if activated > 1 {
			t.Errorf("seed %d life %d: activated %d times", seed, life, activated)
		}
		ends[s.Status]++
	}
	if ends[subscription.Active] == 0 || ends[subscription.Canceled] == 0 {
		t.Errorf("the lives prove nothing: %v", ends)
	}
}

// TestTransitionsShareNoMemory: stores and racing requests hold records whose history has room to grow into.
func TestTransitionsShareNoMemory(t *testing.T) {
	t.Parallel()
	s := fresh()
	s.History = append(make([]subscription.Step, 0, 8), s.History...)
	old := slices.Clone(s.History[:8])
	for _, o := range enrolOperations {
		o.do(s)
		if !slices.Equal(s.History[:8], old) {
			t.Errorf("%s wrote into the history of the record it was done to", o.name)
		}
	}
}

func TestLinkToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]bool{"link": true, "": false, "Link": false, "link2": false} {
		if fresh().LinkTokenMatches(token) != want {
			t.Errorf("%q matches: %v", token, !want)
		}
	}
	var none subscription.Subscription
	if none.LinkTokenMatches("") {
		t.Error("an empty token matches a record without one")
	}
}
