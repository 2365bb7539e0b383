package ledger

// A table that was restored from a backup has forgotten hours in which numbers were opened and money was taken. What
// was taken since RestoredTo is the order's, also under a number that the table does not know any more; and no money is
// asked for before the provider was asked about every number that the lost hours may have used.

// aheadMax is how many numbers beyond the current one the lost hours may have used: more than a dunning timetable makes
// in two weeks.
const aheadMax = 4

// reopen opens the numbers that the provider shows payments under and the table has forgotten.
func (o *Order) reopen() {
	if o.RestoredTo.IsZero() {
		return
	}
	for _, p := range o.Payments {
		if p.Role != NoRole || o.older(p) || p.Attempt > AttemptsMax {
			continue
		}
		for len(o.Attempts) < p.Attempt {
			o.Attempts[len(o.Attempts)-1].Used = true // the next one is opened only then
			o.Attempts = append(o.Attempts, Attempt{OpenedAt: o.LearnedAt})
		}
	}
}

// ahead looks up the current number, and before it those after it, before money is asked for and when the order's
// windows are over: the order may end once its own numbers are looked up. It waits while one cannot be read.
func (o Order) ahead(v Visit) Step {
	if o.RestoredTo.IsZero() {
		return none
	}
	for n := min(o.Current()+aheadMax, AttemptsMax); n >= o.Current(); n-- {
		l := Lookup{Attempt: n}
		switch {
		case v.read(l):
		case v.looked(l):
			return Step{Do: Wait}
		default:
			return Step{Do: LookUp, Attempt: n}
		}
	}
	return none
}

// guarded is a step that asks for money, or what must be done before it.
func (o Order) guarded(s Step, v Visit) Step {
	if s.Do != Send || s.Request.Kind == Cancel {
		return s
	}
	if first := o.ahead(v); first.Do != nothingYet {
		return first
	}
	return s
}
