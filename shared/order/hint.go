package order

import (
	"slices"
	"time"
)

// Hint is a payment that somebody spoke of, a webhook or a buyer's return, and that the provider could not be asked about, or did not show as
// told: it may be down, or its lookups may stand behind. It is kept until the provider shows it decided, or its money can no more be taken.
// PortOne sends a webhook once.
type Hint struct {
	Attempt int       // whose number it is of; 0: of any, which is the last look at a paid order
	Key     string    // the provider's key of the payment; empty: any under the number
	At      time.Time // when it came
	DueAt   time.Time // when it is asked about next
	Asks    int       // questions about it that brought no conclusion
}

// keyedHintsMax bounds the hints with a key, which anybody who knows the address can make up: what comes beyond is any payment under its number.
const keyedHintsMax = 8

// hintRenewal is how much younger a copy of a hint must be to take its place.
const hintRenewal = 10 * time.Minute

// HintAsksMax is how many questions about a hint without a conclusion are of its first hour.
const HintAsksMax = 5

func (h Hint) same(other Hint) bool { return h.Attempt == other.Attempt && h.Key == other.Key }

// Remembers says that the order has a hint, of about the same time.
func (o Order) Remembers(h Hint) bool {
	h.Attempt = min(max(h.Attempt, 1), o.Attempt.N)
	i := slices.IndexFunc(o.Hints, h.same)
	return i >= 0 && h.At.Sub(o.Hints[i].At) < hintRenewal
}

// Remember returns the order with a hint, due in 30 s; the order itself when it has that hint.
func (o Order) Remember(h Hint) Order {
	h.Attempt = min(max(h.Attempt, 1), o.Attempt.N)
	keyed := func(h Hint) bool { return h.Key != "" }
	i := slices.IndexFunc(o.Hints, h.same)
	if i < 0 && keyed(h) && len(slices.DeleteFunc(slices.Clone(o.Hints), func(h Hint) bool { return !keyed(h) })) >= keyedHintsMax {
		h.Key = ""
		i = slices.IndexFunc(o.Hints, h.same)
	}
	if i >= 0 && h.At.Sub(o.Hints[i].At) < hintRenewal {
		return o
	}
	h.DueAt, h.Asks = h.At.Add(settlingDelays[0]), 0
	o.Hints = slices.Clone(o.Hints)
	if i >= 0 {
		o.Hints[i] = h
	} else {
		o.Hints = append(o.Hints, h)
	}
	o.DueAt = soonest(o.DueAt, h.DueAt)
	o.Revision++
	return o
}

// lookAgain returns a buyer's order that was paid just now with the last look at its numbers.
func (o Order) lookAgain(e Event) Order {
	if e.LastLook > 0 && o.BillingKey == "" {
		o.Hints = append(slices.Clone(o.Hints), Hint{At: e.At, DueAt: e.At.Add(e.LastLook)})
	}
	return o
}

// Recall returns the order after a question about hints: those that are accounted for are gone, the others are asked about again later.
func (o Order) Recall(at time.Time, asked []Hint, accounted func(Hint) bool) Order {
	var left []Hint
	for _, h := range o.Hints {
		was := slices.IndexFunc(asked, h.same)
		switch {
		case was < 0 || asked[was].At.Before(h.At): // it came meanwhile
		case accounted(h):
			continue
		default:
			h.Asks++
			h.DueAt = at.Add(settlingDelays[min(h.Asks, len(settlingDelays)-1)])
		}
		left = append(left, h)
	}
	o.Hints = left
	o.DueAt = o.dueAfter(Event{At: at})
	if rest := at.Add(HintPause); o.AskAfter.After(rest) {
		o.AskAfter = rest
	}
	o.Revision++
	return o
}

// hintDue is when the first hint is asked about, or the zero time.
func (o Order) hintDue() (due time.Time) {
	for _, h := range o.Hints {
		due = soonest(due, h.DueAt)
	}
	return due
}

// soonest is the earlier of two due times; the zero time is none.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
