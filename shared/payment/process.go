package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Ledgers is the table's orders as ledgers. Every method is exactly one request to it.
type Ledgers interface {
	// Ledger reads an order's ledger, strongly consistent, or returns ErrNotFound.
	Ledger(ctx context.Context, id string) (ledger.Order, error)
	// SaveLedger replaces it if the stored revision is next.Revision-1, or returns the stored one with ErrConflict.
	SaveLedger(ctx context.Context, next ledger.Order) (ledger.Order, error)
}

// Processor moves orders by what the provider says. Every entry point writes a request, or notes one, and ends in
// process: it does what the ledger plans, and has no rule about money of its own.
type Processor struct {
	Ledgers Ledgers
	// Through returns the gateway whose keys belong to an account: the deployment's own, or, for lookups and cancels
	// of what was made with them, a previous pair (retired). Without one nothing of the order moves.
	Through func(ledger.Account) (g Gateway, retired, ok bool)
	Now     func() time.Time
	Log     *slog.Logger
}

// Noted lets an order know of a buyer's return or a webhook, and looks it up. When it returns nil the note is
// written, whatever the provider answered: its due time does the rest.
func (p *Processor) Noted(ctx context.Context, id string, r ledger.Request) (ledger.Order, error) {
	o, err := p.Ledgers.Ledger(ctx, id)
	if err != nil {
		return o, err
	}
	r.At = p.Now()
	r.Attempt = min(max(r.Attempt, 1), o.Current())
	return p.process(ctx, ledger.Work{Stored: o, Noted: &r})
}

// Asked writes a request that asks for money, or for a refund, and makes it. It returns the order as it is when the
// request must not be made, with one of the ledger's errors.
func (p *Processor) Asked(ctx context.Context, id string, r ledger.Request) (ledger.Order, error) {
	o, err := p.Ledgers.Ledger(ctx, id)
	if err != nil {
		return o, err
	}
	r.At = p.Now()
	for range savesMax {
		next, err := o.Intend(r)
		if err != nil || len(next.Requests) == len(o.Requests) {
			return o, err
		}
		next.Revision = o.Revision + 1
		stored, err := p.Ledgers.SaveLedger(ctx, next)
		switch {
		case errors.Is(err, ErrConflict):
			o = stored
			continue
		case err != nil:
			return o, fmt.Errorf("payment: record %s of %s: %w", r.Kind, id, err)
		}
		fresh := next.Requests[len(next.Requests)-1]
		return p.process(ctx, ledger.Work{}.Written(stored, &fresh))
	}
	return o, ErrConflict
}

// Due does what is due. Repeat is until when a charge that nobody can find may be repeated; zero: not.
func (p *Processor) Due(ctx context.Context, id string, v ledger.Visit) (ledger.Order, error) {
	o, err := p.Ledgers.Ledger(ctx, id)
	if err != nil {
		return o, err
	}
	return p.process(ctx, ledger.Work{Stored: o, Visit: v})
}

// process is the loop: plan, write what must be written before the step, do it, learn; and in the end write once.
// When somebody else was faster, what was learned is folded onto what they left.
func (p *Processor) process(ctx context.Context, w ledger.Work) (ledger.Order, error) {
	calls, cancel := callContext(ctx)
	defer cancel()
	w.Visit.Began = p.Now()
	g, retired, ok := p.Through(w.Stored.Account)
	if !ok {
		p.Log.ErrorContext(ctx, "the deployment has no keys of the order's account", "event", "config.error",
			"orderId", w.Stored.ID, "merchant", w.Stored.Account.Merchant, "keyDigest", w.Stored.Account.KeyDigest)
	}
	for n := 0; ok && n < callsMax && hasTime(calls); n++ {
		step, write := w.Plan(p.Now())
		if step.Do == ledger.Wait || retired && !mayRetired(step) {
			break
		}
		if write != nil {
			stored, err := p.save(ctx, *write)
			switch {
			case errors.Is(err, ErrConflict):
				w = w.Conflicted(stored)
				continue
			case err != nil:
				return w.Stored, err
			}
			fresh := step.Request
			w = w.Written(stored, &fresh)
		}
		w = w.Did(step, p.do(calls, g, w.Stored, step))
	}
	return p.finish(ctx, w)
}

// finish writes what was learned. It is written onto whatever somebody else left meanwhile: a fact stays a fact.
func (p *Processor) finish(ctx context.Context, w ledger.Work) (ledger.Order, error) {
	for range savesMax {
		if !w.Changed() {
			return w.Stored, nil
		}
		stored, err := p.save(ctx, w.Final())
		switch {
		case err == nil:
			return stored, nil
		case !errors.Is(err, ErrConflict):
			return w.Stored, err
		}
		w = w.Conflicted(stored)
	}
	return w.Stored, fmt.Errorf("payment: record what was learned of %s: %w", w.Stored.ID, ErrConflict)
}

func (p *Processor) save(ctx context.Context, next ledger.Order) (ledger.Order, error) {
	stored, err := p.Ledgers.SaveLedger(ctx, next)
	if err != nil {
		err = fmt.Errorf("payment: save %s: %w", next.ID, err)
	}
	return stored, err
}

// mayRetired says that a step may be done with a previous key pair: it moves no money towards us.
func mayRetired(s ledger.Step) bool {
	return s.Do == ledger.LookUp || s.Request.Kind == ledger.Cancel
}

// do makes one call.
func (p *Processor) do(ctx context.Context, g Gateway, o ledger.Order, s ledger.Step) ledger.Answer {
	began := p.Now()
	a := call(ctx, g, o, s)
	l := learned(o, s, a)
	l.Account, l.Began, l.At = o.Account, began, p.Now()
	p.logged(ctx, o, s, a)
	return l
}

func call(ctx context.Context, g Gateway, o ledger.Order, s ledger.Step) provider.Answer {
	if s.Do == ledger.LookUp {
		ref := provider.Ref{Key: s.Key}
		if s.Key == "" {
			ref = provider.Ref{Number: numberUnder(o.ID, s.Attempt)}
		}
		return g.Finder.Find(ctx, ref)
	}
	r := s.Request
	number := numberUnder(o.ID, r.Attempt)
	switch r.Kind {
	case ledger.Confirm:
		return g.Confirmer.Confirm(ctx, provider.Confirm{
			Key: r.Key, Number: number, Amount: o.Amount,
			IdempotencyKey: fmt.Sprintf("confirm:%s:%d:%s", number, r.Turn, short(r.Key)),
		})
	case ledger.Charge:
		return g.Charger.Charge(ctx, provider.Charge{
			BillingKey: r.Key, Number: number, Amount: o.Amount, Name: o.Name, Customer: provider.Buyer(o.Buyer),
			NotAfter: r.At.Add(ledger.ChargeSendMax),
		})
	}
	reason, id := "refund "+r.RefundID, "refund:"+r.RefundID
	if r.RefundID == "" {
		reason, id = "not the order's to keep", "surplus"
	}
	return g.Canceler.Cancel(ctx, provider.Cancel{
		Key: r.Key, Amount: r.Amount, Balance: r.Balance, Reason: reason,
		IdempotencyKey: fmt.Sprintf("cancel:%s:%s:%d:%s", o.ID, id, r.Turn, short(r.Key)),
	})
}

// short is a payment's key in an idempotency key.
func short(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

// numberUnder is the number of an order's attempt.
func numberUnder(orderID string, attempt int) string {
	n, err := order.ParseNumber(orderID)
	if err != nil {
		return orderID
	}
	n.Attempt = attempt
	return n.String()
}

func (p *Processor) logged(ctx context.Context, o ledger.Order, s ledger.Step, a provider.Answer) {
	level, event := slog.LevelInfo, "provider.answer"
	switch {
	case a.Class == provider.ClassCredentials:
		level, event = slog.LevelError, "config.error"
	case a.Class == provider.ClassMerchant:
		level, event = slog.LevelWarn, "merchant.refusal"
	case a.Payment.Sandbox && o.Account.Live:
		level, event = slog.LevelError, "security.sandbox_payment"
	}
	p.Log.Log(ctx, level, "the provider answered", "event", event, "orderId", o.ID, "step", s.Do.String(),
		"call", a.Call, "verdict", a.Verdict.String(), "http", a.HTTP, "code", a.Code, "class", a.Class.String(),
		"providerTraceId", a.TraceID, "cause", errorText(a.Err))
}
