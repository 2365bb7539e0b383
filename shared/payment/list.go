package payment

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// ListIndex is one of the table's lists of records.
type ListIndex string

// The lists. All but ListDue are sorted by when a record was made.
const (
	ListDay       ListIndex = "day"       // orders made on one day in Korea; not the orders of subscriptions' cycles
	ListStatus    ListIndex = "status"    // subscriptions of one status
	ListCustomer  ListIndex = "customer"  // orders, or subscriptions, of one customer; not the orders of cycles
	ListAttention ListIndex = "attention" // orders that are in review, owe money back, or have been processing for long
	ListDue       ListIndex = "due"       // what is to be looked at, of both kinds, by when
)

// Parts is how many partitions a list has. It keeps each partition of an index far below its limit of 1,000 writes a
// second.
func (l ListIndex) Parts() int {
	switch l {
	case ListDay, ListStatus:
		return 8
	case ListDue:
		return DueShards
	}
	return 1
}

// ListQuery asks for a page of one partition of a list.
type ListQuery struct {
	Index     ListIndex
	Kind      string // KindOrder or KindSubscription
	Value     string // the day (2026-11-28), the status or the customer's id; empty for ListAttention and ListDue
	Part      int    // 0 to Parts-1
	From, To  time.Time
	Ascending bool
	Limit     int
}

// Listed is an entry of a list: a record, and the time it is sorted by.
type Listed struct {
	Record DueRecord
	At     time.Time

	part int // of the list, which list knows
}

// Lists reads the table's lists. Every method is one request. An index may lag some seconds behind its table.
type Lists interface {
	// List returns up to Limit entries from From to To, both included.
	List(context.Context, ListQuery) ([]Listed, error)
	// GetOrders reads up to ReadMax orders; a missing one is left out. left are those the table did not get to.
	GetOrders(ctx context.Context, ids []string) (found []order.Order, left []string, err error)
	// GetSubscriptions does the same for subscriptions.
	GetSubscriptions(ctx context.Context, ids []string) (found []subscription.Subscription, left []string, err error)
}

// ReadMax is the most records that one request reads.
const ReadMax = 100

// The size of a page.
const (
	PageDefault = 20
	PageMax     = 100
)

// OrderFilter says which orders to list: exactly one of Day, CustomerID and Attention. Status narrows it.
type OrderFilter struct {
	Day        string // 2026-11-28, in Korea
	CustomerID string
	Attention  bool
	Status     order.Status
}

// SubscriptionFilter says which subscriptions to list: exactly one of Status, CustomerID, and a time to be due until.
type SubscriptionFilter struct {
	Status           subscription.Status
	CustomerID       string
	DueFrom, DueTill time.Time
}

// ListPage is a part of a list.
type ListPage[T any] struct {
	Records []T
	Next    string // the cursor of the next page; empty on the last
}

// ErrCursor says that a cursor is not one of this list.
var ErrCursor = &FieldError{"cursor", "is not one of this list: take it from the answer before, with the same filter"}

// Lister lists orders and subscriptions for the merchant.
type Lister struct {
	Lists Lists
	Now   func() time.Time
}

// Orders returns a page of the orders that a filter names, the newest first. A filter out of limits is a *FieldError.
func (l *Lister) Orders(ctx context.Context, f OrderFilter, limit int, cursor string) (ListPage[order.Order], error) {
	q, err := f.query()
	if err != nil {
		return ListPage[order.Order]{}, err
	}
	return list(ctx, l, q, limit, cursor, reader[order.Order]{
		read: l.Lists.GetOrders, id: func(o order.Order) string { return o.ID },
		fits: func(o order.Order) bool { return f.fits(o, l.Now()) },
	})
}

// Subscriptions returns a page of the subscriptions that a filter names: the newest first, or, of those that are due,
// the earliest first.
func (l *Lister) Subscriptions(
	ctx context.Context, f SubscriptionFilter, limit int, cursor string,
) (ListPage[subscription.Subscription], error) {
	q, err := f.query()
	if err != nil {
		return ListPage[subscription.Subscription]{}, err
	}
	return list(ctx, l, q, limit, cursor, reader[subscription.Subscription]{
		read: l.Lists.GetSubscriptions, id: func(s subscription.Subscription) string { return s.ID },
		fits: func(s subscription.Subscription) bool { return f.Status == "" || s.Status == f.Status },
	})
}

func (f OrderFilter) query() (ListQuery, error) {
	given := 0
	for _, g := range []bool{f.Day != "", f.CustomerID != "", f.Attention} {
		if g {
			given++
		}
	}
	if given != 1 {
		return ListQuery{}, &FieldError{"filter", "must be exactly one of day, customerId and attention"}
	}
	if f.Status != "" && !slices.Contains(order.Statuses, f.Status) {
		return ListQuery{}, &FieldError{"status", "must be a status of an order"}
	}
	q := ListQuery{Kind: KindOrder}
	switch {
	case f.Day != "":
		if _, err := time.Parse(time.DateOnly, f.Day); err != nil {
			return ListQuery{}, &FieldError{"day", "must be a day in Korea such as 2026-11-28"}
		}
		q.Index, q.Value = ListDay, f.Day
	case f.CustomerID != "":
		q.Index, q.Value = ListCustomer, f.CustomerID
	default:
		q.Index = ListAttention
	}
	return q, nil
}

// fits: an index may lag, and an order that will be processing for long is listed some minutes before it is.
func (f OrderFilter) fits(o order.Order, now time.Time) bool {
	if f.Status != "" && o.Status != f.Status {
		return false
	}
	return !f.Attention || o.Attention(now) != ""
}

func (f SubscriptionFilter) query() (ListQuery, error) {
	due := !f.DueFrom.IsZero() || !f.DueTill.IsZero()
	given := 0
	for _, g := range []bool{f.CustomerID != "", due, f.Status != "" && f.CustomerID == "" && !due} {
		if g {
			given++
		}
	}
	if given != 1 {
		return ListQuery{}, &FieldError{"filter",
			"must be exactly one of status, customerId, and dueFrom with dueTill; status may narrow the others"}
	}
	if f.Status != "" && !slices.Contains(subscription.Statuses, f.Status) {
		return ListQuery{}, &FieldError{"status", "must be a status of a subscription"}
	}
	switch {
	case f.CustomerID != "":
		return ListQuery{Index: ListCustomer, Kind: KindSubscription, Value: f.CustomerID}, nil
	case !due:
		return ListQuery{Index: ListStatus, Kind: KindSubscription, Value: string(f.Status)}, nil
	case f.DueTill.IsZero() || f.DueTill.Before(f.DueFrom):
		return ListQuery{}, &FieldError{"dueTill", "must be a time, and not before dueFrom"}
	}
	return ListQuery{Index: ListDue, Kind: KindSubscription, From: f.DueFrom, To: f.DueTill, Ascending: true}, nil
}

// reader reads the records behind a list's entries.
type reader[T any] struct {
	read func(context.Context, []string) ([]T, []string, error)
	id   func(T) string
	fits func(T) bool
}

// roundsMax bounds the work for one page. A page may be short, and even empty, without being the last: only its cursor
// says that.
const roundsMax = 5

// list fills a page: entries from every partition of the list, then their records, which decide.
func list[T any](
	ctx context.Context, l *Lister, q ListQuery, limit int, cursor string, r reader[T],
) (page ListPage[T], err error) {
	switch {
	case limit == 0:
		limit = PageDefault
	case limit < 1 || limit > PageMax:
		return page, &FieldError{"limit", fmt.Sprintf("must be 1 to %d", PageMax)}
	}
	at, err := decodePosition(cursor, q)
	if err != nil {
		return page, err
	}
	page.Records = []T{}
	for range roundsMax {
		entries, err := l.merged(ctx, q, at, limit)
		if err != nil {
			return ListPage[T]{}, err
		}
		wanted := entries[:min(len(entries), limit-len(page.Records))]
		found, err := readAll(ctx, q.Kind, wanted, r)
		if err != nil {
			return ListPage[T]{}, err
		}
		page.Records, at = append(page.Records, found...), at.behind(wanted)
		page.Next = at.encode(q)
		if len(entries) < limit && len(wanted) == len(entries) {
			page.Next = ""
			return page, nil
		}
		if len(page.Records) == limit {
			return page, nil
		}
	}
	return page, nil
}

// merged returns the next entries of all partitions of a list, in the order of the list. Those of the other kind are
// among them: a partition that is full of them has more behind.
func (l *Lister) merged(ctx context.Context, q ListQuery, at position, limit int) ([]Listed, error) {
	parts := make([][]Listed, q.Index.Parts())
	errs := make([]error, len(parts))
	if q.To.IsZero() {
		q.To = l.Now().Add(clockSkew)
	}
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() {
			rest := at.rest(q, i, limit)
			if rest.From.After(rest.To) {
				return
			}
			parts[i], errs[i] = l.Lists.List(ctx, rest)
			for j := range parts[i] {
				parts[i][j].part = i
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("payment: list: %w", err)
	}
	entries := slices.DeleteFunc(slices.Concat(parts...), at.seen)
	slices.SortStableFunc(entries, func(a, b Listed) int {
		if q.Ascending {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.part, b.part), cmp.Compare(a.Record.ID, b.Record.ID))
		}
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.part, b.part), cmp.Compare(a.Record.ID, b.Record.ID))
	})
	return entries[:min(len(entries), limit)], nil
}

// readAll reads the records of the entries of a kind and keeps those that fit, in the order of the entries.
func readAll[T any](ctx context.Context, kind string, entries []Listed, r reader[T]) ([]T, error) {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e Listed) bool { return e.Record.Kind != kind })
	var left []string
	for _, e := range entries {
		left = append(left, e.Record.ID)
	}
	records := map[string]T{}
	for len(left) > 0 {
		found, rest, err := r.read(ctx, left)
		if err != nil {
			return nil, fmt.Errorf("payment: list: %w", err)
		}
		if len(rest) >= len(left) {
			return nil, fmt.Errorf("payment: list: the table reads none of %d records", len(left))
		}
		for _, record := range found {
			records[r.id(record)] = record
		}
		left = rest
	}
	var fitting []T
	for _, e := range entries {
		if record, ok := records[e.Record.ID]; ok && r.fits(record) {
			fitting = append(fitting, record)
		}
	}
	return fitting, nil
}

// position is where a page ended: a time, and a part of the list with the entries of that very millisecond that were on
// it. The parts before have no more of that millisecond. So a cursor stays short when thousands are due at the same
// time.
type position struct {
	List string   `json:"l"`
	At   int64    `json:"t"`
	Part int      `json:"p"`
	Seen []string `json:"s"`
}

// rest asks for what one part of a list has behind the position.
func (p position) rest(q ListQuery, part, limit int) ListQuery {
	q.Part, q.Limit = part, limit
	if p.At == 0 {
		return q
	}
	at, step := time.UnixMilli(p.At), time.Duration(0)
	switch {
	case part < p.Part:
		step = time.Millisecond
	case part == p.Part:
		q.Limit += len(p.Seen)
	}
	if q.Ascending {
		q.From = at.Add(step)
	} else {
		q.To = at.Add(-step)
	}
	return q
}

func (p position) seen(e Listed) bool {
	return e.part == p.Part && e.At.UnixMilli() == p.At && slices.Contains(p.Seen, e.name())
}

// name is the id, and the kind's first letter: an order and a subscription may have the same id.
func (e Listed) name() string { return e.Record.Kind[:1] + e.Record.ID }

// behind is the position behind the last of the entries.
func (p position) behind(entries []Listed) position {
	for _, e := range entries {
		if at := e.At.UnixMilli(); at != p.At || e.part != p.Part {
			p.At, p.Part, p.Seen = at, e.part, nil
		}
		p.Seen = append(p.Seen, e.name())
	}
	return p
}

func (q ListQuery) name() string {
	return fmt.Sprintf("%s %s %s %d %d", q.Index, q.Kind, q.Value, q.From.UnixMilli(), q.To.UnixMilli())
}

func (p position) encode(q ListQuery) string {
	p.List = q.name()
	text, err := json.Marshal(p)
	if err != nil {
		panic("payment: a position always has a JSON form: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodePosition(cursor string, q ListQuery) (p position, err error) {
	if cursor == "" {
		return position{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return position{}, ErrCursor
	}
	if p.List != q.name() || p.At <= 0 {
		return position{}, ErrCursor
	}
	return p, nil
}
