package ledger_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/ledger"
)

var (
	portone = ledger.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute}
	toss    = ledger.Timing{
		ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute,
	}
	ours = ledger.Account{Provider: "portone", Merchant: "mid-1", KeyDigest: "d1"}
)

// bank is a provider: payments, and answers that get lost. It speaks this package's words, which sim/bank's answers become only in package payment.
type bank struct {
	mu       sync.Mutex
	payments map[string]*ledger.Payment
	calls    []string
	account  ledger.Account // whose keys answer
	down     bool           // no lookup is answered
	deaf     string         // nor any of this payment
	hide     map[string]bool
	lag      map[string]time.Time // until when lookups show what was
	was      map[string]*ledger.Payment
	stuck    bool // refunds are refused for good
	lose     int  // refunds whose request is lost
	mute     int  // refunds that are made and whose reply is lost
	before   func(call string)
	after    func(call string)
	confirm  func(n int, r ledger.Request) (took bool, reply ledger.Reply, code string)
	reply    func() (made bool, reply ledger.Reply) // of a cancel
}

func newBank() *bank {
	return &bank{payments: map[string]*ledger.Payment{}, account: ours, hide: map[string]bool{}, lag: map[string]time.Time{}, was: map[string]*ledger.Payment{}}
}

func (b *bank) put(key, number string, s ledger.State, edits ...func(*ledger.Payment)) {
	p := &ledger.Payment{Key: key, Attempt: attemptOf(number), State: s, Amount: 15000, Currency: "KRW", Test: true, ListsRefunds: true}
	if s == ledger.Captured {
		p.Balance = 15000
	}
	for _, edit := range edits {
		edit(p)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.payments[key] = p
}

// behind puts a payment that lookups do not show so for a while.
func (b *bank) behind(d time.Duration, key, number string, s ledger.State, edits ...func(*ledger.Payment)) {
	b.mu.Lock()
	if p := b.payments[key]; p != nil {
		old := *p
		b.was[key] = &old
	}
	b.lag[key] = time.Now().Add(d)
	b.mu.Unlock()
	b.put(key, number, s, edits...)
}

func (b *bank) left(keys ...string) (sum int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range keys {
		if p := b.payments[k]; p != nil {
			sum += p.Balance
		}
	}
	return sum
}

func (b *bank) asked(prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func (b *bank) arrive(call string) {
	if b.before != nil {
		b.before(call)
	}
	time.Sleep(20 * time.Millisecond)
	b.mu.Lock()
	b.calls = append(b.calls, call)
	b.mu.Unlock()
}

func (b *bank) leave(call string) {
	if b.after != nil {
		b.after(call)
	}
}

// attemptOf reads order-1, order-1--2 ...; 0 for another order's number.
func attemptOf(number string) int {
	rest, ok := strings.CutPrefix(number, "order-1")
	switch {
	case !ok:
		return 0
	case rest == "":
		return 1
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(rest, "--"))
	return n
}

func (b *bank) lookUp(key string, attempt int) ledger.Answer {
	call := "find " + key
	if key == "" {
		call = "find #" + strconv.Itoa(attempt)
	}
	a := ledger.Answer{Began: time.Now(), Key: key, Attempt: attempt}
	b.arrive(call)
	defer b.leave(call)
	b.mu.Lock()
	defer b.mu.Unlock()
	a.Account = b.account
	if a.At = time.Now(); b.down || key != "" && key == b.deaf {
		return a
	}
	a.Readable = true
	a.Complete = key == ""
	for _, p := range b.payments {
		if time.Now().Before(b.lag[p.Key]) {
			p = b.was[p.Key]
		}
		switch {
		case p == nil:
		case p.Key == key && p.Attempt == 0:
			a.Elsewhere = true
		case p.Key == key, key == "" && p.Attempt == attempt && !b.hide[p.Key]:
			a.Payments = append(a.Payments, *p)
		}
	}
	return a
}

func (b *bank) send(r ledger.Request) ledger.Answer {
	call := r.Kind.String() + " " + r.Key
	a := ledger.Answer{Began: time.Now(), To: &r}
	b.arrive(call)
	n := b.asked(call)
	defer b.leave(call)
	b.mu.Lock()
	defer b.mu.Unlock()
	a.Account = b.account
	if r.Kind == ledger.Cancel {
		b.cancel(r, &a)
	} else {
		b.capture(n, r, &a)
	}
	a.At = time.Now()
	return a
}

func (b *bank) cancel(r ledger.Request, a *ledger.Answer) {
	made, reply := true, ledger.Accepted
	if b.reply != nil {
		made, reply = b.reply()
	}
	switch p := b.payments[r.Key]; {
	case !made:
		a.Readable, a.Reply, a.Code = reply != ledger.NoReply, reply, "CODE"
	case b.stuck:
		a.Readable, a.Reply, a.Code = true, ledger.Refused, "NOT_CANCELABLE_PAYMENT"
	case b.lose > 0:
		b.lose--
	case p.Balance != r.Balance:
		a.Readable, a.Reply, a.Code = true, ledger.Already, "OTHER_BALANCE"
	default:
		p.Balance -= r.Amount
		if r.RefundID != "" {
			p.Refunds = append(slices.Clone(p.Refunds), r.RefundID)
		}
		if b.mute > 0 {
			b.mute--
			return
		}
		if reply != ledger.Accepted {
			a.Readable, a.Reply, a.Code = reply != ledger.NoReply, reply, "CODE"
			return
		}
		a.Readable, a.Reply, a.Payments = true, ledger.Accepted, []ledger.Payment{*p}
	}
}

func (b *bank) capture(n int, r ledger.Request, a *ledger.Answer) {
	took, reply, code := true, ledger.Accepted, ""
	if b.confirm != nil {
		took, reply, code = b.confirm(n, r)
	}
	key := r.Key
	if r.Kind == ledger.Charge {
		key = fmt.Sprintf("charge-%d-%d", r.Attempt, r.Turn)
	}
	if p := b.payments[key]; took && (p == nil || p.State != ledger.Captured) {
		p = &ledger.Payment{Key: key, Attempt: r.Attempt, State: ledger.Captured, Amount: r.Amount, Balance: r.Amount, Currency: "KRW", Test: true, ListsRefunds: true}
		if r.Kind == ledger.Charge {
			p.BillingKey = r.Key
		}
		b.payments[key] = p
	}
	a.Readable, a.Reply, a.Code = reply != ledger.NoReply, reply, code
	if reply == ledger.Accepted {
		a.Payments = []ledger.Payment{*b.payments[key]}
	}
}

// table is compare-and-set over one order.
type table struct {
	mu    sync.Mutex
	o     ledger.Order
	saves int
}

func (t *table) get() ledger.Order { t.mu.Lock(); defer t.mu.Unlock(); return t.o }

func (t *table) save(o ledger.Order) (ledger.Order, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saves++
	if o.Revision != t.o.Revision+1 {
		return t.o, false
	}
	t.o = o
	return o, true
}

// till settles one order: the loop of every entry point, around the rules of ledger.Work.
type till struct {
	table
	*bank
	t     *testing.T
	limit int // calls of a visit; 0: callsMax
}

func newTill(t *testing.T, o ledger.Order) *till {
	x := &till{bank: newBank(), t: t}
	x.bank.account = o.Account
	x.o = o
	return x
}

func terms() ledger.Terms {
	return ledger.Terms{
		ID: "order-1", Account: ours, Amount: 15000, Currency: "KRW", CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), Timing: portone,
	}
}

func open(edits ...func(*ledger.Terms)) ledger.Order {
	terms := terms()
	for _, edit := range edits {
		edit(&terms)
	}
	return ledger.New(terms)
}

func atToss(t *ledger.Terms) { t.Timing, t.Account.Provider = toss, "toss" }

func cycle(t *ledger.Terms) { t.Cycle, t.ExpiresAt = true, t.CreatedAt.Add(90*24*time.Hour) }

const callsMax = 4

func (x *till) settle(w ledger.Work) {
	x.t.Helper()
	w.Visit.Began = time.Now()
	for range cmp.Or(x.limit, callsMax) {
		step, write := w.Plan(time.Now())
		if step.Do == ledger.Wait {
			break
		}
		if write != nil {
			stored, ok := x.save(*write)
			if !ok {
				w = w.Conflicted(stored)
				continue
			}
			fresh := step.Request
			w = w.Written(stored, &fresh)
		}
		w = w.Did(step, x.do(step))
	}
	for w.Changed() {
		stored, ok := x.save(w.Final())
		if ok {
			return
		}
		w = w.Conflicted(stored)
	}
}

func (x *till) do(s ledger.Step) ledger.Answer {
	if s.Do == ledger.LookUp {
		return x.lookUp(s.Key, s.Attempt)
	}
	return x.send(s.Request)
}

// clamp is the attempt a redirect or a notice speaks of.
func (x *till) clamp(number string) int { return min(max(attemptOf(number), 1), x.get().Current()) }

func (x *till) note(r ledger.Request) {
	x.t.Helper()
	r.At = time.Now()
	x.settle(ledger.Work{Stored: x.get(), Noted: &r})
}

func (x *till) notice(key, number string) {
	x.t.Helper()
	x.note(ledger.Request{Kind: ledger.Notice, Attempt: x.clamp(number), Key: key})
}

func (x *till) canceled(key, number string) {
	x.t.Helper()
	x.note(ledger.Request{Kind: ledger.Notice, Attempt: x.clamp(number), Key: key, Canceled: true})
}

func (x *till) back(key, number string, failed bool) {
	x.t.Helper()
	x.note(ledger.Request{Kind: ledger.Return, Attempt: x.clamp(number), Key: key, Failed: failed})
}

// ask writes a request that asks for money, and sends it.
func (x *till) ask(r ledger.Request) error {
	x.t.Helper()
	if r.At.IsZero() {
		r.At = time.Now()
	}
	o := x.get()
	next, err := o.Intend(r)
	if err != nil {
		return err
	}
	if len(next.Requests) == len(o.Requests) {
		return nil // the same request again
	}
	next.Revision++
	stored, ok := x.save(next)
	if !ok {
		return errors.New("conflict")
	}
	x.settle(ledger.Work{}.Written(stored, &next.Requests[len(next.Requests)-1]))
	return nil
}

func (x *till) confirmKey(key, number string) error {
	x.t.Helper()
	return x.ask(ledger.Request{Kind: ledger.Confirm, Attempt: attemptOf(number), Key: key, Amount: 15000})
}

func (x *till) charge(billingKey string) error {
	x.t.Helper()
	return x.ask(ledger.Request{Kind: ledger.Charge, Attempt: x.get().Current(), Key: billingKey, Amount: 15000})
}

func (x *till) sweep() { x.t.Helper(); x.settle(ledger.Work{Stored: x.get()}) }

func (x *till) toDue() {
	x.t.Helper()
	due := x.get().Due()
	if due.IsZero() {
		x.t.Fatal("nothing is due")
	}
	time.Sleep(time.Until(due))
	x.sweep()
}

// rest lets the schedule work until nothing is due.
func (x *till) rest() ledger.Order {
	x.t.Helper()
	for range 100 {
		o := x.get()
		due := o.Due()
		waiting := o.Status() == ledger.Open && o.Cycle && len(o.Requests) == 0
		if due.IsZero() || waiting {
			return o
		}
		time.Sleep(time.Until(due))
		x.sweep()
	}
	o := x.get()
	x.t.Errorf("still due at %v: %s\n%s", o.Due(), o.Status(), show(o))
	return o
}

// want compares what is stored with what the bank holds.
func (x *till) want(s ledger.Status, attempt int) {
	x.t.Helper()
	if o := x.get(); o.Status() != s || o.Current() != attempt {
		x.t.Errorf("%s at attempt %d, want %s at %d\n%s\n%v", o.Status(), o.Current(), s, attempt, show(o), x.calls)
	}
}

func (x *till) wantLeft(want int64, keys ...string) {
	x.t.Helper()
	if got := x.left(keys...); got != want {
		x.t.Errorf("the provider holds %d won, want %d\n%s\n%v", got, want, show(x.get()), x.calls)
	}
}

func show(o ledger.Order) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, learned %v, end %q %s\n", o.ID, o.Status(), o.LearnedAt.Sub(o.CreatedAt), o.End, o.Why)
	for i, a := range o.Attempts {
		fmt.Fprintf(&b, "  #%d looked %v used %v %s\n", i+1, a.LookedAt.Sub(o.CreatedAt), a.Used, a.Code)
	}
	for _, r := range o.Requests {
		fmt.Fprintf(&b, "  %s #%d %s turn %d at %v, reply %d, looked %v\n", r.Kind, r.Attempt, r.Key, r.Turn, r.At.Sub(o.CreatedAt), r.Reply, r.LookedAt.Sub(o.CreatedAt))
	}
	for _, p := range o.Payments {
		fmt.Fprintf(&b, "  payment %s #%d %s %d of %d, %s %s\n", p.Key, p.Attempt, p.State, p.Balance, p.Amount, p.Role, p.Reason)
	}
	return b.String()
}

func bubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { t.Parallel(); synctest.Test(t, f) })
}
