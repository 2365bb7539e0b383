package load

import (
	"fmt"
	"math"
	"slices"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// dueList is one shard of the due index: lists of keys by the second they are due in. A key that has moved on stays in its old list until
// that is read; what counts is the record's own entry.
type dueList struct {
	seconds []int32 // sorted
	due     map[int32][]uint64
	passed  map[int32]int // how many at the beginning of a list have moved on
}

// horizon is as far as the model looks: what is due later is due on another day.
const horizon = int32(24 * time.Hour / time.Millisecond)

func (l *dueList) add(millis int32, key uint64) {
	if millis == absent || millis > horizon {
		return
	}
	second := millis / 1000
	if i, found := slices.BinarySearch(l.seconds, second); !found {
		l.seconds = slices.Insert(l.seconds, i, second)
	}
	l.due[second] = append(l.due[second], key)
}

// page returns up to limit keys that are due, beginning behind the cursor, and forgets lists that are all over.
func (l *dueList) page(before int32, limit int, cursor string, entryOf func(uint64) int32) (keys []uint64, next string, err error) {
	from, offset := int32(math.MinInt32), 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "%d %d", &from, &offset); err != nil {
			return nil, "", fmt.Errorf("load: cursor: %w", err)
		}
	}
	for i := 0; i < len(l.seconds) && l.seconds[i] <= before/1000; i++ {
		second := l.seconds[i]
		if second < from {
			continue
		}
		list, begin := l.due[second], l.passed[second]
		if second == from {
			begin = max(begin, offset)
		}
		leading := begin == l.passed[second]
		for j := begin; j < len(list); j++ {
			entry := entryOf(list[j])
			if entry/1000 == second && entry != absent && entry <= before {
				keys, leading = append(keys, list[j]), false
			} else if leading && entry/1000 != second {
				l.pass(second, j+1)
			} else {
				leading = false
			}
			if len(keys) == limit {
				return keys, fmt.Sprint(second, " ", j+1), nil
			}
		}
		if l.passed[second] == len(list) && second < before/1000 {
			delete(l.due, second)
			delete(l.passed, second)
			l.seconds = slices.Delete(l.seconds, i, i+1)
			i--
		}
	}
	return keys, "", nil
}

func (l *dueList) pass(second int32, n int) {
	if l.passed == nil {
		l.passed = map[int32]int{}
	}
	l.passed[second] = n
}

// partitionLimit is the write units a partition takes in a second, of a table and of an index alike.
const partitionLimit = 1000

// meter counts write units by partition and second.
type meter struct {
	tables, indexes []gauge
	writes, units   int64 // of the table
	indexUnits      int64
	reads, queries  int64
	throttles       int64
	busiest         int64 // units of the whole table in its busiest second
	second          int64
	inSecond        int64
}

// gauge is one partition's: the second it counts, its units, and the most there were in a second and in a minute.
type gauge struct {
	second, minute   int32
	units, inMinute  int32
	most, mostMinute int32
}

func newMeter(partitions int) meter {
	return meter{tables: make([]gauge, partitions), indexes: make([]gauge, payment.DueShards)}
}

func (g *gauge) add(units int32, now time.Duration) {
	g.at(now)
	g.units += units
	g.inMinute += units
	g.most = max(g.most, g.units)
	g.mostMinute = max(g.mostMinute, g.inMinute)
}

func (g *gauge) at(now time.Duration) {
	if second := int32(now / time.Second); second != g.second {
		g.second, g.units = second, 0
	}
	if minute := int32(now / time.Minute); minute != g.minute {
		g.minute, g.inMinute = minute, 0
	}
}

func (m *meter) partition(key uint64) *gauge { return &m.tables[mix(key)%uint64(len(m.tables))] }

// throttled says how long a write must wait because its table's or index's partition has done a second's work. The model has no burst
// capacity, which DynamoDB does not promise.
func (m *meter) throttled(key uint64, shard uint8, now time.Duration) time.Duration {
	table, index := m.partition(key), &m.indexes[shard]
	table.at(now)
	index.at(now)
	if table.units < partitionLimit && index.units < partitionLimit {
		return 0
	}
	m.throttles++
	return now.Truncate(time.Second) + time.Second - now + time.Duration(mix(key)%50)*time.Millisecond
}

// table counts one write of the table: a unit for each KiB, conditions that fail included.
func (m *meter) table(key uint64, size int, now time.Duration) {
	units := int32(max(1, (size+1023)/1024))
	m.partition(key).add(units, now)
	m.writes++
	m.units += int64(units)
	if second := int64(now / time.Second); second != m.second {
		m.second, m.inSecond = second, 0
	}
	m.inSecond += int64(units)
	m.busiest = max(m.busiest, m.inSecond)
}

// index counts what a write means to the due index: an entry that moves is one deleted and one put.
func (m *meter) index(shard uint8, from, to int32, now time.Duration) {
	units := int32(2)
	switch {
	case from == to:
		return
	case from == absent || to == absent:
		units = 1
	}
	m.indexes[shard].add(units, now)
	m.indexUnits += int64(units)
}

// The sizes follow DynamoDB's rules (names and values in bytes, 1 for each element and 3 for each list or map) for the stored form of
// shared/store: a fixed part, and what grows. A record with a year of monthly cycles has 1.5 KB, one with a full history 3.1 KB.
const (
	subscriptionBytes = 610
	orderBytes        = 490
	captureBytes      = 230
	stepBytes         = 36
	requestBytes      = 90
)

func subscriptionSize(s subscription.Subscription) int {
	size := subscriptionBytes
	for i := range s.History {
		step := &s.History[i]
		size += stepBytes + len(step.From) + len(step.To) + len(step.Event) + len(step.Note)
	}
	return size
}

func orderSize(o order.Order) int {
	size := orderBytes + requestBytes*len(o.Ledger.Requests)
	for i := range o.History {
		step := &o.History[i]
		size += stepBytes + len(step.From) + len(step.To) + len(step.Event) + len(step.Note)
	}
	if o.Capture.Key != "" {
		size += captureBytes
	}
	return size
}
