package item

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

func TestShardsAreEven(t *testing.T) {
	t.Parallel()
	const each = 1000
	for _, form := range []string{"order-%06d", "%06d", "2026-11-%07d", "shop_%d_a", "shop-%d--c1"} {
		count := map[string]int{}
		for i := range each * payment.DueShards {
			count[Shard(fmt.Sprintf(form, i))]++
		}
		for shard := range payment.DueShards {
			name := fmt.Sprintf("%02d", shard)
			if n := count[name]; n < each*3/4 || n > each*5/4 {
				t.Errorf("ids like %q: shard %s has %d of %d", form, name, n, each)
			}
			delete(count, name)
		}
		if len(count) != 0 {
			t.Errorf("ids like %q: shards that no sweep looks at: %v", form, count)
		}
	}
}

func TestAnotherFormatIsRefused(t *testing.T) {
	t.Parallel()
	for _, version := range []int{0, 1, OrderVersion + 1} {
		it := FromOrder(order.Order{ID: "order-1"})
		it.V = version
		if o, err := it.Order(); err == nil || o.ID != "" {
			t.Errorf("version %d: got %v, %v, want only an error", version, o.ID, err)
		}
	}
	for _, version := range []int{0, SubscriptionVersion + 1} {
		sub := FromSubscription(subscription.Subscription{ID: "subscription-1"})
		sub.V = version
		if s, err := sub.Subscription(); err == nil || s.ID != "" {
			t.Errorf("version %d: got %v, %v, want only an error", version, s.ID, err)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	seoul := time.FixedZone("KST", 9*60*60)
	for _, test := range []struct {
		name     string
		in, want time.Time
	}{
		{"none", time.Time{}, time.Time{}},
		{"UTC", time.UnixMilli(1_793_588_645_678).UTC(), time.UnixMilli(1_793_588_645_678).UTC()},
		{"cut to the millisecond", time.Unix(1_793_588_645, 678_999_999), time.UnixMilli(1_793_588_645_678).UTC()},
		{"another zone", time.UnixMilli(1_793_588_645_678).In(seoul), time.UnixMilli(1_793_588_645_678).UTC()},
	} {
		if got := Time(Millis(test.in)); got != test.want {
			t.Errorf("%s: %v becomes %v, want %v", test.name, test.in, got, test.want)
		}
	}
}

// TestDueTime: an index entry that a dispatch moved is not the record's own due time, and an item without one of its own is from the time
// when the two were the same.
func TestDueTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ due, indexed, want int64 }{{0, 0, 0}, {5, 5, 5}, {5, 9, 5}, {0, 5, 5}} {
		o, err := Order{V: OrderVersion, Due: test.due, DueAt: test.indexed}.Order()
		if err != nil || Millis(o.DueAt) != test.want {
			t.Errorf("order %+v is due at %v, %v", test, o.DueAt, err)
		}
		s, err := Subscription{V: SubscriptionVersion, Due: test.due, DueAt: test.indexed}.Subscription()
		if err != nil || Millis(s.DueAt) != test.want {
			t.Errorf("subscription %+v is due at %v, %v", test, s.DueAt, err)
		}
	}
}
