package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// ChargeMax bounds one message's work: 65 s for the provider and the time kept to record what it said.
const ChargeMax = 68 * time.Second

// chargeMin is the least time to begin a charge with.
const chargeMin = 10 * time.Second

// Worker does what is due: it charges cycles, settles orders, ends what is over. A message only says where to look; the same message twice,
// late, or of a cycle that is over does nothing.
type Worker struct {
	Settler  *Settler
	Enroller *Enroller
	Orders   Orders
	Claims   Claims
	Records  Subscriptions
	Cycles   Cycles
	Deleter  KeyDeleter
	// Declines classifies the provider's code of a refused charge.
	Declines  func(code string) subscription.Decline
	Message   func(code string) string // the provider's documented words for it; nil: none
	Timetable subscription.Timetable
	// NoticeDays is how long before a charge it is announced; 0: not at all. A subscription takes it over with each change.
	NoticeDays int
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
// It never repeats a charge whose outcome is unknown: only charge, which has claimed the cycle, knows that it is still wanted. After the end
// of a subscription it may, because its keys are gone for good: the refusal then proves what became of the first request, and no money can move.
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
	want := wanted{more: s.Owes(n.Cycle)}
	if s.Status == subscription.Canceled && s.Final() {
		want.repeat = w.Now().Add(subscription.ChargeLease)
	}
	o, err := w.Settler.advance(ctx, id, want)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil && o.Untold && s.ID != "": // what is known already is told all the same
		_, told := w.tell(ctx, s, n.Cycle, o)
		return errors.Join(err, told)
	case err != nil:
		return err
	case o.Status == order.Settling:
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
// Phase 1 claims the cycle: one conditional write that returns the subscription. Phase 2 stores the cycle's order as settling, which only
// one worker can. Phase 3 charges it and records what the provider says. Phase 4 moves the subscription on, if it still stands at k. A
// crash between any two is picked up by a due time, and finds the order as far as it came.
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
		w.Log.ErrorContext(ctx, "the provider cannot be asked; nothing was claimed, and the record is due again", "event", "config.error",
			"subscriptionId", id, "cause", err.Error())
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
	if errors.Is(err, errUnread) || errors.Is(err, errLate) {
		w.logPostponed(ctx, s, at, err)
		return nil
	}
	if err != nil {
		return err
	}
	_, err = w.tell(ctx, s, k, o)
	return err
}

// Why a further attempt is put off: it must not be charged before the provider has said that those before it took nothing, nor so late that
// its claim is over.
var (
	errUnread = errors.New("an earlier attempt could not be looked up")
	errLate   = errors.New("too little time was left to send the charge")
)

func (w *Worker) logPostponed(ctx context.Context, s subscription.Subscription, at time.Time, why error) {
	level, event := slog.LevelWarn, "charge.postponed"
	if at.Sub(s.ChargeAt) >= order.AlarmAfter {
		level, event = slog.LevelError, "money.unsettled"
	}
	w.Log.Log(ctx, level, why.Error()+"; the cycle is due again", "event", event, "subscriptionId", s.ID, "cycle", s.Cycle)
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

// take charges the cycle a subscription stands at, or finds out what became of an earlier try. Its time is the one at which the claim was good:
// a worker that stands still after it is too late to send.
func (w *Worker) take(ctx context.Context, s subscription.Subscription, now time.Time) (order.Order, error) {
	id, attempt := s.OrderID(s.Cycle), s.Attempt()
	until := now.Add(ChargeMax)
	var o order.Order
	var err error
	if attempt == 1 {
		o, err = w.Orders.Create(ctx, cycleOrder(s, id, now, until))
	} else {
		if o, err = w.lookBack(ctx, id, now); err != nil || o.Closed() || o.Owed() != nil {
			return o, err
		}
		o, err = w.claimAgain(ctx, order.Claim{
			OrderID: id, Provider: s.Provider, LinkToken: s.LinkToken, Attempt: attempt, Amount: s.CyclePlan().Amount, BillingKey: s.KeyName(s.Key.N), At: now, AskAfter: until,
		})
	}
	var refusal *order.Refusal
	switch {
	case err == nil:
		return w.Settler.settle(ctx, rekeyed(o, s), true, wanted{repeat: s.AskAfter, more: true})
	case errors.Is(err, ErrExists), errors.As(err, &refusal):
		return w.Settler.await(ctx, o, wanted{repeat: s.AskAfter, more: true})
	}
	return o, fmt.Errorf("payment: charge %s: %w", id, err)
}

// lookBack asks about the attempts that are over, while the order is open, so that money of theirs pays it. An order whose time is nearly over
// gets more: its next attempt must be able to fail without writing the cycle off.
func (w *Worker) lookBack(ctx context.Context, id string, now time.Time) (order.Order, error) {
	o, err := w.Orders.Get(ctx, id)
	if err != nil || o.Status != order.Open {
		return o, err
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	o, earlier, err := w.Settler.lookBack(ctx, calls, w.Settler.Gateways[o.Provider], o, o.Attempt.N-1)
	switch {
	case err != nil || o.Closed() || o.Owed() != nil:
		return o, err
	case earlier != looked:
		return o, errUnread
	case w.Now().Sub(now) > chargeSendMax/2 || !timeToCharge(ctx):
		return o, errLate
	case now.Before(o.ExpiresAt.Add(-extendBefore)):
		return o, nil
	}
	o, err = w.Settler.extend(ctx, o)
	if err == nil && o.Status == order.Open && !now.Before(o.ExpiresAt.Add(-extendBefore)) {
		err = errLate // somebody else has written meanwhile
	}
	return o, err
}

// extendBefore is longer than a charge can be in doubt without a person being told.
const extendBefore = 24 * time.Hour

// timeToCharge says that enough of the caller's time is left to send a charge: an intent that is stored and not sent is in doubt for an hour.
func timeToCharge(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= chargeMin
}

// claimAgain claims a further attempt of a cycle. The cycle's price is what its order says: a plan may have changed since it began.
func (w *Worker) claimAgain(ctx context.Context, c order.Claim) (order.Order, error) {
	o, err := w.Claims.Claim(ctx, c)
	var refusal *order.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != order.WrongAmount {
		return o, err
	}
	c.Amount = o.Amount
	return w.Claims.Claim(ctx, c)
}

// rekeyed: an attempt is charged with the key the subscription has now; the buyer may have registered a new one since the last attempt.
func rekeyed(o order.Order, s subscription.Subscription) order.Order {
	o.BillingKey = s.KeyName(s.Key.N)
	return o
}

func cycleOrder(s subscription.Subscription, id string, now, askAfter time.Time) order.Order {
	return order.NewCycle(order.Order{
		ID: id, Provider: s.Provider, Mode: s.Mode, Account: s.Account, Amount: s.CyclePlan().Amount, Name: s.Plan.Name, Language: s.Language, ReturnURL: s.ReturnURL,
		Customer: order.Customer{ID: s.CustomerID, Name: s.Customer.Name, Email: s.Customer.Email, Phone: s.Customer.Phone},
		Request:  s.Request, LinkToken: s.LinkToken, CreatedAt: now.UTC(), BillingKey: s.KeyName(s.Key.N),
		Charging: order.Charging(s.Charging), Extras: order.Extras{Tax: order.Tax(s.CyclePlan().Tax)},
	}, askAfter)
}

// Paid tells the subscription that a cycle's order was paid, which somebody else found out. When that fails the order is due, and the schedule
// tells it.
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
		w.Log.WarnContext(ctx, "a paid cycle could not be told to its subscription; the schedule will", "event", "work.failed", "kind", KindOrder,
			"id", o.ID, "cause", err.Error())
	}
	return o
}

// tell moves the subscription on by what became of cycle k's order, and notes in an order that is due for it that this is done.
func (w *Worker) tell(ctx context.Context, s subscription.Subscription, k int, o order.Order) (order.Order, error) {
	if err := w.move(ctx, s, k, o); err != nil {
		return o, err
	}
	return w.told(ctx, o)
}

func (w *Worker) told(ctx context.Context, o order.Order) (order.Order, error) {
	if !o.Untold {
		return o, nil
	}
	told, err := w.Claims.Save(ctx, o.Told())
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
			code := refusalCode(o)
			if o.BillingKey != s.KeyName(s.Key.N) {
				return s.RefusedReplaced(k, o.Attempt.N, w.Declines(code), code, now)
			}
			return s.Refused(k, o.Attempt.N, w.Declines(code), code, w.Timetable, now)
		case o.Status == order.Settling:
			return s.Doubted(k, now, o.DueAt)
		}
		return s.Ended(k, date, "order "+string(o.Status), o.BillingKey != s.KeyName(s.Key.N), now)
	}))
}

// refusalCode is the code of the attempt before the current one.
func refusalCode(o order.Order) string {
	code := ""
	for _, e := range o.Evidence {
		if e.Attempt == o.Attempt.N-1 && e.Code != "" && e.HTTP != 0 && (e.Call == "charge" || e.Status != "") {
			code = e.Code
		}
	}
	for _, step := range o.History { // the evidence of a refusal that had to wait for other money may be gone
		if code == "" && step.Event == string(order.Refused) && step.Attempt == o.Attempt.N-1 {
			code = step.Note
		}
	}
	return code
}

// save applies a change and stores it; when somebody else was faster it is applied to what they left.
func (w *Worker) save(ctx context.Context, s subscription.Subscription, change func(subscription.Subscription) subscription.Subscription) error {
	stored := s.Revision
	for range savesMax {
		s.NoticeDays = w.NoticeDays
		next := change(s)
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
	w.Log.Log(ctx, level, "the subscription moved", "event", event, "subscriptionId", after.ID, "from", string(before.Status),
		"to", string(after.Status), "cycle", after.Cycle, "code", after.Dunning.Code)
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
		return s.KeyStays(w.Now())
	})
}

// deleteKeys deletes every key a window was ever offered for, the newest first, and says that all are gone. One that never was is gone.
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
