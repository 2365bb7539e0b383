package soak

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
)

// Call is one call of the worker, the dispatcher or the private API to something outside, seen before it and after it.
type Call struct {
	Op    string // create, get, claim, lease, save, get-subscription, save-subscription, claim-cycle, due, lease-due, send, charge, find, billing-key, delete-key
	ID    string // of the record or number
	After bool
}

// Lab is the real dispatcher, worker and enroller between the embedded store and a bank.
type Lab struct {
	Bank  *bank.Bank
	Store *memstore.Store
	// Hook sees every call. An error before: it never arrived; after: its reply was lost. It may panic, sleep, or call in on the lab itself.
	Hook func(Call) error
	// Take replaces the way of a charge to the bank.
	Take func(provider.Charge) provider.Answer
	// Written is told of every write of a subscription that was carried out, whether or not its reply arrives.
	Written func(op string, s subscription.Subscription)
	// Deleted is told of every billing key that is deleted, before it is.
	Deleted func(name string)

	Settler    *payment.Settler // the worker's
	Doors      *payment.Settler // of returns and webhooks
	Worker     *payment.Worker
	Dispatcher *payment.Dispatcher
	Enroller   *payment.Enroller

	claim func(context.Context, subscription.CycleClaim) (subscription.Subscription, error) // the store's, but for sabotage
}

// NewLab returns a lab whose calls all succeed. wait is the worker's; send gets what the dispatcher passes on.
func NewLab(now func() time.Time, wait func(context.Context, time.Duration) error, send func([]payment.Message)) *Lab {
	l := &Lab{
		Bank: bank.New(now), Store: memstore.New(), Hook: func(Call) error { return nil },
		Written: func(string, subscription.Subscription) {}, Deleted: func(string) {},
	}
	l.claim = l.Store.ClaimCycle
	l.Take = func(c provider.Charge) provider.Answer { return l.Bank.Charge(context.Background(), c) }
	out, log := outside{Store: l.Store, lab: l}, slog.New(slog.DiscardHandler)
	l.Settler = &payment.Settler{
		Orders: out, Claims: out, Now: now, Wait: wait, Log: log,
		Gateways: map[string]payment.Gateway{"portone": {Finder: out, Charger: out, Canceler: l.Bank, Timing: portone.Timing()}},
	}
	l.Enroller = &payment.Enroller{
		Subscriptions: out, Windows: out, Keys: out, Deleter: out, Mode: "test", AmountMin: 100, Now: now, Wait: wait,
		NewToken: func() string { return "link" }, NewID: func() string { return "unused" }, Log: log,
	}
	l.Worker = &payment.Worker{
		Settler: l.Settler, Enroller: l.Enroller, Orders: out, Claims: out, Records: out, Cycles: out, Deleter: out,
		Declines: declineOf, Message: portone.Documented, Timetable: subscription.DefaultTimetable(), Now: now, Log: log,
	}
	doors := *l.Settler
	doors.Paid = l.Worker.Paid
	l.Doors = &doors
	overtime := func(context.Context, time.Duration) error { return context.DeadlineExceeded } // a tick takes no time here: the next one goes on
	l.Dispatcher = &payment.Dispatcher{Due: out, Queue: queue{l, send}, Workers: 1 << 40, Now: now, Wait: overtime, Log: log}
	return l
}

// declineOf is package boot's.
func declineOf(code string) subscription.Decline {
	switch portone.ReasonOf(code) {
	case portone.ReasonTransient:
		return subscription.Transient
	case portone.ReasonHard, portone.ReasonKeyGone:
		return subscription.Hard
	}
	return subscription.Soft
}

// outside is everything a worker can call.
type outside struct {
	*memstore.Store
	lab *Lab
}

// through lets the hook see a call.
func through[T any](l *Lab, op, id string, call func() (T, error)) (T, error) {
	var none T
	if err := l.Hook(Call{Op: op, ID: id}); err != nil {
		return none, err
	}
	done, err := call()
	if lost := l.Hook(Call{Op: op, ID: id, After: true}); lost != nil {
		return none, lost
	}
	return done, err
}

func (o outside) Create(ctx context.Context, r order.Order) (order.Order, error) {
	return through(o.lab, "create", r.ID, func() (order.Order, error) { return o.Store.Create(ctx, r) })
}

func (o outside) Get(ctx context.Context, id string) (order.Order, error) {
	return through(o.lab, "get", id, func() (order.Order, error) { return o.Store.Get(ctx, id) })
}

func (o outside) Claim(ctx context.Context, c order.Claim) (order.Order, error) {
	return through(o.lab, "claim", c.OrderID, func() (order.Order, error) { return o.Store.Claim(ctx, c) })
}

func (o outside) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return through(o.lab, "lease", l.OrderID, func() (order.Order, error) { return o.Store.Lease(ctx, l) })
}

func (o outside) Save(ctx context.Context, next order.Order) (order.Order, error) {
	return through(o.lab, "save", next.ID, func() (order.Order, error) { return o.Store.Save(ctx, next) })
}

func (o outside) GetSubscription(ctx context.Context, id string) (subscription.Subscription, error) {
	return through(o.lab, "get-subscription", id, func() (subscription.Subscription, error) { return o.Store.GetSubscription(ctx, id) })
}

func (o outside) SaveSubscription(ctx context.Context, next subscription.Subscription) (subscription.Subscription, error) {
	return o.written("save-subscription", next.ID, func() (subscription.Subscription, error) { return o.Store.SaveSubscription(ctx, next) })
}

func (o outside) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	return o.written("claim-cycle", c.ID, func() (subscription.Subscription, error) { return o.lab.claim(ctx, c) })
}

// written is through, for a write that somebody wants to know of.
func (o outside) written(op, id string, write func() (subscription.Subscription, error)) (subscription.Subscription, error) {
	return through(o.lab, op, id, func() (subscription.Subscription, error) {
		s, err := write()
		if err == nil {
			o.lab.Written(op, s)
		}
		return s, err
	})
}

func (o outside) Due(ctx context.Context, shard int, before time.Time, limit int, cursor string) (due []payment.DueRecord, next string, err error) {
	due, err = through(o.lab, "due", "", func() (due []payment.DueRecord, err error) {
		due, next, err = o.Store.Due(ctx, shard, before, limit, cursor)
		return due, err
	})
	return due, next, err
}

func (o outside) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (int, error) {
	return through(o.lab, "lease-due", r.ID, func() (int, error) { return o.Store.LeaseDue(ctx, r, at, until) })
}

func (o outside) Charge(_ context.Context, c provider.Charge) provider.Answer {
	a, err := through(o.lab, "charge", c.Number, func() (provider.Answer, error) { return o.lab.Take(c), nil })
	if err != nil {
		return bank.Lost("charge", err)
	}
	return a
}

func (o outside) Find(ctx context.Context, r provider.Ref) provider.Answer {
	a, err := through(o.lab, "find", r.Number, func() (provider.Answer, error) { return o.lab.Bank.Find(ctx, r), nil })
	if err != nil {
		return bank.Lost("find-by-order", err)
	}
	return a
}

func (o outside) BillingKey(ctx context.Context, name string) provider.KeyAnswer {
	a, err := through(o.lab, "billing-key", name, func() (provider.KeyAnswer, error) { return o.lab.Bank.BillingKey(ctx, name), nil })
	if err != nil {
		return provider.KeyAnswer{Answer: bank.Lost("billing-key", err)}
	}
	return a
}

func (o outside) DeleteBillingKey(ctx context.Context, name, reason string) provider.KeyAnswer {
	a, err := through(o.lab, "delete-key", name, func() (provider.KeyAnswer, error) {
		o.lab.Deleted(name)
		return o.lab.Bank.DeleteBillingKey(ctx, name, reason), nil
	})
	if err != nil {
		return provider.KeyAnswer{Answer: bank.Lost("delete-billing-key", err)}
	}
	return a
}

// KeyWindow implements payment.KeyWindows.
func (outside) KeyWindow(s subscription.Subscription, _ provider.Place) (provider.Window, error) {
	return provider.Window{Params: json.RawMessage(`{}`)}, nil
}

type queue struct {
	lab  *Lab
	send func([]payment.Message)
}

// Send implements payment.Queue.
func (q queue) Send(_ context.Context, messages []payment.Message) ([]payment.Message, error) {
	_, err := through(q.lab, "send", messages[0].ID, func() (struct{}, error) {
		q.send(messages)
		return struct{}{}, nil
	})
	if err != nil {
		return messages, err
	}
	return nil, nil
}

// Waiting implements payment.Queue: workers are never behind.
func (queue) Waiting(context.Context) (int, error) { return 0, nil }

// Enroll starts a subscription and registers its means of payment.
func (l *Lab) Enroll(ctx context.Context, r payment.NewSubscription) (subscription.Subscription, error) {
	e, err := l.Enroller.Start(ctx, r, "https://pay.example")
	if err != nil {
		return subscription.Subscription{}, err
	}
	return l.Register(ctx, e.Subscription)
}

// Register is a buyer who completes the open window, and the webhook of it.
func (l *Lab) Register(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	issuing := s.Issuing()
	if issuing == nil {
		return s, payment.ErrState
	}
	name := s.KeyName(issuing.N)
	l.Bank.Issue(name)
	if err := l.Enroller.Hear(ctx, provider.Hint{Number: name}); err != nil {
		return s, err
	}
	return l.Store.GetSubscription(ctx, s.ID)
}
