package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/subscription"
)

// wire is the network under the real SDK. It counts requests and loses replies.
type wire struct {
	mu       sync.Mutex
	requests map[string]int // by the operation's name in DynamoDB's API
	lose     int            // how many replies from now on
	lost     func()         // what happens between a lost reply and the next try, if anything
	next     func()         // what happens, once, between the next reply and its reader, if anything
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := http.DefaultTransport.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.requests[operation]++
	if meets := w.next; meets != nil {
		w.next = nil
		meets()
	}
	if err != nil || w.lose == 0 {
		return reply, err
	}
	w.lose--
	_, _ = io.Copy(io.Discard, reply.Body)
	reply.Body.Close()
	if w.lost != nil {
		w.lost()
	}
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// take returns the requests since it was last called.
func (w *wire) take() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.requests
	w.requests = map[string]int{}
	return taken
}

// wired returns a client of the real SDK, with its own retries but without their pauses, on a wire.
func wired(e enginetest.Engine) (*dynamodb.Client, *wire) {
	w := &wire{requests: map[string]int{}}
	return enginetest.Client(e.Endpoint, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: w}
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}), w
}

// TestOneRequest counts what each method sends, when it succeeds and when it is refused.
func TestOneRequest(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client, w := wired(e)
		s := store.New(client, enginetest.Table(t, client), rand.Text)
		w.take()
		o := newOrder("order-1")
		stale := order.Lease{OrderID: o.ID, At: created, Until: created.Add(time.Hour)}
		lease := order.Lease{OrderID: o.ID, At: created.Add(time.Hour), Until: created.Add(2 * time.Hour)}
		paid := newOrder("order-2")
		paid.Status, paid.DueAt = order.Paid, time.Time{}
		final := order.Lease{OrderID: paid.ID, At: created.Add(time.Hour), Until: created.Add(2 * time.Hour), Final: true}
		sub := newSubscription("subscription-1")
		saveSub := func() error { sub.Revision = 2; _, err := s.SaveSubscription(timed(t), sub); return err }
		save := func() error { o.Revision = 3; _, err := s.Save(timed(t), o); return err }
		charged, none := charging("subscription-2"), charging("subscription-none")
		leaseDue := func(id string) error {
			at := created.Add(time.Hour)
			_, err := s.LeaseDue(timed(t), subscriptionRecord(id), at, at.Add(time.Hour))
			return err
		}
		due := func(limit int) error {
			_, _, err := s.Due(timed(t), 11, created.AddDate(1, 0, 0), limit, "")
			return err
		}
		for _, test := range []struct {
			name, operation string
			call            func() error
			refused         bool
		}{
			{"create", "PutItem", func() error { _, err := s.Create(timed(t), o); return err }, false},
			{"create again", "PutItem", func() error { _, err := s.Create(timed(t), o); return err }, true},
			{"get", "GetItem", func() error { _, err := s.Get(timed(t), o.ID); return err }, false},
			{"get a missing one", "GetItem", func() error { _, err := s.Get(timed(t), "order-none"); return err }, true},
			{"claim", "UpdateItem", func() error { _, err := s.Claim(timed(t), claimOf(o)); return err }, false},
			{"claim again", "UpdateItem", func() error { _, err := s.Claim(timed(t), claimOf(o)); return err }, true},
			{"lease", "UpdateItem", func() error { _, err := s.Lease(timed(t), lease); return err }, false},
			{"lease while leased", "UpdateItem", func() error { _, err := s.Lease(timed(t), stale); return err }, true},
			{"save", "PutItem", save, false},
			{"save again", "PutItem", save, true},
			{"create a final one", "PutItem", func() error {
				o := newOrder("order-2")
				o.DueAt = time.Time{}
				_, err := s.Create(timed(t), o)
				return err
			}, false},
			{"lease a final one", "UpdateItem", func() error { _, err := s.Lease(timed(t), final); return err }, false},
			{"and again", "UpdateItem", func() error { _, err := s.Lease(timed(t), final); return err }, true},
			{"create subscription", "PutItem", func() error { _, err := s.CreateSubscription(timed(t), sub); return err }, false},
			{"and again", "PutItem", func() error { _, err := s.CreateSubscription(timed(t), sub); return err }, true},
			{"get subscription", "GetItem", func() error { _, err := s.GetSubscription(timed(t), sub.ID); return err }, false},
			{"get a missing one", "GetItem", func() error { _, err := s.GetSubscription(timed(t), "none"); return err }, true},
			{"save subscription", "PutItem", saveSub, false},
			{"and again", "PutItem", saveSub, true},
			{"create a charging one", "PutItem", func() error { _, err := s.CreateSubscription(timed(t), charged); return err }, false},
			{"claim cycle", "UpdateItem", func() error { _, err := s.ClaimCycle(timed(t), cycleClaimOf(charged)); return err }, false},
			{"claim cycle again", "UpdateItem", func() error { _, err := s.ClaimCycle(timed(t), cycleClaimOf(charged)); return err }, true},
			{"claim cycle of none", "UpdateItem", func() error { _, err := s.ClaimCycle(timed(t), cycleClaimOf(none)); return err }, true},
			{"lease due", "UpdateItem", func() error { return leaseDue(charged.ID) }, false},
			{"lease due again", "UpdateItem", func() error { return leaseDue(charged.ID) }, true},
			{"lease due of none", "UpdateItem", func() error { return leaseDue(none.ID) }, true},
			{"due", "Query", func() error { return due(10) }, false},
			{"due, a page", "Query", func() error { return due(1) }, false},
		} {
			err := test.call()
			if (err != nil) != test.refused {
				t.Errorf("%s: got %v, want refused: %v", test.name, err, test.refused)
			}
			got, want := w.take(), map[string]int{test.operation: 1}
			if !maps.Equal(got, want) {
				t.Errorf("%s: sent %v, want %v", test.name, got, want)
			}
			t.Logf("%-20s %v", test.name, got)
		}
	})
}

// lostReplies makes every kind of write with its first reply lost and returns what each said. The SDK sends it again by itself.
func lostReplies(t *testing.T, s *store.DynamoDB, w *wire) map[string]error {
	t.Helper()
	said := map[string]error{}
	o := newOrder("order-1")
	try := func(name string, want order.Order, write func() (order.Order, error)) {
		t.Helper()
		said[name] = loseReply(t, w, name, want, write, func() (order.Order, error) { return s.Get(timed(t), o.ID) })
	}
	try("create", o, func() (order.Order, error) { return s.Create(timed(t), o) })

	claimed, err := o.Claim(claimOf(o))
	if err != nil {
		t.Fatal(err)
	}
	try("claim", claimed, func() (order.Order, error) { return s.Claim(timed(t), claimOf(o)) })

	lease := order.Lease{OrderID: o.ID, At: created.Add(time.Hour), Until: created.Add(2 * time.Hour)}
	leased, err := claimed.Lease(lease)
	if err != nil {
		t.Fatal(err)
	}
	try("lease", leased, func() (order.Order, error) { return s.Lease(timed(t), lease) })

	saved := leased
	saved.Status, saved.DueAt = order.Paid, time.Time{}
	saved.Revision++
	saved.Ledger.Revision++
	try("save", saved, func() (order.Order, error) { return s.Save(timed(t), saved) })

	lease = order.Lease{OrderID: o.ID, At: lease.Until, Until: created.Add(3 * time.Hour), Final: true}
	leased, err = saved.Lease(lease)
	if err != nil {
		t.Fatal(err)
	}
	try("lease of a final one", leased, func() (order.Order, error) { return s.Lease(timed(t), lease) })

	sub := newSubscription("subscription-1")
	get := func() (subscription.Subscription, error) { return s.GetSubscription(timed(t), sub.ID) }
	said["create subscription"] = loseReply(t, w, "create subscription", sub,
		func() (subscription.Subscription, error) { return s.CreateSubscription(timed(t), sub) }, get)
	next := sub.Lease(created.Add(time.Hour))
	said["save subscription"] = loseReply(t, w, "save subscription", next,
		func() (subscription.Subscription, error) { return s.SaveSubscription(timed(t), next) }, get)

	sub = charging("subscription-2")
	if _, err := s.CreateSubscription(timed(t), sub); err != nil {
		t.Fatal(err)
	}
	said["lease due"] = loseReply(t, w, "lease due", sub, func() (subscription.Subscription, error) {
		cycle, err := s.LeaseDue(timed(t), subscriptionRecord(sub.ID), created, created.Add(time.Hour))
		if err == nil && cycle != sub.Cycle {
			t.Errorf("lease due: cycle %d, want %d", cycle, sub.Cycle)
		}
		return sub, err
	}, get)
	cycle, err := sub.Claim(cycleClaimOf(sub))
	if err != nil {
		t.Fatal(err)
	}
	said["claim cycle"] = loseReply(t, w, "claim cycle", cycle,
		func() (subscription.Subscription, error) { return s.ClaimCycle(timed(t), cycleClaimOf(sub)) }, get)
	return said
}

// loseReply makes a write whose first reply is lost, checks what it returned and what get then reads, and returns the write's error.
func loseReply[T any](t *testing.T, w *wire, name string, want T, write, get func() (T, error)) error {
	t.Helper()
	w.take()
	w.lose = 1
	got, said := write()
	if sent := w.take(); sent["PutItem"]+sent["UpdateItem"] != 2 {
		t.Errorf("%s: sent %v, want the write twice", name, sent)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: returned\n%+v\nwant\n%+v", name, got, want)
	}
	if stored, err := get(); err != nil || !reflect.DeepEqual(stored, want) {
		t.Errorf("%s: stored %v\n%+v\nwant\n%+v", name, err, stored, want)
	}
	return said
}

// TestLostReply: a write whose reply was lost is sent again by the SDK, meets its own first try, and is a success.
func TestLostReply(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client, w := wired(e)
		s := store.New(client, enginetest.Table(t, client), rand.Text)
		for name, err := range lostReplies(t, s, w) {
			if err != nil {
				t.Errorf("%s: its own first try was taken for somebody else's: %v", name, err)
			}
		}
	})
}

// forgetful is a client that hides who wrote the record that a write met: a store without the rule of the write and lease tokens.
type forgetful struct{ store.API }

func (f forgetful) PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	out, err := f.API.PutItem(ctx, in, options...)
	return out, anonymous(err)
}

func (f forgetful) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	out, err := f.API.UpdateItem(ctx, in, options...)
	return out, anonymous(err)
}

func anonymous(err error) error {
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		delete(failed.Item, "write_token")
		delete(failed.Item, "lease_token")
	}
	return err
}

// TestMutantWithoutWriteToken: without the rule every one of these writes reports somebody else's success, or TestLostReply proves nothing.
func TestMutantWithoutWriteToken(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client, w := wired(e)
		s := store.New(forgetful{client}, enginetest.Table(t, client), rand.Text)
		for name, err := range lostReplies(t, s, w) {
			if err == nil {
				t.Errorf("%s: succeeds without the write token, TestLostReply would not notice its loss", name)
			}
		}
	})
}

// keyOf is the payment that the order's confirm asks for.
func keyOf(o order.Order) string {
	if len(o.Ledger.Requests) != 1 {
		return ""
	}
	return o.Ledger.Requests[0].Key
}

// TestLostReplyIsNobodyElses: a lost reply of the first claim gives the order to that claim and to no other, and a write that came in
// between takes it away from a first try: the loser is shown the order as it is.
func TestLostReplyIsNobodyElses(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client, w := wired(e)
		table := enginetest.Table(t, client)
		first, second := store.New(client, table, rand.Text), store.New(enginetest.Client(e.Endpoint), table, rand.Text)

		o, err := first.Create(timed(t), newOrder("order-1"))
		if err != nil {
			t.Fatal(err)
		}
		other := claimOf(o)
		other.Key = "key-2"
		w.lose, w.lost = 1, func() { // the second claim comes between the two tries of the first
			shown, err := second.Claim(timed(t), other)
			if refusal, ok := errors.AsType[*order.Refusal](err); !ok || refusal.Reason != order.NotOpen || keyOf(shown) != "key-1" {
				t.Errorf("the second claim got key %q, %v, want key-1 and the refusal %q", keyOf(shown), err, order.NotOpen)
			}
		}
		claimed, err := first.Claim(timed(t), claimOf(o))
		if err != nil || keyOf(claimed) != "key-1" || claimed.Revision != 2 || len(claimed.History) != 2 {
			t.Errorf("the first claim got %+v, %v", claimed, err)
		}

		paid := claimed
		paid.Status, paid.DueAt = order.Paid, time.Time{}
		paid.Revision++
		w.lose, w.lost = 1, func() { // somebody saves upon the save whose reply was lost
			later := paid
			later.Status = order.Refunded
			later.Revision++
			if _, err := second.Save(timed(t), later); err != nil {
				t.Errorf("the save in between: %v", err)
			}
		}
		shown, err := first.Save(timed(t), paid)
		if !errors.Is(err, payment.ErrConflict) || shown.Status != order.Refunded {
			t.Errorf("the overtaken save got %s, %v, want %s and %v", shown.Status, err, order.Refunded, payment.ErrConflict)
		}
	})
}

// TestLostReplyOfDispatch: of two ticks of the same moment one has the record, also when it is the second one that meets the record first
// after a lost reply, and a write whose reply was lost still recognises itself after a dispatch has come between.
func TestLostReplyOfDispatch(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client, w := wired(e)
		table := enginetest.Table(t, client)
		first, second := store.New(client, table, rand.Text), store.New(enginetest.Client(e.Endpoint), table, rand.Text)
		sub, err := first.CreateSubscription(timed(t), charging("subscription-1"))
		if err != nil {
			t.Fatal(err)
		}
		r, until := subscriptionRecord(sub.ID), created.Add(time.Hour)

		w.lose, w.lost = 1, func() {
			if cycle, err := second.LeaseDue(timed(t), r, created, until); !errors.Is(err, payment.ErrNotDue) || cycle != 0 {
				t.Errorf("the second tick got cycle %d, %v, want %v", cycle, err, payment.ErrNotDue)
			}
		}
		if cycle, err := first.LeaseDue(timed(t), r, created, until); err != nil || cycle != sub.Cycle {
			t.Errorf("the first tick got cycle %d, %v, want cycle %d", cycle, err, sub.Cycle)
		}

		next := sub.Lease(created)
		w.lose, w.lost = 1, func() {
			if _, err := second.LeaseDue(timed(t), r, created, until); err != nil {
				t.Errorf("the dispatch in between: %v", err)
			}
		}
		if saved, err := first.SaveSubscription(timed(t), next); err != nil || saved.Revision != next.Revision {
			t.Errorf("the save got revision %d, %v, want its own, %d", saved.Revision, err, next.Revision)
		}
	})
}
