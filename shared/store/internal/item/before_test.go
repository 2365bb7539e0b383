package item

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// readBefore is an order of version 1, of an item that the program of that version wrote.
func readBefore(t *testing.T, name string) (order.Order, before) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := attributevalue.UnmarshalMapJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	unmarshal := func(form any) error { return attributevalue.UnmarshalMap(all, form) }
	o, old, err := ReadOrder(unmarshal)
	if err != nil || !old {
		t.Fatalf("%s: of an earlier version is %t, %v", name, old, err)
	}
	var was before
	if err := unmarshal(&was); err != nil {
		t.Fatal(err)
	}
	return o, was
}

// told is a ledger in words. Times are since the order was made.
func told(o order.Order) string {
	l := o.Ledger
	var b strings.Builder
	since := func(t time.Time) string { return t.Sub(o.CreatedAt).String() }
	fmt.Fprintf(&b, "%s %d", l.Status(), l.Payable())
	for i, a := range l.Attempts {
		if a.Used || a.Code != "" {
			fmt.Fprintf(&b, "; %d used %s", i+1, a.Code)
		}
	}
	for _, p := range l.Payments {
		fmt.Fprintf(&b, "; %d %s %s %d of %d %s", p.Attempt, p.State, cmp.Or(p.Role.String(), "no role"), p.Balance, p.Amount, since(p.KnownAt))
		if p.Reason != "" {
			fmt.Fprintf(&b, " %s", p.Reason)
		}
	}
	for _, r := range l.Requests {
		fmt.Fprintf(&b, "; %s %d", r.Kind, r.Attempt)
		if r.Key == "" {
			b.WriteString(" any")
		}
		fmt.Fprintf(&b, " turn %d at %s reply %d", r.Turn, since(r.At), r.Reply)
		if r.Since != r.At {
			fmt.Fprintf(&b, " since %s", since(r.Since))
		}
		if r.Code != "" {
			fmt.Fprintf(&b, " %s", r.Code)
		}
		if r.Amount != 0 && (r.Amount != o.Amount.Value || r.Balance != 0) {
			fmt.Fprintf(&b, " %d of %d", r.Amount, r.Balance)
		}
	}
	if l.Why != "" {
		fmt.Fprintf(&b, "; %s", l.Why)
	}
	return b.String()
}

// present is today's word for a status of version 1.
func present(s order.Status) order.Status {
	return order.Status(strings.Replace(string(s), "settling", "processing", 1))
}

// TestBefore: what each kind of order of version 1 amounts to, and when it is due. The items were written by the program of that version.
func TestBefore(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, due, want string }{
		{"cycle-duplicate", "1m0s", "processing 0; charge 1 turn 0 at 0s reply 4 PAYMENT_DUPLICATION_ORDER_NO"},
		{"cycle-mismatch-owed", "30s", "processing 0; 1 captured surplus 9900 of 9900 0s mismatch; charge 1 turn 0 at 0s reply 6 paid; cancel 1 turn 0 at 0s reply 0 9900 of 9900"},
		{"cycle-paid", "never", "paid 0; 1 captured kept 9900 of 9900 0s"},
		{"cycle-repeated", "1h16m3.5s", "processing 0; charge 1 turn 1 at 1h17m0s reply 0 since 0s"},
		{"cycle-settling", "1m38s", "processing 0; charge 1 turn 0 at 0s reply 0"},
		{"cycle-third-number", "2161h15m0s", "open 3; 1 used CARD_EXCEED_LIMIT; 2 used CARD_EXCEED_LIMIT"},
		{"cycle-untold-searching", "6m0s", "paid 0; 1 captured kept 9900 of 9900 5m0s; charge 1 turn 0 at 0s reply 0"},
		{"cycle-waits-for-surplus", "214h0m30s", "processing 0; 1 used CARD_NOT_ENOUGH_BALANCE; 2 used CARD_NOT_ENOUGH_BALANCE; 3 used CARD_NOT_ENOUGH_BALANCE; 4 used CARD_NOT_ENOUGH_BALANCE; 5 used CARD_NOT_ENOUGH_BALANCE; 2 captured surplus 1000 of 1000 214h0m0s mismatch; cancel 2 turn 0 at 214h0m0s reply 0 1000 of 1000"},
		{"portone-hinted", "30s", "open 1; notice 1 turn 0 at 0s reply 0"},
		{"portone-open", "25h15m0s", "open 1"},
		{"portone-paid-hinted", "30s", "paid 0; 1 captured kept 15000 of 15000 30.6s; notice 1 turn 0 at 0s reply 0; notice 1 any turn 0 at 30.6s reply 0"},
		{"portone-paid-last-look", "1h15m0s", "paid 0; 1 captured kept 15000 of 15000 0s; notice 1 any turn 0 at 0s reply 0"},
		{"portone-paid-second-number", "1h15m0s", "paid 0; 1 used CARD_NOT_ENOUGH_BALANCE; 2 captured kept 15000 of 15000 0s; notice 1 any turn 0 at 0s reply 0; notice 2 any turn 0 at 0s reply 0"},
		{"portone-returned", "30s", "processing 0; return 1 any turn 0 at 0s reply 0; notice 1 turn 0 at 0s reply 0"},
		{"portone-review-searching", "1m31s", "review 0; 1 captured surplus 100 of 100 1s mismatch; return 1 any turn 0 at 0s reply 0; cancel 1 turn 0 at 1s reply 0 100 of 100; found by an earlier version: irreversible paid"},
		{"portone-searching", "30.05s", "paid 0; 1 captured kept 15000 of 15000 50ms; return 1 any turn 0 at 0s reply 0; notice 1 any turn 0 at 50ms reply 0"},
		{"portone-second-number", "25h15m0s", "open 2; 1 used CARD_NOT_ENOUGH_BALANCE"},
		{"portone-surplus", "1m0s", "paid 0; 1 used CARD_NOT_ENOUGH_BALANCE; 1 captured surplus 15000 of 15000 0s second; 2 captured kept 15000 of 15000 0s; cancel 1 turn 1 at 0s reply 0 15000 of 15000; notice 1 any turn 0 at 0s reply 0; notice 2 any turn 0 at 0s reply 0"},
		{"toss-already", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 4"},
		{"toss-claimed", "37.5s", "processing 0; confirm 1 turn 0 at 7.5s reply 0"},
		{"toss-expired", "never", "expired 0"},
		{"toss-failed", "never", "failed 0; 1 used ; 2 used ; 3 used ; 4 used ; 5 used REJECT_CARD_PAYMENT; 6 used REJECT_CARD_PAYMENT; 7 used REJECT_CARD_PAYMENT; 8 used REJECT_CARD_PAYMENT; 9 used REJECT_CARD_PAYMENT; 10 used REJECT_CARD_PAYMENT; 11 used REJECT_CARD_PAYMENT; 12 used REJECT_CARD_PAYMENT; 13 used REJECT_CARD_PAYMENT; 14 used REJECT_CARD_PAYMENT; 15 used REJECT_CARD_PAYMENT; 16 used REJECT_CARD_PAYMENT; 17 used REJECT_CARD_PAYMENT; 18 used REJECT_CARD_PAYMENT; 19 used REJECT_CARD_PAYMENT; 20 used REJECT_CARD_PAYMENT"},
		{"toss-hinted", "30s", "open 1; notice 1 turn 0 at 0s reply 0"},
		{"toss-http-500", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 2; confirm 1 turn 1 at 0s reply 0"},
		{"toss-lost-reply", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 0"},
		{"toss-mismatch-owed", "1m0s", "processing 0; 1 captured surplus 15001 of 15001 0s mismatch; cancel 1 turn 1 at 0s reply 0 15001 of 15001"},
		{"toss-open", "101h15m0s", "open 1"},
		{"toss-paid", "never", "paid 0; 1 captured kept 15000 of 15000 0s"},
		{"toss-part-refunded", "never", "paid 0; 1 captured kept 10000 of 15000 1m1s"},
		{"toss-refunded", "never", "refunded 0; 1 captured kept 0 of 15000 1m1s"},
		{"toss-refused-after-500", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 2; confirm 1 turn 1 at 0s reply 5 REJECT_CARD_COMPANY"},
		{"toss-refused-unconfirmed", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 5 REJECT_CARD_PAYMENT"},
		{"toss-second-number", "101h15m0s", "open 2; 1 used REJECT_CARD_PAYMENT"},
		{"toss-surplus-lost-reply", "1m1s", "paid 0; 1 captured kept 15000 of 15000 0s; 1 captured surplus 15000 of 15000 1s second; cancel 1 turn 1 at 1s reply 0 15000 of 15000"},
		{"toss-surplus-returned", "never", "paid 0; 1 captured kept 15000 of 15000 0s; 1 captured returned 0 of 15000 1s second"},
		{"toss-surplus", "1m1s", "paid 0; 1 captured kept 15000 of 15000 0s; 1 captured surplus 15000 of 15000 1s second; cancel 1 turn 1 at 1s reply 0 15000 of 15000"},
		{"toss-untouched", "1m0s", "processing 0; confirm 1 turn 0 at 0s reply 3"},
	}
	for _, test := range tests {
		o, was := readBefore(t, test.name)
		due := "never"
		if !o.DueAt.IsZero() {
			due = o.DueAt.Sub(o.CreatedAt).String()
		}
		if got := told(o); got != test.want || due != test.due {
			t.Errorf("%s: due %s, %s\nwant %s, %s", test.name, due, got, test.due, test.want)
		}
		if o.Status != present(was.Status) || o.Ledger.Status() != o.Status || o.Revision != was.Order.Revision || o.Ledger.Revision != o.Revision {
			t.Errorf("%s: stored as %s of revision %d, read as %s (%s) of %d (%d)", test.name, was.Status, was.Order.Revision, o.Status, o.Ledger.Status(), o.Revision, o.Ledger.Revision)
		}
		if o.Status == order.Processing && o.Since.IsZero() == (len(o.Reversals) == 0) {
			t.Errorf("%s: unclear since %v, owes %+v", test.name, o.Since, o.Reversals)
		}
		if len(o.History) != len(was.History) || o.History[0].To != present(was.History[0].To) || o.History[0].Event != was.History[0].Event {
			t.Errorf("%s: the history is %+v", test.name, o.History)
		}
		if o.Unrecorded != was.Untold {
			t.Errorf("%s: unrecorded is %t", test.name, o.Unrecorded)
		}
	}
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) != len(tests) {
		t.Errorf("%d items, %d are read; %v", len(names), len(tests), err)
	}
}

// TestBeforeIsWrittenAsNow: the next write of a translated order is of the present version, loses nothing, and leaves nothing of the one before.
func TestBeforeIsWrittenAsNow(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(filepath.Base(name), ".json")
		o, was := readBefore(t, name)
		form := FromOrder(o)
		again, err := form.Order()
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%s: %+v\nis read back as %+v, %v", name, o, again, err)
		}
		all, err := attributevalue.MarshalMap(form)
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range []string{"attempt", "capture", "reversals", "hints", "heard_at", "heard_key", "untold", "searching", "evidence"} {
			if all[gone] != nil {
				t.Errorf("%s: %s is still stored", name, gone)
			}
		}
		if form.V != OrderVersion || form.List != was.List || form.Buyer != was.Buyer || form.DueShard != was.DueShard || form.Due != was.Due {
			t.Errorf("%s: version %d, in the lists %q and %q, due %d", name, form.V, form.List, form.Buyer, form.Due)
		}
	}
}

// TestBeforeIsNotDueForNothing: an order of version 1 that is due, and of which the ledger knows all there is, is looked up at its due time.
func TestBeforeIsNotDueForNothing(t *testing.T) {
	t.Parallel()
	asked := func(it before) bool {
		o := it.translated()
		return len(o.Ledger.Requests) > 0 && o.Ledger.Requests[len(o.Ledger.Requests)-1].Kind == ledger.Notice
	}
	_, open := readBefore(t, "toss-open")
	_, refused := readBefore(t, "cycle-duplicate") // and its first charge was refused, which an earlier number's silence had kept from counting
	early, known := open, refused
	early.Due, early.DueAt = open.CreatedAt+30_000, open.CreatedAt+30_000
	known.Attempt.Unanswered = false
	for name, test := range map[string]struct {
		it   before
		want bool
	}{
		"due when its windows are over": {open, false}, "due before, because nobody answered": {early, true},
		"its charge may have been carried out": {refused, false}, "its charge was refused": {known, true},
	} {
		if got := asked(test.it); got != test.want {
			t.Errorf("%s: looked up %t, want %t", name, got, test.want)
		}
	}
}

// TestReviewOfBefore: a person can end a review that version 1 began. The payment is looked up, before it is asked back anew.
func TestReviewOfBefore(t *testing.T) {
	t.Parallel()
	o, _ := readBefore(t, "portone-review-searching")
	key := o.Ledger.Payments[0].Key
	l, err := o.Ledger.Resolve(ledger.Resolution{Key: key, By: "Kim", Reason: "not ours", At: o.DueAt})
	if err != nil {
		t.Fatal(err)
	}
	back := l.Next(o.DueAt, ledger.Visit{Began: o.DueAt})
	if l.End != ledger.EndFailed || back.Do != ledger.LookUp || back.Key != key || l.Payment(key).Reason != ledger.GiveBack {
		t.Errorf("%s, then %s %s", told(o.With(l, o.DueAt)), back.Do, back.Key)
	}
}
