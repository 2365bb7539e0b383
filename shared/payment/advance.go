package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Limits of one settle: how many calls it may make, and how much time a further call must at least have.
const (
	callsMax = 4
	callMin  = time.Second
	savesMax = 5
)

// Advance moves an unsettled order by asking the provider, and does nothing to any other. Whoever calls it - a buyer's reload, a
// webhook, a schedule - brings no facts. An open order, or a closed one that is searching or has a hint, is asked about only when it is due.
func (s *Settler) Advance(ctx context.Context, orderID string) (order.Order, error) {
	return s.advance(ctx, orderID, wanted{})
}

// wanted is what a subscription still wants of a cycle's order; the zero value is nothing, as of every other order.
type wanted struct {
	repeat time.Time // until when a charge that nobody has found may be sent again; a worker that stood still since it learned that must not
	more   bool      // the order gets more time when its own is over
}

func (s *Settler) advance(ctx context.Context, orderID string, want wanted) (order.Order, error) {
	o, err := s.Orders.Get(ctx, orderID)
	if err != nil {
		return order.Order{}, err
	}
	return s.await(ctx, o, want)
}

// await returns the order once somebody has settled it: another request that is at work on it, or this one, when nobody is. It comes
// back with the order still settling when one question to the provider, its own or another's, brought no conclusion.
func (s *Settler) await(ctx context.Context, o order.Order, want wanted) (order.Order, error) {
	waiting, cancel := callContext(ctx)
	defer cancel()
	for pause := waitStep; s.worthAsking(o); pause = min(2*pause, waitStepMax) {
		now := s.Now()
		if !o.AskAfter.After(now) {
			leased, err := s.Claims.Lease(ctx, order.Lease{OrderID: o.ID, At: now, Until: now.Add(CallMax + SettleKeep)})
			var refusal *order.Refusal
			switch {
			case err == nil && s.worthAsking(leased):
				return s.settle(ctx, leased, false, want)
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
		asked := seen.Attempt.Asks > o.Attempt.Asks
		if o = seen; asked {
			return o, nil
		}
	}
	return o, nil
}

// worthAsking says that the provider may know more of the order than we do.
func (s *Settler) worthAsking(o order.Order) bool {
	asksAnytime := o.Status == order.Settling || o.Owed() != nil && o.Closed() && o.Status != order.Review && !o.Searching
	return o.Unsettled() && (asksAnytime || !s.Now().Before(o.DueAt))
}

// settle asks the provider about an order this request has claimed (send: the money has not been asked for yet) or leased, records what the
// answers prove, and gives back what they show to be owed.
func (s *Settler) settle(ctx context.Context, o order.Order, send bool, want wanted) (order.Order, error) {
	g, ok := s.gateway(o)
	if !ok {
		return o, fmt.Errorf("payment: settle %s: no gateway for provider %q", o.ID, o.Provider)
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	earlier := notLooked
	var err error
	if !send {
		o, err = s.recall(ctx, calls, g, o)
	}
	if err == nil && !s.worthAsking(o) {
		return o, nil // that was all it was due for
	}
	if err == nil && o.Searching {
		o, err = s.search(ctx, calls, g, o)
	}
	if err == nil && o.Owed() == nil && !send && (o.BillingKey == "" || o.Status == order.Open || !want.repeat.IsZero()) {
		o, earlier, err = s.lookBack(ctx, calls, g, o, o.Attempt.N-1)
	}
	if earlier == unread {
		want.repeat = time.Time{}
	}
	if err == nil && o.Owed() == nil && !o.Closed() {
		o, err = s.ask(ctx, calls, g, o, send, earlier, want)
	}
	if err == nil && o.Owed() != nil && o.Status != order.Review && hasTime(calls) {
		o, err = s.reverse(ctx, calls, g, o)
	}
	return o, err
}

// search asks about the money that the attempt of a closed order asked for, until it is known or can no more be taken. What is found is recorded
// like every other word of the provider; the order itself stays what it is. It takes half of the time: money may be owed, too.
func (s *Settler) search(ctx, calls context.Context, g Gateway, o order.Order) (order.Order, error) {
	began := s.Now()
	calls, cancel := halfTime(calls)
	defer cancel()
	answers := s.find(calls, g, o)
	evidence, now, last := s.evidence(ctx, o, answers), s.Now(), answers[len(answers)-1]
	event := doubtful(o, now)
	event.Search, event.NoAnswer = true, last.Verdict == provider.Unknown
	if accountedFor(o, answers, now, g.Timing) {
		event = order.Event{Kind: order.Searched, At: now, Attempt: o.Attempt.N}
	}
	var found []order.Event
	facts := s.besides(g, o, last.Others, began, false)
	if e, ok := fromPayment(o, last, g.Account, now); ok && (e.Kind != order.Refused || e.Of == o.Capture.Key) {
		e.Asked = began
		facts = append(facts, e)
	}
	for _, e := range facts {
		if isNews(o, e) && (o.Status != order.Review || event.Kind == order.Searched) { // a review's history shall not be washed away
			found = append(found, e)
		}
	}
	if event.Asked = began; event.Kind == order.Searched || len(found) > 0 {
		event.Evidence = evidence
	}
	return s.record(ctx, o, event, looked, found...)
}

// isNews says that a fact is about a payment the order does not know, or says something else of it than the order does.
func isNews(o order.Order, e order.Event) bool {
	switch e.Capture.Key {
	case "":
		return true
	case o.Capture.Key:
		return e.Capture.Balance != o.Capture.Balance
	}
	return !slices.ContainsFunc(o.Reversals, func(r order.Reversal) bool {
		return r.Key == e.Capture.Key && (r.DoneAt.IsZero() && r.Amount == e.Capture.Balance || !r.DoneAt.IsZero() && e.Capture.Balance == 0)
	})
}

// ask questions the provider about the current attempt. It ends when an answer is conclusive, when a lookup says that nothing can be done
// but wait, when time runs out, or after callsMax questions.
func (s *Settler) ask(ctx, calls context.Context, g Gateway, o order.Order, send bool, earlier lookedBack, want wanted) (order.Order, error) {
	var began time.Time                    // of the last question, which decides
	work, event := o, doubtful(o, s.Now()) // work is o with what this settle has learned of the attempt and not saved yet
	var evidence []order.Evidence
	var last provider.Answer
	byNumber := false // the last answer is about all there is under the current number
	for n := 0; n < callsMax && hasTime(calls); n++ {
		var answers []provider.Answer
		asked := !send || !s.mayTake(g, work)
		if asked {
			began = s.Now()
			answers = s.find(calls, g, work)
			byNumber = work.Attempt.Key == "" || len(answers) > 1
			now := s.Now()
			event, send = afterFind(work, answers, g.Account, now, g.Timing, now.Round(0).Before(want.repeat))
			if send {
				work.Attempt = event.Next // a charge may be sent a second time, under the next turn
			}
			send = send && s.mayTake(g, work)
		} else {
			intended, err := s.intend(ctx, o, work.Attempt)
			if errors.Is(err, ErrConflict) {
				return intended, nil // somebody else has moved the order: theirs is the next step
			}
			if err != nil {
				return o, err
			}
			o = intended
			if work.Attempt.Unanswered = true; !s.mayTake(g, work) {
				send = false // frozen while it was written
				continue
			}
			began, byNumber = s.Now(), false
			answers = []provider.Answer{take(calls, g, work)}
			event, send = afterTake(work, answers[0], g.Account, s.Now()), false
		}
		evidence = append(evidence, s.evidence(ctx, work, answers)...)
		last = answers[len(answers)-1]
		if event.Kind != order.Doubtful || asked && !send {
			break
		}
		work.Attempt = event.Next
	}
	switch {
	case len(evidence) == 0 && earlier != unread:
		return o, nil // there was no time to ask
	case len(evidence) == 0:
		event.NoAnswer = true
	case earlier == looked && !byNumber:
		earlier = notLooked // the current number is still to be looked up
	}
	all := byNumber && showsAll(last)
	event.Evidence, event.Asked, event.All, event.Next.ClaimedAt = evidence, began, all, o.Attempt.ClaimedAt
	if event.More = want.more && (o.Status == order.Settling || earlier == looked); event.More && o.Status == order.Open && event.Kind == order.Refused {
		event.Kind = order.Lapsed // somebody's window failed under the number that is still to be charged
	}
	return s.record(ctx, o, event, earlier, s.besides(g, o, last.Others, began, all)...)
}

// extend gives an order that waits for its next attempt more time.
func (s *Settler) extend(ctx context.Context, o order.Order) (order.Order, error) {
	saved, err := s.Claims.Save(ctx, o.Extend(s.Now()))
	if errors.Is(err, ErrConflict) {
		err = nil // somebody is charging it
	}
	return saved, err
}

// lookedBack says whether the numbers of attempts that are over have been looked up.
type lookedBack int

const (
	notLooked lookedBack = iota
	unread               // one of them brought no answer that can be read
	looked
)

// lookBack asks about the numbers of all attempts up to last: a window that was left open may have taken money under one that is over. Nobody
// is offered a window for a cycle, but the merchant code is public: the worker looks before it claims the next attempt. A number that hangs
// takes half of the time, so that there is some left for the current one.
func (s *Settler) lookBack(ctx, calls context.Context, g Gateway, o order.Order, last int) (order.Order, lookedBack, error) {
	if g.Confirmer != nil || o.Closed() {
		return o, looked, nil // only our confirm takes money
	}
	began, result := s.Now(), looked
	calls, cancel := halfTime(calls)
	defer cancel()
	for n := 1; n <= last || n <= o.Attempt.N && o.Closed(); n++ { // nobody would ask about a number of an order that is closed
		if !hasTime(calls) {
			if !o.Closed() {
				result = unread
			}
			break
		}
		a := g.Finder.Find(calls, provider.Ref{Number: o.NumberOf(n)})
		evidence := s.evidence(ctx, o, []provider.Answer{a})
		if lacksAnswer(a) && !o.Closed() {
			result = unread
		}
		e, ok := fromPayment(o, a, g.Account, s.Now())
		if !ok || !taken(o, a) {
			continue
		}
		e.Evidence, e.Asked = evidence, began
		saved, err := s.record(ctx, o, e, unread, s.besides(g, o, a.Others, began, false)...) // the rest is still to be looked up
		if err != nil {
			return o, unread, err
		}
		o = saved
	}
	return o, result, nil
}

// besides are the events of further payments under the order's number that hold money: what is not the order's to keep is then owed.
func (s *Settler) besides(g Gateway, o order.Order, others []provider.Payment, asked time.Time, all bool) []order.Event {
	var events []order.Event
	for _, p := range others {
		verdict := provider.Paid
		if p.Balance < p.Amount {
			verdict = provider.PartlyRefunded
		}
		e, ok := fromPayment(o, provider.Answer{Verdict: verdict, Payment: p}, g.Account, s.Now())
		if !ok || e.Kind == order.Refused {
			continue // test money pays nothing, and says nothing of the others
		}
		e.Asked, e.All = asked, all
		events = append(events, e)
	}
	return events
}

// evidence logs answers and turns them into what an order keeps of them.
func (s *Settler) evidence(ctx context.Context, o order.Order, answers []provider.Answer) []order.Evidence {
	var evidence []order.Evidence
	for _, a := range answers {
		s.logAnswer(ctx, o, a)
		evidence = append(evidence, evidenceOf(o, a, s.Now()))
	}
	return evidence
}

// intend makes sure that the stored order says a confirm of this turn may have been sent. The claim has said so of the first one.
func (s *Settler) intend(ctx context.Context, o order.Order, next order.Attempt) (order.Order, error) {
	if o.Attempt.Unanswered && o.Attempt.Turn == next.Turn {
		return o, nil
	}
	intended := o.Intend(next.Turn)
	if o.BillingKey != "" {
		intended = o.Repeat(next.Turn, next.ClaimedAt)
	}
	saved, err := s.Claims.Save(ctx, intended)
	if err != nil {
		return saved, fmt.Errorf("payment: record the intent to confirm %s: %w", o.ID, err)
	}
	return saved, nil
}

// find asks by the provider's key, and by our own number when the key is unknown, or known to nobody, or another order's: a key comes
// from a redirect, which anybody can write.
func (s *Settler) find(ctx context.Context, g Gateway, o order.Order) []provider.Answer {
	var answers []provider.Answer
	if o.Attempt.Key != "" {
		a := g.Finder.Find(ctx, provider.Ref{Key: o.Attempt.Key})
		answers = append(answers, a)
		if a.Verdict != provider.Absent && !foreign(o, a) {
			return answers
		}
	}
	return append(answers, g.Finder.Find(ctx, provider.Ref{Number: o.Number()}))
}

// mayTake compares wall clocks right before money is asked for: a function that was frozen between its claim and now may wake up hours
// later with a context that has not noticed, when somebody else has long been given the order.
func (s *Settler) mayTake(g Gateway, o order.Order) bool {
	now := s.Now().Round(0)
	switch {
	case o.BillingKey == "":
		return g.Confirmer != nil && o.Attempt.Key != "" && now.Before(o.Attempt.ClaimedAt.Add(g.Timing.ConfirmWindow))
	case g.Charger == nil:
		return false
	}
	return now.Before(o.Attempt.ClaimedAt.Add(chargeSendMax))
}

// chargeSendMax is the latest a worker may send the charge it has claimed, or has decided to repeat.
const chargeSendMax = time.Minute

// take asks for the money of the order's current attempt.
func take(ctx context.Context, g Gateway, o order.Order) provider.Answer {
	if o.BillingKey == "" {
		return g.Confirmer.Confirm(ctx, confirmOf(o))
	}
	charge := provider.Charge{
		BillingKey: o.BillingKey, Number: o.Number(), Amount: o.Amount.Value, Name: o.Name, NotAfter: o.Attempt.ClaimedAt.Add(chargeSendMax),
		Customer: provider.Buyer{Name: o.Customer.Name, Email: o.Customer.Email, Phone: o.Customer.Phone},
		TaxFree:  o.Extras.Tax.Free, FailPush: o.Charging.FailPush, CardQuota: o.Charging.CardQuota,
		Receipt: provider.CashReceipt{Type: o.Charging.ReceiptType, TradeOption: o.Charging.TradeOption, None: o.Charging.NoReceipt},
	}
	if o.Extras.Tax.GivenVAT {
		charge.VAT = &o.Extras.Tax.VAT
	}
	return g.Charger.Charge(ctx, charge)
}

// confirmOf is the one request an attempt may send. Its idempotency key comes from the attempt and the payment, so that every copy of
// this request is the same request to the provider, and no other request ever is.
func confirmOf(o order.Order) provider.Confirm {
	sum := sha256.Sum256([]byte(o.Attempt.Key))
	return provider.Confirm{
		Key: o.Attempt.Key, Number: o.Number(), Amount: o.Amount.Value,
		IdempotencyKey: fmt.Sprintf("confirm:%s:%d:%s", o.Number(), o.Attempt.Turn, hex.EncodeToString(sum[:6])),
	}
}

// register tells the provider the amount of an attempt that has just become the next one. It is a second lock on the window and no more:
// without it the amount is checked when the payment is looked up, and money of another amount is given back.
func (s *Settler) register(ctx context.Context, before, after order.Order) {
	g, _ := s.gateway(after)
	if g.Registrar == nil || after.BillingKey != "" || after.Status != order.Open || after.Attempt.N == before.Attempt.N || !s.Now().Before(after.ExpiresAt) {
		return
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	a := g.Registrar.Register(calls, provider.Registration{Number: after.Number(), Amount: after.Amount.Value})
	s.logAnswer(ctx, after, a)
}

// record saves what an event makes of the order, and what the same answer says of other payments that hold money, in one write: a process
// that died between two would leave an order that seems final, and money that nobody looks for. When somebody else was faster the events are
// applied to what they left: a fact stays a fact. An order ends unpaid only when every number of it was looked up, and this does it if nobody
// has; while one cannot be read the order goes on being asked about.
func (s *Settler) record(ctx context.Context, o order.Order, e order.Event, earlier lookedBack, besides ...order.Event) (order.Order, error) {
	hint := e.Hint
	for range savesMax {
		steps, err := s.apply(o, append([]order.Event{e}, besides...))
		if err != nil {
			return o, err
		}
		next := steps[len(steps)-1].after
		if next.Revision == o.Revision {
			return o, nil
		}
		if hint != (order.Hint{}) {
			next = next.Remember(hint)
		}
		next.Revision = o.Revision + 1
		if earlier != looked && !o.Closed() && (next.Status == order.Failed || next.Status == order.Expired) {
			var changed order.Order
			if changed, earlier, err = s.lookBackNow(ctx, o, earlier); err != nil {
				return o, err
			}
			if o = changed; earlier == unread {
				e = unsure(o, e)
			}
			continue
		}
		saved, err := s.Claims.Save(ctx, next)
		if err == nil {
			for _, t := range steps {
				s.logTransition(ctx, t)
			}
			if s.Paid != nil && saved.Untold && !o.Untold {
				saved = s.Paid(ctx, saved)
			}
			s.register(ctx, o, saved)
			return saved, nil
		}
		if !errors.Is(err, ErrConflict) {
			return o, fmt.Errorf("payment: record %s of %s: %w", e.Kind, o.ID, err)
		}
		o = saved
	}
	return o, fmt.Errorf("payment: record %s of %s: %w", e.Kind, o.ID, ErrConflict)
}

// step is one event and what it made of an order.
type step struct {
	before, after order.Order
	event         order.Event
}

// apply applies the events of one question one after the other.
func (s *Settler) apply(o order.Order, events []order.Event) ([]step, error) {
	var steps []step
	heard := o.HeardAt
	for _, e := range events {
		before := o
		o.HeardAt = heard // what one answer says of several payments is equally new
		e.KeepLate, e.AskedKey = s.KeepLate, events[0].AskedKey
		if g, _ := s.gateway(o); g.Confirmer == nil { // its windows take the money by themselves
			e.LastLook = g.Timing.PendingMax
		}
		next, err := o.Apply(e)
		if err != nil {
			return nil, err
		}
		if next.Revision == o.Revision {
			next = before // nothing to record
		}
		steps = append(steps, step{before, next, e})
		o = next
	}
	return steps, nil
}

// lookBackNow is lookBack, unless it has been tried.
func (s *Settler) lookBackNow(ctx context.Context, o order.Order, earlier lookedBack) (order.Order, lookedBack, error) {
	g, ok := s.gateway(o)
	if !ok || earlier == unread {
		return o, unread, nil
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	return s.lookBack(ctx, calls, g, o, o.Attempt.N)
}

// callContext leaves SettleKeep of the caller's time to record what the provider said.
func callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-SettleKeep))
	}
	return context.WithTimeout(ctx, CallMax)
}

// halfTime is half of what is left of the caller's time.
func halfTime(ctx context.Context) (context.Context, context.CancelFunc) {
	left := CallMax
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	return context.WithTimeout(ctx, left/2)
}

func hasTime(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(end) >= callMin)
}

func (s *Settler) logAnswer(ctx context.Context, o order.Order, a provider.Answer) {
	level, event := slog.LevelInfo, "provider.answer"
	switch {
	case a.Class == provider.ClassCredentials:
		level, event = slog.LevelError, "config.error"
	case a.Class == provider.ClassMerchant:
		level, event = slog.LevelWarn, "merchant.refusal" // every buyer may be refused for the same reason
	case a.Payment.Sandbox && o.Mode == "live":
		level, event = slog.LevelError, "security.sandbox_payment"
	}
	s.Log.Log(ctx, level, "the provider answered", "event", event, "orderId", o.ID, "attempt", o.Attempt.N, "provider", o.Provider,
		"call", a.Call, "verdict", a.Verdict.String(), "http", a.HTTP, "code", a.Code, "class", a.Class.String(), "providerTraceId", a.TraceID,
		"cause", errorText(a.Err))
}

func (s *Settler) logTransition(ctx context.Context, t step) {
	before, after, e := t.before, t.after, t.event
	level, name := slog.LevelInfo, "money.transition"
	switch {
	case after.Revision == before.Revision:
		return
	case after.Status == order.Review && e.Kind != order.Searched && !e.Search:
		level, name = slog.LevelError, "money.review"
	case len(after.Reversals) > len(before.Reversals):
		level, name = slog.LevelWarn, "money.reversal"
	case after.Owed() != nil && e.At.Sub(after.Owed().DecidedAt) >= order.AlarmAfter:
		level, name = slog.LevelError, "money.unsettled"
	case after.Status == order.Settling && e.At.Sub(after.Attempt.ClaimedAt) >= order.AlarmAfter:
		level, name = slog.LevelError, "money.unsettled"
	case after.Searching && e.At.Sub(after.Attempt.ClaimedAt) >= 2*order.AlarmAfter: // a window left open is looked at for longer than an hour
		level, name = slog.LevelError, "money.unsettled"
	case after.Status == order.Open && e.NoAnswer && e.At.Sub(after.ExpiresAt) >= order.OpenGrace+order.AlarmAfter:
		level, name = slog.LevelError, "money.unsettled"
	}
	s.Log.Log(ctx, level, "the order moved", "event", name, "orderId", after.ID, "attempt", e.Attempt, "from", string(before.Status),
		"to", string(after.Status), "by", string(e.Kind), "amount", after.Amount.Value, "currency", string(after.Amount.Currency))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
