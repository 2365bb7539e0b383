package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// ChargeMax bounds one message's work: 65 s for the provider and the time kept to record what it said.
const ChargeMax = 68 * time.Second

// Worker does what is due: it charges cycles, settles orders, ends what is over. A message only says where to look; the
// same message twice, late, or of a cycle that is over does nothing.
type Worker struct {
	Settler  *Settler
	Enroller *Enroller
	Orders   Orders
	Claims   Claims
	Records  Subscriptions
	Cycles   Cycles
	Deleter  KeyDeleter
	// Declines classifies the provider's code of a refused charge.
	Declines   func(code string) subscription.Decline
	Message    func(code string) string // the provider's documented words for it; nil: none
	Timetable  subscription.Timetable
	NoticeDays int // before a charge it is announced; 0: not at all. A subscription takes it over with each change
	Now        func() time.Time
	Log        *slog.Logger
}

// ErrMessage refuses a message that names no record of ours. It is not worth another try.
var ErrMessage = errors.New("not a message of ours")

// Work does what one message asks for. An error means: deliver it again.
func (w *Worker) Work(ctx context.Context, m Message) error {
	switch m.Kind {
	case KindOrder:
		if n, err := order.ParseNumber(m.ID); err != nil || n.OrderID() != m.ID {
			return ErrMessage
		}
		return w.settleOrder(ctx, m.ID)
	case KindSubscription:
		if checkSubscriptionID(m.ID) != nil || m.Cycle < 0 {
			return ErrMessage
		}
		return w.charge(ctx, m.ID, m.Cycle)
	}
	return ErrMessage
}

// settleOrder drives an unsettled order on; a cycle's order tells its subscription.
//
// It never repeats a charge whose outcome is unknown: only charge, which has claimed the cycle, knows that it is still
// wanted. After the end of a subscription it may, because its keys are gone for good: no money can move, and the
// refusal proves what became of the first request. An imported key that stays is never charged again: what was asked of
// it is given up once it can be at work no more.
func (w *Worker) settleOrder(ctx context.Context, id string) error {
	n, err := order.ParseNumber(id)
	if err != nil {
		return ErrMessage
	}
	var s subscription.Subscription
	if n.Cycle > 0 {
		s, err = w.Records.GetSubscription(ctx, n.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	o, err := w.Orders.Get(ctx, id)
	var visit ledger.Visit
	wanted := ledger.No
	if s.Owes(n.Cycle) {
		wanted = ledger.Yes
	}
	if s.Status == subscription.Canceled && s.Final() {
		if s.Keeps(1) && o.BillingKey == s.KeyName(1) {
			wanted = ledger.Never
		} else {
			visit.Repeat = w.Now().Add(subscription.ChargeLease)
		}
	}
	if err == nil {
		o, err = w.Settler.awaitCycle(ctx, o, visit, wanted)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil && o.Unrecorded && s.ID != "": // what is known already is told all the same
		_, told := w.tell(ctx, s, n.Cycle, o)
		return errors.Join(err, told)
	case err != nil:
		return err
	case o.Status == order.Processing:
		return nil
	case s.ID == "":
		_, err = w.told(ctx, o)
		return err
	}
	_, err = w.tell(ctx, s, n.Cycle, o)
	return err
}

// charge charges cycle k of a subscription.
//
// Phase 1 claims the cycle: one conditional write that returns the subscription. Phase 2 stores the cycle's order as
// processing, which only one worker can. Phase 3 charges it and records what the provider says. Phase 4 moves the
// subscription on, if it still stands at k. A crash between any two is picked up by a due time, and finds the order as
// far as it came.
func (w *Worker) charge(ctx context.Context, id string, k int) error {
	if !timeToCharge(ctx) {
		return fmt.Errorf("payment: charge %s: %w", id, ErrBusy)
	}
	g, ok := w.Settler.Gateways[subscriptionProvider]
	err := ready(ctx, g.Ready)
	if !ok {
		err = errors.New("PortOne is no longer offered")
	}
	if err != nil {
		w.Log.ErrorContext(ctx, "the provider cannot be asked; nothing was claimed, and the record is due again",
			"event", "config.error", "subscriptionId", id, "cause", err.Error())
		return nil
	}
	s, err := w.Cycles.ClaimCycle(ctx, subscription.CycleClaim{ID: id, Cycle: k, At: w.Now()})
	var refusal *subscription.Refusal
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.As(err, &refusal) && refusal.Reason == subscription.Claimed:
		return nil
	case errors.As(err, &refusal):
		return w.unclaimed(ctx, s)
	case err != nil:
		return err
	}
	at := w.Now()
	if !at.Before(s.AskAfter) {
		return nil // frozen until the lease was over: the record is due again
	}
	if !s.Prepare(at).Charge {
		return w.save(ctx, s, func(s subscription.Subscription) subscription.Subscription {
			if s.Cycle != k || s.Status != subscription.Active && s.Status != subscription.PastDue {
				return s
			}
			return s.Prepare(at).Subscription
		})
	}
	o, err := w.take(ctx, s, at)
	if err != nil {
		return err
	}
	if o.Status == order.Open && o.Attempt == s.Attempt() { // as before: see logPostponed
		w.logPostponed(ctx, s, at)
		return nil
	}
	_, err = w.tell(ctx, s, k, o)
	return err
}

// logPostponed: a further attempt must not be charged before the provider has said that those before it took nothing,
// nor so late that its claim is over.
func (w *Worker) logPostponed(ctx context.Context, s subscription.Subscription, at time.Time) {
	level, event := slog.LevelWarn, "charge.postponed"
	if at.Sub(s.ChargeAt) >= order.AlarmAfter {
		level, event = slog.LevelError, "money.unsettled"
	}
	w.Log.Log(ctx, level,
		"an earlier attempt could not be looked up, or too little time was left; the cycle is due again",
		"event", event, "subscriptionId", s.ID, "cycle", s.Cycle)
}

// unclaimed: there is nothing to charge now, but the record may be due for something else.
func (w *Worker) unclaimed(ctx context.Context, s subscription.Subscription) error {
	if _, due := s.Woken(w.Now(), w.NoticeDays); due {
		return w.save(ctx, s, func(s subscription.Subscription) subscription.Subscription {
			s, _ = s.Woken(w.Now(), w.NoticeDays)
			return s
		})
	}
	switch {
	case s.Issuing() != nil:
		_, err := w.Enroller.Advance(ctx, s.ID)
		return err
	case s.Status == subscription.Canceled && !s.Final():
		if err := w.tellLast(ctx, s); err != nil {
			return err
		}
		return w.deleteKey(ctx, s)
	}
	return nil
}

// tellLast: a worker may have charged a cycle while the end came, and not have lived to say so.
func (w *Worker) tellLast(ctx context.Context, s subscription.Subscription) error {
	if s.Begun.IsZero() {
		return nil
	}
	o, err := w.Orders.Get(ctx, s.OrderID(s.Cycle))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err == nil && o.WasPaid():
		_, err = w.tell(ctx, s, s.Cycle, o)
	}
	return err
}

// take charges the cycle a subscription stands at, or finds out what became of an earlier try. Its time is the one at
// which the claim was good: a worker that stands still after it is too late to send.
func (w *Worker) take(ctx context.Context, s subscription.Subscription, now time.Time) (order.Order, error) {
	id, key := s.OrderID(s.Cycle), s.KeyName(s.Key.N)
	visit := ledger.Visit{Repeat: s.AskAfter, Key: key}
	var o order.Order
	var err error
	if s.Attempt() == 1 {
		o, err = w.Orders.Create(ctx, cycleOrder(s, id, now, now.Add(ChargeMax), w.Settler.timing(s.Provider)))
		if err == nil {
			fresh := o.Ledger.Requests[0]
			visit.Fresh = &fresh
			return w.Settler.processCycle(ctx, o, ledger.Work{Visit: visit}, ledger.Yes)
		}
	} else {
		o, err = w.Orders.Get(ctx, id)
	}
	if err != nil && !errors.Is(err, ErrExists) {
		return o, fmt.Errorf("payment: charge %s: %w", id, err)
	}
	// The order's price: a plan may have changed.
	visit.Charge = &ledger.Request{Kind: ledger.Charge, Attempt: s.Attempt(), Key: key, Amount: o.Amount.Value}
	return w.Settler.processCycle(ctx, o, ledger.Work{Visit: visit}, ledger.Yes)
}

func cycleOrder(s subscription.Subscription, id string, now, askAfter time.Time, t ledger.Timing) order.Order {
	return order.NewCycle(order.Order{
		ID: id, Provider: s.Provider, Mode: s.Mode, Account: s.Account,
		Amount: s.CyclePlan().Amount, Name: s.Plan.Name, Language: s.Language, ReturnURL: s.ReturnURL,
		Customer: order.Customer{
			ID: s.CustomerID, Name: s.Customer.Name, Email: s.Customer.Email, Phone: s.Customer.Phone,
		},
		Request: s.Request, LinkToken: s.LinkToken, CreatedAt: now.UTC().Truncate(time.Millisecond),
		BillingKey: s.KeyName(s.Key.N), Charging: order.Charging(s.Charging),
		Extras: order.Extras{Tax: order.Tax(s.CyclePlan().Tax)},
	}, t, askAfter)
}

// Paid tells the subscription that a cycle's order was paid, which somebody else found out. When that fails the order
// is due, and the schedule tells it.
func (w *Worker) Paid(ctx context.Context, o order.Order) order.Order {
	n, err := order.ParseNumber(o.ID)
	if err != nil || n.Cycle == 0 {
		return o
	}
	s, err := w.Records.GetSubscription(ctx, n.ID)
	if err == nil {
		o, err = w.tell(ctx, s, n.Cycle, o)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "a paid cycle could not be told to its subscription; the schedule will",
			"event", "work.failed", "kind", KindOrder, "id", o.ID, "cause", err.Error())
	}
	return o
}

// tell moves the subscription on by what became of cycle k's order, and notes in a due order that this is done.
func (w *Worker) tell(ctx context.Context, s subscription.Subscription, k int, o order.Order) (order.Order, error) {
	if err := w.move(ctx, s, k, o); err != nil {
		return o, err
	}
	return w.told(ctx, o)
}

func (w *Worker) told(ctx context.Context, o order.Order) (order.Order, error) {
	if !o.Unrecorded {
		return o, nil
	}
	told, err := w.Claims.Save(ctx, w.Settler.governed(o).Recorded())
	switch {
	case errors.Is(err, ErrConflict):
		return told, nil // it stays due, and is told once more
	case err != nil:
		return o, err
	}
	return told, nil
}

func (w *Worker) move(ctx context.Context, s subscription.Subscription, k int, o order.Order) error {
	now := w.Now()
	return w.save(ctx, s, w.causing(k, o, func(s subscription.Subscription) subscription.Subscription {
		date := s.DateAt(o.CreatedAt)
		if !s.Begun.IsZero() {
			date = s.DateAt(s.Begun)
		}
		switch {
		case o.WasPaid():
			return shownBy(s.Charged(k, date, now), o, now)
		case o.Status == order.Open:
			code := o.RefusalCode(o.Attempt - 1)
			if o.BillingKey != s.KeyName(s.Key.N) {
				return s.RefusedReplaced(k, o.Attempt, w.Declines(code), code, now)
			}
			return s.Refused(k, o.Attempt, w.Declines(code), code, w.Timetable, now)
		case o.Status == order.Processing:
			return s.Doubted(k, now, o.DueAt)
		}
		return s.Ended(k, date, "order "+string(o.Status), o.BillingKey != s.KeyName(s.Key.N), now)
	}))
}

// save applies a change and stores it; when somebody else was faster it is applied to what they left.
func (w *Worker) save(ctx context.Context, s subscription.Subscription, apply change) error {
	stored := s.Revision
	for range savesMax {
		s.NoticeDays = w.NoticeDays
		next := apply(s)
		if next.Revision == stored {
			return nil
		}
		next.Revision = stored + 1
		saved, err := w.Records.SaveSubscription(ctx, next)
		if err == nil {
			w.logMoved(ctx, s, saved)
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("payment: subscription %s: %w", s.ID, err)
		}
		s, stored = saved, saved.Revision
	}
	return fmt.Errorf("payment: subscription %s: %w", s.ID, ErrConflict)
}

func (w *Worker) logMoved(ctx context.Context, before, after subscription.Subscription) {
	level, event := slog.LevelInfo, "subscription.transition"
	switch {
	case after.Status == subscription.Suspended && before.Status != subscription.Suspended:
		level = slog.LevelWarn
	case after.Status == subscription.Canceled && after.Cycle > before.Cycle:
		level, event = slog.LevelWarn, "subscription.paid_after_end" // the charge was on its way when the end came
	}
	w.Log.Log(ctx, level, "the subscription moved", "event", event, "subscriptionId", after.ID,
		"from", string(before.Status), "to", string(after.Status), "cycle", after.Cycle, "code", after.Dunning.Code)
}

// deleteKey deletes the billing keys of a subscription that has ended.
func (w *Worker) deleteKey(ctx context.Context, s subscription.Subscription) error {
	began := w.Now()
	if began.Before(s.DueAt) {
		return nil
	}
	gone := deleteKeys(ctx, w.Deleter, s, w.Log)
	return w.save(ctx, s, func(s subscription.Subscription) subscription.Subscription {
		if gone {
			return s.KeyDeleted(began)
		}
		return s.KeyNotDeleted(w.Now())
	})
}

// deleteKeys deletes every key a window was ever offered for, the newest first, and says that all are gone. One that
// never was is gone.
func deleteKeys(ctx context.Context, d KeyDeleter, s subscription.Subscription, log *slog.Logger) (gone bool) {
	calls, cancel := callContext(ctx)
	defer cancel()
	gone = true
	for i, name := range slices.Backward(s.KeyNames()) {
		if !hasTime(calls) {
			return false
		}
		a := d.DeleteBillingKey(calls, name, "subscription ended")
		logKeyAnswer(ctx, log, s.ID, i+1, a, a.Verdict == provider.Absent)
		gone = gone && a.Verdict == provider.Absent
	}
	return gone
}
