package ledger_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// situation is what the result of an answer may depend on, beside the status.
type situation struct {
	earlier bool // the answer is about the number before the current one
	late    bool // it comes when no window of the order is open any more
	last    bool // the current number is the last one
	other   bool // it is about another payment than the current one
	keep    bool // the merchant keeps late money
	confirm bool // at the provider that is asked for the money, not the one whose window captures
	beside  int  // 0: nothing else; 1: the payment is surplus; 2: it was, and is back; 3: a confirm or a return of another payment is open
}

func situations() (all []situation) {
	for bits := range 1 << 6 {
		for beside := range 4 {
			all = append(all, situation{bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0, bits&32 > 0, beside})
		}
	}
	return all
}

func (x situation) key() string {
	if x.other || x.beside == 1 || x.beside == 2 {
		return "key-other"
	}
	return "key-current"
}

// order is one in a status in this situation; possible is false for what no order comes to.
func (x situation) order(s ledger.Status) (o ledger.Order, possible bool) {
	var terms []func(*ledger.Terms)
	if x.keep {
		terms = append(terms, keepLate)
	}
	if x.confirm {
		terms = append(terms, atToss)
	}
	o = stood(s, terms...)
	if x.last {
		last(&o)
		o.Attempts[o.Current()-1].Used = false
		for i := range o.Requests {
			o.Requests[i].Attempt = o.Current()
		}
		for i := range o.Payments {
			o.Payments[i].Attempt = o.Current()
		}
	}
	p := line("key-other", ledger.Captured, 6*time.Minute, under(x.attempt(o)))
	switch x.beside {
	case 1:
		surplus(&p)
		o.Payments = append(o.Payments, p)
		if s == ledger.Open {
			return o, false
		}
	case 2:
		returned(&p)
		o.Payments = append(o.Payments, p)
	case 3:
		kind := ledger.Return
		if x.confirm {
			kind = ledger.Confirm
		}
		o.Requests = append(o.Requests, asks(kind, "key-claimed", now(o)-30*time.Second, forNumber(o.Current())))
		if s == ledger.Open {
			return o, false
		}
	}
	return o, true
}

func (x situation) attempt(o ledger.Order) int {
	if x.earlier {
		return o.Current() - 1
	}
	return o.Current()
}

// words are what a provider may say of a payment or a number.
var words = map[string]func(p ledger.Payment, at time.Duration) ledger.Answer{
	"captured":                     word(ledger.Captured),
	"partly refunded":              word(ledger.Captured, partLeft),
	"refunded":                     word(ledger.Captured, emptied),
	"mismatched":                   word(ledger.Captured, more),
	"mismatched, and nothing left": word(ledger.Captured, amount(15001, 0)),
	"declined":                     word(ledger.Declined),
	"doubtful":                     word(ledger.Doubtful),
	"begun":                        word(ledger.Begun),
	"nothing": func(p ledger.Payment, _ time.Duration) ledger.Answer {
		return ledger.Answer{Attempt: p.Attempt, Readable: true, Complete: true}
	},
	"no answer": func(p ledger.Payment, _ time.Duration) ledger.Answer { return ledger.Answer{Key: p.Key} },
	"refused": func(p ledger.Payment, at time.Duration) ledger.Answer {
		return ledger.Answer{Readable: true, Reply: ledger.Refused, Code: "CODE", To: &ledger.Request{Kind: ledger.Confirm, Attempt: p.Attempt, Key: p.Key}}
	},
}

func word(s ledger.State, edits ...func(*ledger.Payment)) func(ledger.Payment, time.Duration) ledger.Answer {
	return func(p ledger.Payment, _ time.Duration) ledger.Answer {
		shown := line(p.Key, s, 0, append(edits, under(p.Attempt))...)
		if s != ledger.Captured {
			shown.Balance = 0
		}
		return ledger.Answer{Key: p.Key, Readable: true, Payments: []ledger.Payment{shown}}
	}
}

// becomes are the statuses that each status may become by an answer.
var becomes = map[ledger.Status][]ledger.Status{
	ledger.Open:       {ledger.Processing, ledger.Paid, ledger.Refunded, ledger.Failed, ledger.Expired, ledger.Review},
	ledger.Processing: {ledger.Open, ledger.Paid, ledger.Refunded, ledger.Failed, ledger.Expired, ledger.Review},
	ledger.Paid:       {ledger.Refunded, ledger.Review},
	ledger.Refunded:   {ledger.Review},
	ledger.Failed:     {ledger.Paid, ledger.Refunded, ledger.Review},
	ledger.Expired:    {ledger.Paid, ledger.Refunded, ledger.Review},
	ledger.Review:     {},
}

// TestEveryStatusAndEveryAnswer asks of each pair in each situation what must hold of any.
func TestEveryStatusAndEveryAnswer(t *testing.T) {
	t.Parallel()
	seen, pairs := map[string]bool{}, 0 // one broken rule shows in many situations
	for _, s := range everyStatus {
		for said, answer := range words {
			for _, x := range situations() {
				o, possible := x.order(s)
				if !possible {
					continue
				}
				at := now(o)
				if x.late {
					at = max(at, time.Hour+ledger.OpenGrace+time.Minute)
				}
				a := answer(ledger.Payment{Key: x.key(), Attempt: x.attempt(o)}, at)
				a.Account, a.Began, a.At = o.Account, in(at), in(at)
				pairs++
				before := deep(o)
				next := o.Learn(a).Decide()
				if !reflect.DeepEqual(o, before) {
					t.Fatalf("%s x %s %+v: the order that it was told was changed", s, said, x)
				}
				for _, broken := range violations(o, next, a) {
					if what := fmt.Sprintf("%s x %s: %s", s, said, broken); !seen[what] {
						seen[what] = true
						t.Errorf("%s (%+v)\n%s%s", what, x, show(o), show(next))
					}
				}
				if again := next.Learn(a).Decide(); !reflect.DeepEqual(again, next) {
					t.Errorf("%s x %s %+v: told the same again:\n%s%s", s, said, x, show(next), show(again))
				}
			}
		}
	}
	t.Logf("%d pairs", pairs)
}

// deep is a copy that shares no memory.
func deep(o ledger.Order) ledger.Order {
	o.Attempts, o.Requests, o.Payments = slices.Clone(o.Attempts), slices.Clone(o.Requests), slices.Clone(o.Payments)
	return o
}

// violations lists what one answer did to an order that it must not do.
func violations(o, next ledger.Order, a ledger.Answer) (broken []string) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	was, is := o.Status(), next.Status()
	moved := was != is
	fail(moved && !slices.Contains(becomes[was], is), "%s became %s", was, is)
	grown := next.Current() - o.Current()
	fail(grown < 0 || grown > 1 || next.Current() > ledger.AttemptsMax, "number %d became %d", o.Current(), next.Current())
	fail(grown == 1 && (is != ledger.Open || !next.Attempts[o.Current()-1].Used), "the next number is open, and the order %s", is)
	fail(grown == 1 && !reflect.DeepEqual(next.Attempts[next.Current()-1], ledger.Attempt{OpenedAt: next.LearnedAt}), "the next number remembers something")
	fail(is == ledger.Open && moved && grown == 0 && len(o.Requests) == 0, "open again under the same number, and nothing was asked for")
	ended := moved && (is == ledger.Failed || is == ledger.Expired)
	fail(ended && next.LearnedAt.Before(next.Over()) && next.Current() < ledger.AttemptsMax, "ended in time")
	for n, attempt := range next.Attempts {
		fail(ended && attempt.LookedAt.IsZero(), "ended without a look at number %d", n+1)
	}
	fail(ended && len(next.Requests) > 0 && is != ledger.Review, "ended while something is open")
	final := is != ledger.Open && is != ledger.Processing && is != ledger.Review
	fail(!final && is != ledger.Review && next.Due().IsZero(), "%s and never due", is)
	fail(!next.Due().IsZero() && !next.Due().After(next.LearnedAt), "due at %v, learned at %v", next.Due().Sub(noon), next.LearnedAt.Sub(noon))
	fail(!a.Readable && moved, "no answer, and it became %s", is)
	fail(o.ID != next.ID || o.Terms != next.Terms, "what the merchant asked for has changed")
	return append(broken, moneyViolations(o, next, a)...)
}

// moneyViolations lists what one answer did to money that it must not do.
func moneyViolations(o, next ledger.Order, a ledger.Answer) (broken []string) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	review, kept := next.Status() == ledger.Review, 0
	for _, p := range next.Payments {
		was := o.Payment(p.Key)
		if was == nil {
			was = &ledger.Payment{}
		}
		holds := p.State == ledger.Captured && p.Balance > 0
		if p.Role == ledger.Kept {
			kept++
		}
		fit := p.Amount == o.Amount && p.Currency == o.Currency && p.Test != o.Account.Live
		fail(holds && p.Role != ledger.Kept && p.Role != ledger.Surplus && !review, "%s holds money and is %s", p.Key, p.Role)
		fail(p.Role == ledger.Kept && !fit && !review, "%s does not fit and is kept", p.Key)
		fail(p.Role == ledger.Returned && holds, "%s is back and holds money", p.Key)
		fail(p.Role == ledger.Surplus && !holds, "nothing is left of %s, and it is to go back", p.Key)
		fail(was.Role == ledger.Kept && p.Role != ledger.Kept, "%s was kept and is %s", p.Key, p.Role)
		fail(was.Role == ledger.Surplus && p.Role != ledger.Surplus && (p.Role != ledger.Returned || p.Balance > 0), "%s was to go back and is %s", p.Key, p.Role)
		fail(was.Role == ledger.Returned && p.Role != ledger.Returned, "%s was back and is %s", p.Key, p.Role)
		fail(was.State > p.State || was.State == ledger.Captured && p.Balance > was.Balance, "less is known of %s", p.Key)
		closed := o.Status() == ledger.Failed || o.Status() == ledger.Expired
		fresh := was.Role == ledger.NoRole
		fail(fresh && closed && p.Role == ledger.Kept && !o.KeepLate, "late money is kept")
		fail(fresh && closed && p.Role == ledger.Surplus && o.KeepLate && fit, "late money is not kept")
		fail(p.Role == ledger.Surplus && p.Reason == "", "%s is to go back for no reason", p.Key)
		fail(fresh && p.Role == ledger.Surplus && next.Due().IsZero() && !review, "%s is to go back and never due", p.Key)
		fail(p.Role == ledger.Surplus && next.Status() == ledger.Open, "open while %s is to go back", p.Key)
	}
	fail(kept > 1, "%d payments are kept", kept)
	fail(next.Status() == ledger.Paid && kept != 1, "paid, and %d payments are kept", kept)
	for _, p := range o.Payments {
		fail(next.Payment(p.Key) == nil, "%s is forgotten", p.Key)
	}
	for _, r := range o.Requests { // whatever may take money is looked for until an answer about it came
		about := a.Key == r.Key && a.Readable || a.To != nil && a.To.Key == r.Key || a.Attempt == r.Attempt && a.Readable
		open := slices.ContainsFunc(next.Requests, func(q ledger.Request) bool { return q.Kind == r.Kind && q.Key == r.Key })
		fail(!open && !about, "the %s of %s is forgotten", r.Kind, r.Key)
	}
	for _, at := range []time.Time{next.LearnedAt, next.LearnedAt.Add(time.Minute), next.LearnedAt.Add(2 * time.Hour)} {
		s := next.Next(at, ledger.Visit{Began: at})
		p := next.Payment(s.Request.Key)
		fail(s.Do == ledger.Send && s.Request.Kind != ledger.Cancel, "a %s without a lookup", s.Request.Kind)
		fail(s.Do == ledger.Send && s.Request.Kind == ledger.Cancel && (p == nil || p.Role != ledger.Surplus || s.Request.Amount != p.Balance || review), "%s of %+v", s.Do, s.Request)
	}
	return broken
}

// TestTransitionsShareNoMemory: tables and racing requests hold orders whose slices have room to grow into. No rule writes into them.
func TestTransitionsShareNoMemory(t *testing.T) {
	t.Parallel()
	for _, s := range everyStatus {
		for _, x := range situations() {
			o, possible := x.order(s)
			if !possible || x.last {
				continue
			}
			o.Attempts = append(make([]ledger.Attempt, 0, 32), o.Attempts...)
			o.Requests = append(make([]ledger.Request, 0, 32), o.Requests...)
			o.Payments = append(make([]ledger.Payment, 0, 32), o.Payments...)
			o.Resolutions = make([]ledger.Resolution, 0, 32)
			attempts, requests, payments := slices.Clone(o.Attempts[:32]), slices.Clone(o.Requests[:32]), slices.Clone(o.Payments[:32])
			at := now(o)
			var all []ledger.Order
			for _, answer := range words {
				a := answer(ledger.Payment{Key: x.key(), Attempt: x.attempt(o)}, at)
				a.Account, a.Began, a.At = o.Account, in(at), in(at)
				all = append(all, o.Learn(a), o.Learn(a).Decide())
			}
			for _, kind := range []ledger.Kind{ledger.Return, ledger.Approval, ledger.Confirm, ledger.Charge, ledger.Notice, ledger.Cancel} {
				for _, key := range []string{x.key(), "key-claimed", ""} {
					next, _ := o.Intend(asks(kind, key, at, forNumber(o.Current()), turn(1)))
					first, _ := o.Intend(asks(kind, key, at, forNumber(o.Current())))
					all = append(all, next, next.Decide(), first, first.Decide())
				}
			}
			resolved, _ := o.Resolve(ledger.Resolution{Key: x.key(), At: in(at)})
			all = append(all, resolved, o.Decide())
			for _, next := range all {
				_ = next.Due()
				_ = next.Next(in(at), ledger.Visit{})
			}
			if !slices.Equal(o.Attempts[:32], attempts) || !slices.Equal(o.Requests[:32], requests) || !reflect.DeepEqual(o.Payments[:32], payments) ||
				!reflect.DeepEqual(o.Resolutions[:1], make([]ledger.Resolution, 1)) {
				t.Fatalf("%s %+v: a rule wrote into the slices of the order it was called on", s, x)
			}
		}
	}
}
