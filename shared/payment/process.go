package payment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Limits of one visit to an order: its calls, and those of them that ask for money or give it back. A provider that
// answers 500 in a millisecond is not asked for money thirty times a second.
const (
	callsMax = 30
	sendsMax = 2
	savesMax = 5
)

// The least time to make a further call in, and to begin a charge in.
const (
	callMin   = time.Second
	chargeMin = 10 * time.Second
)

// now is the time as the table keeps it, so that what was read is equal to what was written; and without Go's monotonic
// part, which a function that was frozen does not count on.
func (s *Settler) now() time.Time { return s.Now().Truncate(time.Millisecond) }

// governed is the order under the rules of this deployment: how long its provider keeps things open, which account
// payments must have gone to, and what becomes of late money.
func (s *Settler) governed(o order.Order) order.Order {
	g, ok := s.Gateways[o.Provider]
	t := &o.Ledger.Terms
	t.Timing, t.KeepLate, t.Account.Merchant = ledger.Timing(g.Timing), s.KeepLate, merchantOf(g.Account)
	t.RestoredTo = s.RestoredTo
	if otherAccount(g, o.Account) {
		t.Account.Merchant = "" // only that of today's account is known
	}
	if !ok {
		t.Timing = ledger.Endless // nobody knows how long a provider that is not offered any more keeps things open
	}
	return o
}

func (s *Settler) timing(provider string) ledger.Timing {
	return ledger.Timing(s.Gateways[provider].Timing)
}

// process settles one order, and every entry point ends here: it does what the ledger plans and has no rule about money
// of its own. The loop is: plan, write what must be written before the step, do it, learn; in the end write once. When
// somebody else was faster, what was learned is folded onto what they left.
//
// An error beside an order means that money may have moved and its record is late, or ErrNotReady.
func (s *Settler) process(ctx context.Context, o order.Order, w ledger.Work) (order.Order, error) {
	return s.processCycle(ctx, o, w, ledger.NotAsked)
}

// processCycle is process for whoever knows whether a subscription still wants its cycle's order.
func (s *Settler) processCycle(
	ctx context.Context, o order.Order, w ledger.Work, wanted ledger.Wanted,
) (order.Order, error) {
	calls, cancel := callContext(ctx)
	defer cancel()
	fresh := w.Visit.Fresh
	charging := w.Visit.Charge != nil || fresh != nil && fresh.Kind == ledger.Charge
	j := &job{Settler: s, charging: charging, work: w, wanted: wanted}
	j.stands(o)
	j.work.Visit.Began = s.now()
	g, ready := s.gateway(ctx, o)
	j.work.Visit.Retired = otherAccount(s.Gateways[o.Provider], o.Account)
	for n, sends := 0, 0; ready == nil && n < callsMax && hasTime(calls); n++ {
		j.work.Visit.Spent = sends == sendsMax
		step, write := j.work.Plan(s.now())
		if step.Do == ledger.Wait {
			break
		}
		if step.Do == ledger.Send && tooLate(calls, step.Request) {
			break
		}
		if write != nil {
			err := j.intend(ctx, *write, step.Request)
			switch {
			case errors.Is(err, ErrConflict):
				continue
			case err != nil:
				return j.record, err
			}
			continue // planned anew: the clock may have moved while it was written
		}
		if step.Do == ledger.Send {
			sends++
		}
		j.work = j.work.Did(step, j.do(calls, g, step))
	}
	if ready != nil && len(j.work.Answers) == 0 {
		now := s.now()
		none := ledger.Answer{Account: j.work.Stored.Account, Began: now, At: now} // it makes the order due later
		j.work.Answers = append(j.work.Answers, none)
	}
	o, err := j.finish(ctx)
	if err == nil {
		err = ready
	}
	return o, err
}

// callContext leaves SettleKeep of the caller's time to record what the provider said.
func callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-SettleKeep))
	}
	return context.WithTimeout(ctx, CallMax)
}

func hasTime(ctx context.Context) bool { return ctx.Err() == nil && leaves(ctx, callMin) }

// tooLate says that a request is a charge that must not be sent any more.
func tooLate(ctx context.Context, r ledger.Request) bool {
	return r.Kind == ledger.Charge && !timeToCharge(ctx)
}

// timeToCharge says that enough of the caller's time is left to send a charge: an intent that is stored and not sent is
// in doubt for an hour.
func timeToCharge(ctx context.Context) bool { return leaves(ctx, chargeMin) }

// leaves says that at least so much of the caller's time is left.
func leaves(ctx context.Context, least time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= least
}

// gateway is the provider of an order as this deployment may use it, or ErrNotReady with the reason in the log.
func (s *Settler) gateway(ctx context.Context, o order.Order) (Gateway, error) {
	g, ok := s.Gateways[o.Provider]
	cause := fmt.Errorf("no gateway for provider %q", o.Provider)
	switch {
	case ok && otherAccount(g, o.Account):
		if g.Previous != nil {
			if previous, found := g.Previous(ctx, o.Account); found {
				return previous, nil
			}
		}
		cause = fmt.Errorf("the order was made with the keys of %s, and these are of %s", o.Account, g.Keys)
	case ok:
		if cause = ready(ctx, g.Ready); cause == nil {
			return g, nil
		}
	}
	logUnready(ctx, s.Log, cause, "orderId", o.ID)
	return g, fmt.Errorf("payment: settle %s: %w", o.ID, ErrNotReady)
}

// ready asks what tells whether a provider can be asked; nil: it always can.
func ready(ctx context.Context, ask func(context.Context) error) error {
	if ask == nil {
		return nil
	}
	return ask(ctx)
}

func logUnready(ctx context.Context, log *slog.Logger, cause error, about ...any) {
	about = append([]any{"event", "config.error"}, about...)
	log.ErrorContext(ctx, "the provider cannot be asked", append(about, "cause", cause.Error())...)
}

// job is one process at work on one order.
type job struct {
	*Settler
	record   order.Order // as the table has it
	work     ledger.Work
	wanted   ledger.Wanted
	last     time.Time // of tick
	charging bool      // it holds the cycle, and will tell the subscription
}

// stands takes over what the table has.
func (j *job) stands(o order.Order) {
	j.record = j.governed(o)
	j.record.Ledger.Wanted = j.wanted
	j.work.Stored = j.record.Ledger
}

// intend writes a request before it is made. Who wrote it, and nobody else, sends it.
func (j *job) intend(ctx context.Context, next ledger.Order, r ledger.Request) error {
	err := j.save(ctx, next, j.record.AskAfter)
	if err == nil {
		fresh := r
		j.work = j.work.Written(j.record.Ledger, &fresh)
	}
	return err
}

// finish writes what was learned, onto whatever somebody else left meanwhile: a fact stays a fact.
func (j *job) finish(ctx context.Context) (order.Order, error) {
	for range savesMax {
		if !j.work.Changed() {
			return j.record, nil
		}
		next, now := j.work.Final(), j.now()
		askAfter := now.Add(order.HintPause)
		if next.Status() == order.Processing {
			askAfter = now.Add(order.AskPause)
		}
		switch err := j.save(ctx, next, askAfter); {
		case err == nil:
			return j.record, nil
		case !errors.Is(err, ErrConflict):
			return j.record, err
		}
	}
	return j.record, fmt.Errorf("payment: record what was learned of %s: %w", j.record.ID, ErrConflict)
}

// save stores the order with what its ledger has become. On ErrConflict the job stands on what somebody else has left.
func (j *job) save(ctx context.Context, l ledger.Order, askAfter time.Time) error {
	before := j.record
	next := before.With(l, j.now())
	next.AskAfter = askAfter
	if j.charging && next.Unrecorded && !before.Unrecorded {
		next = next.RecordedBy()
	}
	stored, err := j.Claims.Save(ctx, next)
	switch {
	case errors.Is(err, ErrConflict):
		j.stands(stored)
		j.work = j.work.Conflicted(j.record.Ledger)
		return err
	case err != nil:
		return fmt.Errorf("payment: save %s: %w", next.ID, err)
	}
	j.stands(stored)
	j.moved(ctx, before, j.record)
	if j.Paid != nil && j.record.Unrecorded && !before.Unrecorded {
		j.stands(j.Paid(ctx, j.record))
	}
	j.register(ctx, before, j.record)
	return nil
}

// register tells the provider the amount of an attempt that has just become the next one. It is a second lock on the
// window and no more: without it the amount is checked when the payment is looked up, and money of another amount is
// given back.
func (s *Settler) register(ctx context.Context, before, after order.Order) {
	g := s.Gateways[after.Provider]
	next := after.Status == order.Open && after.Attempt != before.Attempt
	if g.Registrar == nil || after.BillingKey != "" || !next {
		return
	}
	if !s.Now().Before(after.ExpiresAt) || otherAccount(g, after.Account) {
		return
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	a := g.Registrar.Register(calls, provider.Registration{Number: after.Number(), Amount: after.Amount.Value})
	s.answered(ctx, after, a)
}

// do makes one call.
func (j *job) do(ctx context.Context, g Gateway, step ledger.Step) ledger.Answer {
	o, began := j.record, j.tick()
	a := call(ctx, g, o, step)
	l := learned(o, step, a)
	l.Account, l.Began, l.At = o.Ledger.Account, began, j.tick()
	j.answered(ctx, o, a)
	return l
}

// tick is the time, and later than every one before it: a lookup must not seem to be begun after a reply that came
// within the same millisecond.
func (j *job) tick() time.Time {
	j.last = j.last.Add(time.Millisecond)
	if now := j.now(); now.After(j.last) {
		j.last = now
	}
	return j.last
}

func call(ctx context.Context, g Gateway, o order.Order, step ledger.Step) provider.Answer {
	if step.Do == ledger.LookUp {
		ref := provider.Ref{Key: step.Key}
		if step.Key == "" {
			ref = provider.Ref{Number: o.NumberOf(step.Attempt)}
		}
		return g.Finder.Find(ctx, ref)
	}
	r := step.Request
	switch r.Kind {
	case ledger.Confirm:
		return g.Confirmer.Confirm(ctx, confirmOf(o, r))
	case ledger.Charge:
		return g.Charger.Charge(ctx, chargeOf(o, r))
	}
	return g.Canceler.Cancel(ctx, cancelOf(o, r))
}

// confirmOf asks Toss Payments for the money. The idempotency key comes from number, turn and payment, so that every
// copy of this request is the same request to the provider, and no other request ever is.
func confirmOf(o order.Order, r ledger.Request) provider.Confirm {
	number := o.NumberOf(r.Attempt)
	return provider.Confirm{
		Key: r.Key, Number: number, Amount: o.Amount.Value,
		IdempotencyKey: fmt.Sprintf("confirm:%s:%d:%s", number, r.Turn, short(r.Key)),
	}
}

func chargeOf(o order.Order, r ledger.Request) provider.Charge {
	c := provider.Charge{
		BillingKey: r.Key, Number: o.NumberOf(r.Attempt), Amount: o.Amount.Value, Name: o.Name,
		NotAfter: r.At.Add(ledger.ChargeSendMax),
		Customer: provider.Buyer(o.Ledger.Buyer),
		TaxFree:  o.Extras.Tax.Free, FailPush: o.Charging.FailPush, CardQuota: o.Charging.CardQuota,
		Receipt: provider.CashReceipt{
			Type: o.Charging.ReceiptType, TradeOption: o.Charging.TradeOption, None: o.Charging.NoReceipt,
		},
	}
	if o.Extras.Tax.GivenVAT {
		c.VAT = &o.Extras.Tax.VAT
	}
	return c
}

func cancelOf(o order.Order, r ledger.Request) provider.Cancel {
	id, reason := "surplus", "not the order's to keep"
	if p := o.Ledger.Payment(r.Key); p != nil && p.Reason != "" {
		id, reason = string(p.Reason), reason+": "+string(p.Reason)
	}
	if r.RefundID != "" {
		id, reason = "refund:"+r.RefundID, cmp.Or(r.Reason, "refund "+r.RefundID)
	}
	c := provider.Cancel{
		Key: r.Key, Amount: r.Amount, Balance: r.Balance, Reason: reason,
		IdempotencyKey: fmt.Sprintf("cancel:%s:%s:%d:%s", o.ID, id, r.Turn, short(r.Key)),
	}
	// An amount that went through our window has these parts; of another amount nobody knows them.
	if tax := o.Extras.Tax; r.Amount == o.Amount.Value {
		c.TaxFree = tax.Free
		if tax.GivenVAT {
			c.VAT = &tax.VAT
		}
	}
	return c
}

// short is a payment's key in an idempotency key.
func short(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

// answered logs an answer: the log is where the provider's own words and trace ids are kept.
func (s *Settler) answered(ctx context.Context, o order.Order, a provider.Answer) {
	level, event := slog.LevelInfo, "provider.answer"
	switch {
	case a.Class == provider.ClassCredentials:
		level, event = slog.LevelError, "config.error"
	case a.Class == provider.ClassMerchant:
		level, event = slog.LevelWarn, "merchant.refusal" // every buyer may be refused for the same reason
	case o.Ledger.Account.Live && slices.ContainsFunc(a.All, func(s provider.Shown) bool { return s.Payment.Sandbox }):
		level, event = slog.LevelError, "security.sandbox_payment"
	}
	s.Log.Log(ctx, level, "the provider answered",
		"event", event, "orderId", o.ID, "attempt", o.Attempt, "provider", o.Provider,
		"call", a.Call, "verdict", a.Verdict.String(), "http", a.HTTP, "shown", shownIn(a),
		"code", a.Code, "class", a.Class.String(),
		"digest", a.Digest, "providerTraceId", a.TraceID, "cause", errorText(a.Err))
}

// shownIn are the provider's own words for the payments an answer shows.
func shownIn(a provider.Answer) string {
	var all []string
	for _, s := range a.All {
		all = append(all, cmp.Or(s.Payment.Status, s.Verdict.String())) // without its key, which a buyer could use
	}
	return strings.Join(all, ", ")
}

// moved logs what a write changed, and raises the alarms.
func (s *Settler) moved(ctx context.Context, before, after order.Order) {
	level, event := slog.LevelInfo, "money.transition"
	switch {
	case after.Status == order.Review && before.Status != order.Review:
		level, event = slog.LevelError, "money.review"
	case len(after.Reversals) > len(before.Reversals):
		level, event = slog.LevelWarn, "money.reversal"
	case after.Ledger.Unsettled(s.now()):
		level, event = slog.LevelError, "money.unsettled"
	case after.Status == before.Status && len(after.History) == len(before.History):
		return
	}
	last := after.History[len(after.History)-1]
	s.Log.Log(ctx, level, "the order moved",
		"event", event, "orderId", after.ID, "attempt", last.Attempt,
		"from", string(before.Status), "to", string(after.Status), "by", last.Event,
		"amount", after.Amount.Value, "currency", string(after.Amount.Currency))
}
