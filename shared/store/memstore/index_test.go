package memstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// TestIndex changes an index at random, beside a sorted slice that knows what must be in it.
func TestIndex(t *testing.T) {
	t.Parallel()
	const seed, count = 4, 6 * blockMax
	random := rand.New(rand.NewPCG(seed, seed))
	var x index
	var want []position
	change := func(grow int) {
		if at := random.IntN(len(want) + 1); random.IntN(10) < grow || len(want) == 0 {
			p := position{random.Int64N(count), payment.DueRecord{Kind: payment.KindOrder, ID: fmt.Sprint(random.Int64())}}
			x.insert(p)
			at, _ = slices.BinarySearchFunc(want, p, position.compare)
			want = slices.Insert(want, at, p)
		} else {
			at = min(at, len(want)-1)
			x.remove(want[at])
			want = slices.Delete(want, at, at+1)
		}
	}
	check := func() {
		t.Helper()
		for range 10 {
			from := position{at: random.Int64N(count)}
			if n := len(want); n > 0 && random.IntN(2) == 0 {
				from = want[random.IntN(n)]
			}
			at, found := slices.BinarySearchFunc(want, from, position.compare)
			if found {
				at++
			}
			if got := slices.Collect(x.after(from)); !slices.Equal(got, want[at:]) {
				t.Fatalf("seed %d: after %v are %d positions, want %d", seed, from, len(got), len(want)-at)
			}
		}
		for _, b := range x.blocks {
			if len(b) == 0 || len(b) > blockMax {
				t.Fatalf("seed %d: a block of %d", seed, len(b))
			}
		}
	}
	for range 2 {
		for len(want) < count {
			change(8)
		}
		check()
		if len(x.blocks) < 6 {
			t.Errorf("%d positions are in %d blocks: nothing was split", count, len(x.blocks))
		}
		for len(want) > 0 {
			change(2)
			if len(want)%blockMax == 0 {
				check()
			}
		}
	}
	if len(x.blocks) != 0 {
		t.Errorf("an empty index has %d blocks", len(x.blocks))
	}
}

func TestNextDue(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := New()
	at := time.UnixMilli(1_793_588_645_678).UTC()
	want := func(what string, want time.Time, wantOK bool) {
		t.Helper()
		if got, ok := s.NextDue(); !got.Equal(want) || ok != wantOK {
			t.Errorf("%s: got %v, %t, want %v, %t", what, got, ok, want, wantOK)
		}
	}
	want("empty", time.Time{}, false)
	for i := range 100 { // in many shards
		if _, err := s.Create(ctx, order.Order{ID: fmt.Sprint("order-", i), DueAt: at.Add(time.Duration(1+(i*7)%100) * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	want("orders", at.Add(time.Hour), true)
	sub := subscription.Subscription{ID: "subscription-1", DueAt: at}
	if _, err := s.CreateSubscription(ctx, sub); err != nil {
		t.Fatal(err)
	}
	want("a subscription before them", at, true)
	if _, err := s.LeaseDue(ctx, payment.DueRecord{Kind: payment.KindSubscription, ID: sub.ID}, at, at.Add(30*time.Minute)); err != nil {
		t.Fatal(err)
	}
	want("leased", at.Add(30*time.Minute), true)
	sub.Revision, sub.DueAt = 1, time.Time{}
	if _, err := s.SaveSubscription(ctx, sub); err != nil {
		t.Fatal(err)
	}
	want("saved as final", at.Add(time.Hour), true)
}

// BenchmarkTick is one record's way through a tick, in a store of 200,000.
func BenchmarkTick(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	const count = 200_000
	s := New()
	at := time.UnixMilli(1_793_588_645_678).UTC()
	for i := range count {
		if _, err := s.Create(ctx, order.Order{ID: fmt.Sprint("order-", i), DueAt: at.Add(time.Duration(i) * time.Second)}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		now, _ := s.NextDue()
		for shard := range payment.DueShards {
			due, _, err := s.Due(ctx, shard, now, 100, "")
			if err != nil {
				b.Fatal(err)
			}
			for _, r := range due {
				if _, err := s.LeaseDue(ctx, r, now, now.Add(count*time.Second)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
