package soak

import (
	"context"
	"errors"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// Limits of what people do.
const (
	// windowMax is how long after it was offered a window is completed at the latest.
	windowMax = 20 * time.Hour
	// heardMax is how long a means may exist without our knowing it, although nobody tells us.
	heardMax = 5 * day
)

// live plans what a subscription's merchant and buyer do by themselves. Half of it meets the hour of a charge.
func (r *run) live(m *member) {
	h := r.size.Habits
	for k := range r.size.Cycles {
		for _, habit := range []struct {
			chance float64
			do     func(*member)
		}{{h.Pause, r.pause}, {h.Plan, r.replan}, {h.Renew, r.renew}} {
			if r.chance(habit.chance) {
				r.at(r.moment(m, k), func() { habit.do(m) })
			}
		}
	}
	if r.chance(h.Cancel) {
		r.at(r.moment(m, r.random.IntN(r.size.Cycles)), func() { r.cancelEarly(m) })
	}
}

// moment is one between two dates, from now.
func (r *run) moment(m *member, k int) time.Duration {
	from, to := m.calendar.Date(k), m.calendar.Date(k+1)
	if r.chance(.5) {
		to = from.Add(5 * time.Minute)
	}
	return from.Sub(r.now) + r.between(0, to.Sub(from))
}

// stir is what people and the provider do while a charge is at work, or shortly after.
func (r *run) stir(number string) {
	m, k, _ := r.parse(number)
	if r.chance(r.size.Habits.Meddle) {
		habits := []func(*member){r.pause, r.pause, r.replan, r.replan, r.renew, r.renew, r.cancelEarly}
		do := habits[r.random.IntN(len(habits))]
		r.at(r.between(0, 15*time.Minute), func() { do(m) })
	}
	if !r.chance(r.size.Habits.Reload) {
		return
	}
	for range 1 + r.random.IntN(3) {
		ask := r.random.IntN(3)
		r.at(r.between(0, 40*time.Minute), func() { r.begin(false, func() { r.ask(m, k, number, ask) }) })
	}
}

// ask is a question about a charge that the schedule does not ask.
func (r *run) ask(m *member, k int, number string, who int) {
	r.report.Reloads++
	id := (subscription.Subscription{ID: m.id}).OrderID(k)
	switch who {
	case 0:
		_, _ = r.Doors.Return(r.ctx, payment.WindowReturn{Provider: "portone", OrderID: id, LinkToken: "link", Number: number})
	case 1:
		_ = r.Doors.Hear(r.ctx, "portone", provider.Hint{Number: number})
	default:
		_ = r.Worker.Work(r.ctx, payment.Message{Kind: payment.KindOrder, ID: id})
	}
}

// merchant does something through the private API, without faults but that of a provider that does not answer.
func (r *run) merchant(do func()) {
	hook := r.Hook
	r.Hook = func(c Call) error {
		if c.Op == "delete-key" && r.chance(r.size.Faults.Replies/2) {
			return errLost
		}
		return nil
	}
	do()
	r.Hook = hook
}

// pause is one of the merchant's, who resumes some days later.
func (r *run) pause(m *member) {
	if m.paused(r.now) {
		return
	}
	var s subscription.Subscription
	var err error
	r.merchant(func() { s, err = r.Enroller.Pause(r.ctx, m.id) })
	if err != nil || s.Status != subscription.Paused {
		return
	}
	r.report.Paused++
	m.pauses = append(m.pauses, span{from: r.now})
	if r.size.Sabotage.ClaimStopped {
		r.deliver(payment.Message{Kind: payment.KindSubscription, ID: m.id, Cycle: s.Cycle})
	}
	r.at(r.between(time.Hour, 40*day), func() { r.resume(m) })
}

func (r *run) resume(m *member) {
	if !m.canceled.IsZero() {
		return
	}
	before, err := r.Store.GetSubscription(r.ctx, m.id)
	var s subscription.Subscription
	if err == nil {
		r.merchant(func() { s, err = r.Enroller.Resume(r.ctx, m.id) })
	}
	if err != nil {
		r.broken("%s is %s and cannot be resumed: %v", m.id, before.Status, err)
		return
	}
	m.pauses[len(m.pauses)-1].to = r.now
	switch {
	case r.size.Sabotage.PauseOwed:
		s.Date, s.ChargeAt, s.DueAt = before.Date, r.now, r.now
	case r.size.Sabotage.PauseDrops:
		s.Date += 2
		s.ChargeAt, s.DueAt = s.Calendar.Date(s.Date), s.Calendar.Date(s.Date)
	default:
		return
	}
	s.Revision++
	_, _ = r.Store.SaveSubscription(r.ctx, s)
}

// replan is another price.
func (r *run) replan(m *member) {
	amount := int64(1000 + r.random.IntN(100)*100)
	var err error
	r.merchant(func() {
		_, err = r.Enroller.ChangePlan(r.ctx, m.id, payment.PlanChange{Amount: amount, Currency: "KRW", Evidence: "soak"})
	})
	if err == nil {
		r.report.Replans++
		m.prices = append(m.prices, price{r.now, amount})
	}
}

// cancelEarly ends a subscription at any moment.
func (r *run) cancelEarly(m *member) {
	if m.canceled.IsZero() && r.cancel(m, false) {
		r.report.Canceled++
		m.early = true
	}
}

// cancel ends a subscription, now or at the end of its period, and says whether it was taken.
func (r *run) cancel(m *member, atEnd bool) bool {
	var s subscription.Subscription
	var err error
	before := m.lease
	r.merchant(func() { s, err = r.Enroller.Cancel(r.ctx, m.id, atEnd) })
	switch {
	case err != nil:
		return false
	case s.Status == subscription.Canceled:
		m.canceled = r.now
		if r.size.Sabotage.ClaimStopped {
			r.deliver(payment.Message{Kind: payment.KindSubscription, ID: m.id, Cycle: s.Cycle})
		}
		if r.size.Sabotage.KeyRaces && before.key != "" {
			r.deleted(before.key)
		}
		return true
	}
	m.endCycle = s.EndCycle
	if r.size.Sabotage.ClaimEnded {
		s.CancelAtEnd = false
		s.Revision++
		_, _ = r.Store.SaveSubscription(r.ctx, s)
	}
	return true
}

// renew asks for another means. Its window is completed soon, or hours later, or closed, or forgotten.
func (r *run) renew(m *member) {
	var e payment.Enrolled
	var err error
	r.merchant(func() { e, err = r.Enroller.RenewKey(r.ctx, m.id, "https://pay.example") })
	s := e.Subscription
	if err != nil || s.Issuing() == nil {
		return
	}
	if r.size.Sabotage.KeyGone {
		r.deleted(s.KeyName(s.Key.N))
		r.Bank.DeleteBillingKey(r.ctx, s.KeyName(s.Key.N), "")
	}
	n, opened := s.Issuing().N, s.Issuing().OpenedAt
	soon := r.between(10*time.Second, 10*time.Minute)
	switch draw := r.random.IntN(10); {
	case draw < 4:
		r.at(soon, func() { r.complete(m, n, opened) })
	case draw < 7:
		r.at(r.between(time.Hour, windowMax), func() { r.complete(m, n, opened) })
	case draw < 9:
		r.at(soon, func() { r.begin(false, func() { _, _ = r.Enroller.Return(r.ctx, s.KeyName(n), "link", true) }) })
	}
}

// complete is a buyer who finishes a window, perhaps after the subscription has ended. Perhaps nobody tells us.
func (r *run) complete(m *member, n int, opened time.Time) {
	if r.now.Sub(opened) > windowMax {
		return
	}
	name := (subscription.Subscription{ID: m.id}).KeyName(n)
	r.Bank.Issue(name)
	r.report.Renewals++
	if r.chance(r.size.Habits.Webhook) {
		r.at(r.between(0, time.Minute), func() { r.begin(false, func() { _ = r.Enroller.Hear(r.ctx, provider.Hint{Number: name}) }) })
	}
	if r.chance(r.size.Habits.Webhook) {
		r.at(r.between(0, time.Minute), func() {
			r.begin(false, func() { _, _ = r.Enroller.Return(r.ctx, name, "link", false) })
		})
	}
	r.at(heardMax, func() { r.checkHeard(m, n, r.now.Add(-heardMax)) })
}

// sabotage bends the lab.
func (r *run) sabotage() {
	r.Bank.KeysStay = r.size.Sabotage.KeysStay
	if !r.size.Sabotage.ClaimStopped {
		return
	}
	claim := r.claim
	r.claim = func(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
		s, err := claim(ctx, c)
		var refusal *subscription.Refusal
		if errors.As(err, &refusal) && refusal.Reason == subscription.NotCharging && (s.Status == subscription.Paused || s.Status == subscription.Canceled) {
			s.Status, s.Begun, s.AskAfter = subscription.Active, c.At, c.At.Add(subscription.ChargeLease)
			return s, nil
		}
		return s, err
	}
}
