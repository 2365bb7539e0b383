package payment

import (
	"context"
	"errors"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// Advance moves an unsettled order by asking the provider, and does nothing to any other. Whoever calls it, a buyer's
// reload or a schedule, brings no facts. An order whose money is not unclear is looked up only when it is due.
func (s *Settler) Advance(ctx context.Context, orderID string) (order.Order, error) {
	o, err := s.Orders.Get(ctx, orderID)
	if err != nil {
		return order.Order{}, err
	}
	return s.await(ctx, o, ledger.Visit{})
}

// await returns the order once somebody has settled it: another request that is at work on it, or this one, when nobody
// is. The order is still unclear when one question to the provider, its own or another's, brought no conclusion.
func (s *Settler) await(ctx context.Context, o order.Order, v ledger.Visit) (order.Order, error) {
	return s.awaitCycle(ctx, o, v, ledger.NotAsked)
}

func (s *Settler) awaitCycle(
	ctx context.Context, o order.Order, v ledger.Visit, wanted ledger.Wanted,
) (order.Order, error) {
	waiting, cancel := callContext(ctx)
	defer cancel()
	for pause := waitStep; s.worthAsking(o); pause = min(2*pause, waitStepMax) {
		now := s.now()
		if !o.AskAfter.After(now) {
			lease := order.Lease{OrderID: o.ID, At: now, Until: now.Add(CallMax + SettleKeep)}
			leased, err := s.Claims.Lease(ctx, lease)
			var refusal *order.Refusal
			switch {
			case err == nil && s.worthAsking(leased):
				return s.processCycle(ctx, leased, ledger.Work{Visit: v}, wanted)
			case err == nil || errors.As(err, &refusal) && refusal.Reason == order.Leased:
				o = leased
				continue
			case refusal != nil:
				return leased, nil // nothing more is expected of it
			default:
				return o, err
			}
		}
		if s.Wait(waiting, pause) != nil {
			return o, nil
		}
		seen, err := s.Orders.Get(ctx, o.ID)
		if err != nil {
			return o, err
		}
		asked := seen.Ledger.LearnedAt.After(o.Ledger.LearnedAt)
		if o = seen; asked {
			return o, nil
		}
	}
	return o, nil
}

// worthAsking says that the provider may know more of the order than we do.
func (s *Settler) worthAsking(o order.Order) bool {
	return !o.Final() && (o.Status == order.Processing || !s.now().Before(o.DueAt))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
