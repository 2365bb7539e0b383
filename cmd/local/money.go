package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/ledger"
)

// comparedMax is how many orders, and how many subscriptions, the page compares with the ledger.
const comparedMax = 20_000

// moneyView is our table beside the ledger.
type moneyView struct {
	Money       []moneyRow
	MoreMoney   int
	Compared    int
	Differences int
	Undecided   int
}

// moneyRow is one order in both.
type moneyRow struct {
	ID        string
	Status    string
	Ours      int64 // what we believe to hold
	Captured  int64 // what the ledger says
	Returned  int64
	At        time.Time // the last movement
	Undecided bool      // we know that we do not know, or owe money back
	made      time.Time
}

// Differs says that the table is sure and wrong.
func (r moneyRow) Differs() bool { return !r.Undecided && r.Ours != r.Captured-r.Returned }

// money compares every order made here, every cycle, and every order that only the ledger knows. What differs comes first, then the latest.
func (c *console) money(ctx context.Context, subscriptions []subscription.Subscription) (moneyView, error) {
	moved := movedOf(c.world.Ledger.Entries())
	ids := c.world.OrderIDs()
	for _, s := range subscriptions {
		for k := range s.Cycle {
			ids = append(ids, s.OrderID(k+1))
		}
	}
	var v moneyView
	for _, id := range ids[max(0, len(ids)-comparedMax):] {
		o, err := c.world.Store.Get(ctx, id)
		if errors.Is(err, payment.ErrNotFound) {
			continue // a cycle whose time has not come; if money moved for it all the same, it is found below
		}
		if err != nil {
			return v, err
		}
		row := moved[id]
		delete(moved, id)
		v.add(rowOf(o, row))
	}
	for id, row := range moved { // a restart forgets what was made before
		o, err := c.world.Store.Get(ctx, id)
		switch {
		case errors.Is(err, payment.ErrNotFound):
			row.ID, row.Status = id, "unknown to us"
			v.add(row)
		case err != nil:
			return v, err
		default:
			v.add(rowOf(o, row))
		}
	}
	slices.SortStableFunc(v.Money, func(a, b moneyRow) int {
		if a.Differs() != b.Differs() {
			return cmp.Or(map[bool]int{true: -1}[a.Differs()], 1)
		}
		return cmp.Or(b.latest().Compare(a.latest()), cmp.Compare(a.ID, b.ID))
	})
	v.MoreMoney = max(0, len(v.Money)-shownMax)
	v.Money = v.Money[:len(v.Money)-v.MoreMoney]
	return v, nil
}

// latest is when something last happened.
func (r moneyRow) latest() time.Time {
	if r.At.After(r.made) {
		return r.At
	}
	return r.made
}

func (v *moneyView) add(r moneyRow) {
	v.Compared++
	if r.Differs() {
		v.Differences++
	}
	if r.Undecided {
		v.Undecided++
	}
	v.Money = append(v.Money, r)
}

// movedOf sums the ledger by order, whatever the attempt.
func movedOf(entries []ledger.Entry) map[string]moneyRow {
	moved := map[string]moneyRow{}
	for _, e := range entries {
		id := e.OrderID
		if n, err := order.ParseNumber(id); err == nil {
			id = cmp.Or(n.OrderID(), id)
		}
		row := moved[id]
		if e.Kind == ledger.Capture {
			row.Captured += e.Amount
		} else {
			row.Returned += e.Amount
		}
		row.At = e.At
		moved[id] = row
	}
	return moved
}

// rowOf adds what our table says of the order.
func rowOf(o order.Order, row moneyRow) moneyRow {
	row.ID, row.Status, row.made = o.ID, string(o.Status), o.CreatedAt
	row.Undecided = o.Status == order.Processing || o.Status == order.Review || o.Owed() != nil
	if o.Status == order.Paid {
		row.Ours = o.Capture.Balance
	}
	return row
}
