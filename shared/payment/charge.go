package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// ChargeMax bounds one message's work: 65 s for the provider and the time kept to record what it said.
const ChargeMax = 68 * time.Second

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
	Timetable subscription.Timetable
	Now       func() time.Time
	Log       *slog.Logger
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
func (w *Worker) settleOrder(ctx context.Context, id string) error {
	o, err := w.Settler.Advance(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := order.ParseNumber(id)
	if err != nil || n.Cycle == 0 || o.Status == order.Settling {
		return nil
	}
	s, err := w.Records.GetSubscription(ctx, n.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return w.tell(ctx, s, n.Cycle, o)
}

// charge charges cycle k of a subscription.
//
// Phase 1 claims the cycle: one conditional write that returns the subscription. Phase 2 stores the cycle's order as settling, which only
// one worker can. Phase 3 charges it and records what the provider says. Phase 4 moves the subscription on, if it still stands at k. A
// crash between any two is picked up by a due time, and finds the order as far as it came.
func (w *Worker) charge(ctx context.Context, id string, k int) error {
	s, err := w.Cycles.ClaimCycle(ctx, subscription.CycleClaim{ID: id, Cycle: k, At: w.Now()})
	var refusal *subscription.Refusal
	switch {
	case errors.Is(err, ErrNotFound):
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
	o, err := w.take(ctx, s)
	if err != nil {
		return err
	}
	return w.tell(ctx, s, k, o)
}

// unclaimed: there is nothing to charge now, but the record may be due for something else.
func (w *Worker) unclaimed(ctx context.Context, s subscription.Subscription) error {
	switch {
	case s.Issuing() != nil && s.Status != subscription.Canceled:
		_, err := w.Enroller.Advance(ctx, s.ID)
		return err
	case s.Status == subscription.Canceled && !s.Final():
		return w.deleteKey(ctx, s)
	}
	return nil
}

// take charges the cycle a subscription stands at, or finds out what became of an earlier try.
func (w *Worker) take(ctx context.Context, s subscription.Subscription) (order.Order, error) {
	now, id, attempt := w.Now(), s.OrderID(s.Cycle), s.Attempt()
	until := now.Add(ChargeMax)
	var o order.Order
	var err error
	if attempt == 1 {
		o, err = w.Orders.Create(ctx, cycleOrder(s, id, now, until))
	} else {
		o, err = w.claimAgain(ctx, order.Claim{
			OrderID: id, LinkToken: s.LinkToken, Attempt: attempt, Amount: s.Plan.Amount, BillingKey: s.KeyName(s.Key.N), At: now, AskAfter: until,
		})
	}
	var refusal *order.Refusal
	switch {
	case err == nil:
		return w.Settler.settle(ctx, rekeyed(o, s), true)
	case errors.Is(err, ErrExists), errors.As(err, &refusal):
		return w.Settler.await(ctx, o)
	}
	return o, fmt.Errorf("payment: charge %s: %w", id, err)
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
		ID: id, Provider: s.Provider, Mode: s.Mode, Amount: s.Plan.Amount, Name: s.Plan.Name, Language: s.Language, ReturnURL: s.ReturnURL,
		Customer: order.Customer{ID: s.CustomerID, Name: s.Customer.Name, Email: s.Customer.Email, Phone: s.Customer.Phone},
		Request:  s.Request, LinkToken: s.LinkToken, CreatedAt: now.UTC(), BillingKey: s.KeyName(s.Key.N),
	}, askAfter)
}

// tell moves the subscription on by what became of cycle k's order.
func (w *Worker) tell(ctx context.Context, s subscription.Subscription, k int, o order.Order) error {
	now := w.Now()
	return w.save(ctx, s, func(s subscription.Subscription) subscription.Subscription {
		date := s.DateAt(o.CreatedAt)
		if !s.Begun.IsZero() {
			date = s.DateAt(s.Begun)
		}
		switch o.Status {
		case order.Paid, order.Refunded:
			return s.Charged(k, date, now)
		case order.Open:
			code := refusalCode(o)
			return s.Refused(k, o.Attempt.N, w.Declines(code), code, w.Timetable, now)
		case order.Settling:
			return s.Doubted(k, now, o.DueAt)
		}
		return s.Ended(k, date, "order "+string(o.Status), now)
	})
}

// refusalCode is the code of the attempt before the current one.
func refusalCode(o order.Order) string {
	code := ""
	for _, e := range o.Evidence {
		if e.Attempt == o.Attempt.N-1 && e.Code != "" && e.HTTP != 0 && (e.Call == "charge" || e.Status != "") {
			code = e.Code
		}
	}
	return code
}

// save applies a change and stores it; when somebody else was faster it is applied to what they left.
func (w *Worker) save(ctx context.Context, s subscription.Subscription, change func(subscription.Subscription) subscription.Subscription) error {
	stored := s.Revision
	for range savesMax {
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
	level := slog.LevelInfo
	if after.Status == subscription.Suspended && before.Status != subscription.Suspended {
		level = slog.LevelWarn
	}
	w.Log.Log(ctx, level, "the subscription moved", "event", "subscription.transition", "subscriptionId", after.ID, "from", string(before.Status),
		"to", string(after.Status), "cycle", after.Cycle, "code", after.Dunning.Code)
}

// deleteKey deletes the billing key of a subscription that has ended.
func (w *Worker) deleteKey(ctx context.Context, s subscription.Subscription) error {
	calls, cancel := callContext(ctx)
	defer cancel()
	a := w.Deleter.DeleteBillingKey(calls, s.KeyName(s.Key.N), "subscription ended")
	now := w.Now()
	return w.save(ctx, s, func(s subscription.Subscription) subscription.Subscription {
		if a.Verdict == provider.Absent {
			return s.KeyDeleted(now)
		}
		return s.KeyStays(now)
	})
}
