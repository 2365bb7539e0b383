package load

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// Sabotage is what a table may do wrong, so that a report shows doubles or missed charges.
type Sabotage struct {
	NoConditions bool // a cycle that is claimed can be claimed again, an order that exists created again
	NoLease      bool // a due record may be leased by everybody
	BlindShard   bool // the last shard of the index is never listed
}

// The ids: load-00000042, whose 13th cycle is the order load-00000042--c13. A year of monthly cycles is behind each subscription, so its
// record has the size of one that has been in use.
const (
	idPrefix  = "load-"
	idDigits  = 8
	dueCycle  = 13
	cycleMark = "--c"
)

func subscriptionID(index uint32) string {
	var b [len(idPrefix) + idDigits]byte
	copy(b[:], idPrefix)
	for i := len(b) - 1; i >= len(idPrefix); i-- {
		b[i] = byte('0' + index%10)
		index /= 10
	}
	return string(b[:])
}

func orderID(index uint32, cycle int) string {
	return subscriptionID(index) + cycleMark + strconv.Itoa(cycle)
}

// indexOf undoes both; cycle is 0 for a subscription.
func indexOf(id string) (index uint32, cycle int) {
	id, number, _ := strings.Cut(strings.TrimPrefix(id, idPrefix), cycleMark)
	number, _, _ = strings.Cut(number, "--")
	n, _ := strconv.ParseUint(id, 10, 32)
	cycle, _ = strconv.Atoi(number)
	return uint32(n), cycle
}

// row is what differs between two subscriptions of the hour. Times are milliseconds since they became due; absent is no time.
type row struct {
	due, entry, askAfter, charge int32 // entry: in the due index
	begun, first, again          int32 // first and again: of the dunning, since and attempt
	revision                     uint16
	cycle, date, paid            uint8 // paid: the latest cycle whose order is paid and gone from orders
	status, shard                uint8
}

const absent = -1 << 31

// bill is an order that is not final.
type bill struct {
	order order.Order
	entry int32
}

// table is payment.Store for this hour: the same conditions as the real one, in as few bytes as a subscription needs. An order is kept whole
// while it is unsettled; a paid one is one number in its subscription's row.
type table struct {
	config   Config
	chance   chance
	progress *Progress
	began    time.Time
	template subscription.Subscription

	mu        sync.Mutex
	rows      []row
	orders    map[uint64]*bill // by index and cycle
	shards    [payment.DueShards]dueList
	meter     meter
	drainedAt time.Duration
	calls     atomic.Uint64
}

var _ payment.Store = (*table)(nil)

var statuses = subscription.Statuses

func newTable(c Config, chance chance, p *Progress) *table {
	t := &table{
		config: c, chance: chance, progress: p, began: time.Now(), rows: make([]row, c.Subscriptions), orders: map[uint64]*bill{},
		meter: newMeter(c.Partitions),
	}
	t.template = template(t.began)
	for i := range t.shards {
		t.shards[i].due = map[int32][]uint64{}
	}
	active := uint8(slices.Index(statuses, subscription.Active))
	for i := range t.rows {
		shard := uint8(chance.bits("shard", uint64(i), 0) % payment.DueShards)
		t.rows[i] = row{
			askAfter: absent, begun: absent, first: absent, revision: uint16(t.template.Revision), cycle: dueCycle, date: dueCycle - 1,
			status: active, shard: shard,
		}
		t.shards[shard].add(0, subscriptionKey(uint32(i)))
	}
	return t
}

// template is what all subscriptions share: a monthly plan that began twelve months before.
func template(due time.Time) subscription.Subscription {
	first := due.In(subscription.Seoul).AddDate(-1, 0, 0)
	s := subscription.Subscription{
		Provider: "portone", Mode: "live", CustomerID: "customer-00000000", Language: "ko", Request: strings.Repeat("d", 64),
		LinkToken: strings.Repeat("t", 26), CreatedAt: first.UTC(), CatchUp: subscription.Once, Status: subscription.Active,
		Plan: subscription.Plan{Amount: money.Amount{Value: 9900, Currency: "KRW"}, Name: "월간 이용권"},
		Calendar: subscription.Calendar{
			First: first.UTC(), Interval: subscription.Month, Every: 1, Anchor: first.Day(), Hour: first.Hour(),
		},
		Key: subscription.Key{
			N: 1, OpenedAt: first.UTC(), IssuedAt: first.UTC(), Account: "tosspay_v2.tosstest", Brand: "신한카드", Masked: "559410*********4",
		},
	}
	for k := range dueCycle - 1 {
		s.History = append(s.History, subscription.Step{
			At: s.Calendar.Date(k), From: subscription.Active, To: subscription.Active, Event: "cycle-charged", Note: orderID(0, k+1),
		})
	}
	s.Revision = 3 * int64(dueCycle)
	return s
}

func (t *table) millis(at time.Time) int32 {
	if at.IsZero() {
		return absent
	}
	return int32(min(at.Sub(t.began)/time.Millisecond, 1<<31-1))
}

func (t *table) time(millis int32) time.Time {
	if millis == absent {
		return time.Time{}
	}
	return t.began.Add(time.Duration(millis) * time.Millisecond).UTC()
}

// record returns a row as a subscription.
func (t *table) record(index uint32) subscription.Subscription {
	r, s := &t.rows[index], t.template
	s.ID = subscriptionID(index)
	s.Cycle, s.Date, s.Revision, s.Status = int(r.cycle), int(r.date), int64(r.revision), statuses[r.status]
	s.DueAt, s.ChargeAt, s.AskAfter, s.Begun = t.time(r.due), t.time(r.charge), t.time(r.askAfter), t.time(r.begun)
	if r.first != absent {
		s.Dunning = subscription.Dunning{Since: t.time(r.first), Attempt: int(r.again), Decline: subscription.Soft, Code: declined, Soft: true}
	}
	return s
}

// keep writes a subscription into its row, and its entry in the due index. A time beyond the model's 24 days is kept as its end.
func (t *table) keep(index uint32, s subscription.Subscription, entry int32) error {
	r := &t.rows[index]
	r.due, r.charge, r.askAfter, r.begun = t.millis(s.DueAt), t.millis(s.ChargeAt), t.millis(s.AskAfter), t.millis(s.Begun)
	r.cycle, r.date, r.revision, r.status = uint8(s.Cycle), uint8(s.Date), uint16(s.Revision), uint8(slices.Index(statuses, s.Status))
	r.first, r.again = t.millis(s.Dunning.Since), int32(s.Dunning.Attempt)
	if entry != r.entry {
		t.shards[r.shard].add(entry, subscriptionKey(index))
		t.meter.index(r.shard, r.entry, entry, t.now())
		r.entry = entry
	}
	if s.Revision%keptEvery == 0 && index%keptEvery == 0 && !t.kept(index, s) {
		return fmt.Errorf("load: the model's table cannot keep this change of %s", s.ID)
	}
	return nil
}

// keptEvery: of so many records one is compared with what was to be kept, so that a field the row has no place for is noticed.
const keptEvery = 3

// kept says that reading the record back gives what was written, apart from its history.
func (t *table) kept(index uint32, s subscription.Subscription) bool {
	back := t.record(index)
	for _, at := range []*time.Time{&s.DueAt, &s.ChargeAt, &s.AskAfter, &s.Begun, &s.Dunning.Since} {
		*at = t.time(t.millis(*at))
	}
	s.History, back.History = nil, nil
	return reflect.DeepEqual(s, back)
}

func (t *table) now() time.Duration { return time.Since(t.began) }

// request is one request to DynamoDB: it takes some milliseconds, and as long as its partition is over its limit it is throttled, which the
// SDK waits out and tries again.
func (t *table) request(ctx context.Context, median time.Duration) error {
	return environment.Wait(ctx, t.chance.logNormal("table", t.calls.Add(1), 0, median, 0.35))
}

const (
	writeMedian = 5 * time.Millisecond
	readMedian  = 3 * time.Millisecond
	queryMedian = 8 * time.Millisecond
)

// write runs one conditional write: f decides, and answers the size of the stored record in bytes.
func write[T any](ctx context.Context, t *table, key uint64, f func() (record T, size int, err error)) (T, error) {
	if err := t.request(ctx, writeMedian); err != nil {
		var none T
		return none, err
	}
	for {
		t.mu.Lock()
		if pause := t.meter.throttled(key, t.shardOf(key), t.now()); pause > 0 {
			t.mu.Unlock()
			if err := environment.Wait(ctx, pause); err != nil {
				var none T
				return none, err
			}
			continue
		}
		record, size, err := f()
		t.meter.table(key, size, t.now())
		t.mu.Unlock()
		return record, err
	}
}

// ClaimCycle implements payment.Cycles.
func (t *table) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	index, _ := indexOf(c.ID)
	return write(ctx, t, subscriptionKey(index), func() (subscription.Subscription, int, error) {
		s := t.record(index)
		size := subscriptionSize(s)
		if t.config.Sabotage.NoConditions {
			s.AskAfter = time.Time{}
		}
		next, err := s.Claim(c)
		if err != nil {
			return s, size, err
		}
		return next, size, t.keep(index, next, t.rows[index].entry) // a claim leaves the index alone
	})
}

// SaveSubscription implements payment.Subscriptions.
func (t *table) SaveSubscription(ctx context.Context, next subscription.Subscription) (subscription.Subscription, error) {
	index, _ := indexOf(next.ID)
	return write(ctx, t, subscriptionKey(index), func() (subscription.Subscription, int, error) {
		size := subscriptionSize(next)
		old := t.record(index)
		if old.Revision != next.Revision-1 {
			return old, size, payment.ErrConflict
		}
		if err := t.keep(index, next, t.millis(next.DueAt)); err != nil {
			return old, size, err
		}
		if !over(old) && over(next) && t.progress.Drained.Add(1) == int64(t.config.Subscriptions) {
			t.drainedAt = t.now()
		}
		return next, size, nil
	})
}

// over says that the hour is over for a subscription: its cycle was paid, or was refused and waits for another day.
func over(s subscription.Subscription) bool {
	return s.Cycle > dueCycle || s.Status != subscription.Active
}

// GetSubscription implements payment.Subscriptions.
func (t *table) GetSubscription(ctx context.Context, id string) (subscription.Subscription, error) {
	if err := t.request(ctx, readMedian); err != nil {
		return subscription.Subscription{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.reads++
	index, _ := indexOf(id)
	return t.record(index), nil
}

// CreateSubscription implements payment.Subscriptions; nobody subscribes in this hour.
func (t *table) CreateSubscription(context.Context, subscription.Subscription) (subscription.Subscription, error) {
	return subscription.Subscription{}, errors.New("load: nobody subscribes in this hour")
}

// Create implements payment.Orders.
func (t *table) Create(ctx context.Context, o order.Order) (order.Order, error) {
	index, cycle := indexOf(o.ID)
	return write(ctx, t, orderKey(index, cycle), func() (order.Order, int, error) {
		size := orderSize(o)
		if old, err := t.order(index, cycle); err == nil && !t.config.Sabotage.NoConditions {
			return old, size, payment.ErrExists
		}
		t.put(index, cycle, o)
		return o, size, nil
	})
}

// Get implements payment.Orders.
func (t *table) Get(ctx context.Context, id string) (order.Order, error) {
	if err := t.request(ctx, readMedian); err != nil {
		return order.Order{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.reads++
	return t.order(indexOf(id))
}

// Claim implements payment.Claims.
func (t *table) Claim(ctx context.Context, c order.Claim) (order.Order, error) {
	return t.change(ctx, c.OrderID, func(o order.Order) (order.Order, error) { return o.Claim(c) })
}

// Lease implements payment.Claims.
func (t *table) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return t.change(ctx, l.OrderID, func(o order.Order) (order.Order, error) { return o.Lease(l) })
}

// Save implements payment.Claims.
func (t *table) Save(ctx context.Context, next order.Order) (order.Order, error) {
	return t.change(ctx, next.ID, func(old order.Order) (order.Order, error) {
		if old.Revision != next.Revision-1 {
			return old, payment.ErrConflict
		}
		return next, nil
	})
}

func (t *table) change(ctx context.Context, id string, f func(order.Order) (order.Order, error)) (order.Order, error) {
	index, cycle := indexOf(id)
	return write(ctx, t, orderKey(index, cycle), func() (order.Order, int, error) {
		old, err := t.order(index, cycle)
		if err != nil {
			return old, 0, err
		}
		next, err := f(old)
		if err != nil {
			return old, orderSize(old), err
		}
		t.put(index, cycle, next)
		return next, orderSize(next), nil
	})
}

// order returns a stored order; of a paid one that was put away only what its subscription needs to know.
func (t *table) order(index uint32, cycle int) (order.Order, error) {
	if b := t.orders[orderKey(index, cycle)]; b != nil {
		return b.order, nil
	}
	if cycle == 0 || cycle > int(t.rows[index].paid) {
		return order.Order{}, payment.ErrNotFound
	}
	o := order.New(order.Order{
		ID: orderID(index, cycle), Provider: t.template.Provider, Mode: t.template.Mode, Amount: t.template.Plan.Amount, CreatedAt: t.began,
		ExpiresAt: t.began.AddDate(1, 0, 0), BillingKey: t.template.KeyName(1),
	})
	paid := o.Ledger
	paid.Revision++
	paid.Payments = []ledger.Payment{{
		Key: "imp", Attempt: 1, State: ledger.Captured, Amount: o.Amount.Value, Balance: o.Amount.Value, Currency: string(o.Amount.Currency),
		BillingKey: o.BillingKey, KnownAt: t.began, SeenAt: t.began, Role: ledger.Kept,
	}}
	return o.With(paid, t.began).RecordedBy(), nil
}

func (t *table) put(index uint32, cycle int, o order.Order) {
	key, shard := orderKey(index, cycle), t.rows[index].shard
	old, due := int32(absent), t.millis(o.DueAt)
	b := t.orders[key]
	if b != nil {
		old = b.entry
	}
	t.meter.index(shard, old, due, t.now())
	if o.Status == order.Paid && o.Final() {
		delete(t.orders, key)
		t.rows[index].paid = uint8(cycle)
		return
	}
	if b == nil {
		b = &bill{}
		t.orders[key] = b
	}
	b.order, b.entry = o, due
	t.shards[shard].add(due, key)
}

// LeaseDue implements payment.DueRecords.
func (t *table) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (cycle int, err error) {
	index, cycle := indexOf(r.ID)
	key := orderKey(index, cycle)
	if r.Kind == payment.KindSubscription {
		key = subscriptionKey(index)
	}
	return write(ctx, t, key, func() (int, int, error) {
		entry, cycle, size := t.entry(key)
		if entry == nil || *entry == absent || *entry > t.millis(at) && !t.config.Sabotage.NoLease {
			return 0, size, payment.ErrNotDue
		}
		to := t.millis(until)
		t.meter.index(t.rows[index].shard, *entry, to, t.now())
		*entry = to
		t.shards[t.rows[index].shard].add(to, key)
		return cycle, size, nil
	})
}

// entry is a record's place in the due index, nil when there is no such record; with the cycle and the size that LeaseDue needs.
func (t *table) entry(key uint64) (entry *int32, cycle, size int) {
	if index, isSubscription := subscriptionOf(key); isSubscription {
		r := &t.rows[index]
		return &r.entry, int(r.cycle), subscriptionSize(t.template)
	}
	if b := t.orders[key]; b != nil {
		return &b.entry, 0, orderSize(b.order)
	}
	return nil, 0, 0
}

// Due implements payment.DueRecords.
func (t *table) Due(ctx context.Context, shard int, before time.Time, limit int, cursor string) ([]payment.DueRecord, string, error) {
	if err := t.request(ctx, queryMedian); err != nil {
		return nil, "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.queries++
	if t.config.Sabotage.BlindShard && shard == payment.DueShards-1 {
		return nil, "", nil
	}
	keys, next, err := t.shards[shard].page(t.millis(before), limit, cursor, func(key uint64) int32 {
		if entry, _, _ := t.entry(key); entry != nil {
			return *entry
		}
		return absent
	})
	due := make([]payment.DueRecord, 0, len(keys))
	for _, key := range keys {
		if index, isSubscription := subscriptionOf(key); isSubscription {
			due = append(due, payment.DueRecord{Kind: payment.KindSubscription, ID: subscriptionID(index)})
			continue
		}
		due = append(due, payment.DueRecord{Kind: payment.KindOrder, ID: orderID(uint32(key>>8), int(key&0xff))})
	}
	return due, next, err
}

// A key is a subscription's index and a cycle; cycle 0 is the subscription itself.
func subscriptionKey(index uint32) uint64      { return uint64(index) << 8 }
func orderKey(index uint32, cycle int) uint64  { return uint64(index)<<8 | uint64(uint8(cycle)) }
func subscriptionOf(key uint64) (uint32, bool) { return uint32(key >> 8), key&0xff == 0 }
func (t *table) shardOf(key uint64) uint8      { return t.rows[uint32(key>>8)].shard }
