package ledger

import (
	"slices"
	"time"
)

// Work is one process settling one order: what it read, what it has learned since, and what it did. It holds the
// rules of the loop that every entry point runs, so that the loop itself only does I/O: plan, write what must be
// written first, do it, learn; in the end write once.
type Work struct {
	Stored  Order    // as the table has it
	Noted   *Request // a return or a notice, to be written with what is learned
	Answers []Answer // not written yet
	Visit   Visit
}

// Order is the stored order with what this process knows beside it.
func (w Work) Order() Order {
	o := w.Stored
	if w.Noted != nil {
		if noted, err := o.Intend(*w.Noted); err == nil {
			o = noted
		}
	}
	for _, a := range w.Answers {
		o = o.Learn(a)
	}
	return o.Decide()
}

// Changed says that there is something to write: news, or what follows now from what is stored, because this process
// knows more of what is not, such as whether a cycle is wanted.
func (w Work) Changed() bool { return w.Noted != nil || len(w.Answers) > 0 || !w.Stored.complete() }

// complete says that nothing more follows from the order than what is written.
func (o Order) complete() bool {
	d := o.Decide()
	if d.End != o.End || !d.ExpiresAt.Equal(o.ExpiresAt) {
		return false
	}
	if !slices.Equal(d.Attempts, o.Attempts) || !slices.Equal(d.Requests, o.Requests) {
		return false
	}
	same := func(p, q Payment) bool { return p.Key == q.Key && p.Role == q.Role }
	return slices.EqualFunc(d.Payments, o.Payments, same)
}

// Plan is the next step, and the order to write before it; nil: nothing must be.
func (w Work) Plan(now time.Time) (Step, *Order) {
	o := w.Order()
	s := o.Next(now, w.Visit)
	switch {
	case s.Do != Send:
		return s, nil
	case o.index(s.Request) >= 0:
		return s, nil // written, and sent again as it stands
	}
	intended, err := o.Intend(s.Request)
	if err != nil {
		return Step{Do: Wait}, nil
	}
	intended.Revision = w.Stored.Revision + 1
	return s, &intended
}

// Written is the work after a write. fresh is the request the write contained, which this process, and no other, now
// sends.
func (w Work) Written(o Order, fresh *Request) Work {
	w.Stored, w.Noted, w.Answers = o, nil, nil
	w.Visit.Fresh = fresh
	return w
}

// Conflicted is the work after somebody else's write: what was learned is folded onto what they left, and the plan is
// made anew.
func (w Work) Conflicted(o Order) Work {
	w.Stored = o
	return w
}

// Did is the work after a step and its answer. A lookup is not asked twice; after a request was sent everything may
// be.
func (w Work) Did(s Step, a Answer) Work {
	w.Answers = append(append([]Answer(nil), w.Answers...), a)
	if s.Do == LookUp {
		w.Visit.Looked = append(append([]Lookup(nil), w.Visit.Looked...), Lookup{s.Key, s.Attempt})
		if a.Complete {
			w.Visit.Read = append(append([]Lookup(nil), w.Visit.Read...), Lookup{s.Key, s.Attempt})
		}
		return w
	}
	w.Visit.Looked, w.Visit.Fresh, w.Visit.Charge = nil, nil, nil
	return w
}

// Final is the order to write in the end, with everything that was learned.
func (w Work) Final() Order {
	o := w.Order()
	o.Revision = w.Stored.Revision + 1
	return o
}
