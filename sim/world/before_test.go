package world_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// itemBefore is an item of version 1, as the program of that version wrote it of an order like o: with o's own link, keys of payments and times.
func itemBefore(t *testing.T, name string, o order.Order, first, second string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "store", "internal", "item", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	made, err := strconv.ParseInt(all["created_at"].(map[string]any)["N"].(string), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	later := o.CreatedAt.UnixMilli() - made
	keys := map[string]string{}
	at := func(v any, path ...any) string { // of an attribute, or "": it is not there
		for _, p := range path {
			switch p := p.(type) {
			case string:
				m, _ := v.(map[string]any)
				v = m[p]
			case int:
				l, _ := v.([]any)
				if p >= len(l) {
					return ""
				}
				v = l[p]
			}
		}
		s, _ := v.(string)
		return s
	}
	keys[at(all, "reversals", "L", 0, "M", "key", "S")] = second
	for _, path := range [][]any{
		{"attempt", "M", "key", "S"}, {"capture", "M", "key", "S"}, {"hints", "L", 0, "M", "key", "S"}, {"hints", "L", 1, "M", "key", "S"},
	} {
		keys[at(all, path...)] = first
	}
	delete(keys, "")
	var moved func(v any) any
	moved = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			if n, ok := v["N"].(string); ok && len(n) >= 12 {
				ms, err := strconv.ParseInt(n, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return map[string]any{"N": strconv.FormatInt(ms+later, 10)}
			}
			for k := range v {
				v[k] = moved(v[k])
			}
		case []any:
			for i := range v {
				v[i] = moved(v[i])
			}
		case string:
			if key, ok := keys[v]; ok {
				return key
			}
		}
		return v
	}
	moved(all)
	all["link_token"], all["request"] = map[string]any{"S": o.LinkToken}, map[string]any{"S": o.Request}
	text, err = json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// turnBack makes the record of order-1 what a deployment before this one left, and says what it is read as. In the embedded store, which knows the
// present version only, it stands as it is translated.
func turnBack(t *testing.T, w *world.World, name, first, second string) order.Order {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	now, err := w.Store.Get(ctx, "order-1")
	if err != nil {
		t.Fatal(err)
	}
	change, ok, err := store.Change(nil, itemBefore(t, name, now, first, second))
	if err != nil || !ok {
		t.Fatal(err)
	}
	old := change.Order
	old.Revision, old.Ledger.Revision = now.Revision+1, now.Revision+1
	if old, err = w.Store.Save(ctx, old); err != nil {
		t.Fatal(err)
	}
	return old
}

// lostReply is an order of version 1 whose confirm had no answer.
func lostReply(s *stage) (redirect string) {
	redirect = s.approve(s.order("order-1"))
	turnBack(s.T, s.World, "toss-lost-reply", keyOf(redirect), "")
	return redirect
}

// TestBeforeIsSettled: what a deployment of version 1 left is brought to its end by this one.
func TestBeforeIsSettled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		run      func(s *stage)
		status   order.Status
		attempt  int
		captures int
		cancels  int // movements of money
		asked    int // cancels that were asked for
		confirms int
	}{
		"the money is taken, and nobody heard of it": {func(s *stage) {
			s.mustCapture(lostReply(s))
		}, order.Paid, 1, 1, 0, 0, 1},
		"the confirm never arrived": {func(s *stage) { lostReply(s) }, order.Paid, 1, 1, 0, 0, 1},
		"the confirm never arrived, and its time is over": {func(s *stage) {
			lostReply(s)
			time.Sleep(20 * time.Minute)
		}, order.Open, 2, 0, 0, 0, 0},
		"a server in front said 500, and the money is taken": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-http-500", keyOf(redirect), "")
			s.mustCapture(redirect)
		}, order.Paid, 1, 1, 0, 0, 1},
		"a refusal was not looked up": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-refused-unconfirmed", keyOf(redirect), "")
		}, order.Open, 2, 0, 0, 0, 0},
		"a refusal was said, and the money is taken": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-refused-unconfirmed", keyOf(redirect), "")
			s.mustCapture(redirect)
		}, order.Paid, 1, 1, 0, 0, 1},
		"refused after a 500, and the first confirm is still at work": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-refused-after-500", keyOf(redirect), "")
			for range 3 {
				s.Settle("order-1")
				time.Sleep(time.Minute)
			}
			s.mustCapture(redirect)
		}, order.Paid, 1, 1, 0, 0, 1},
		"the buyer is in the window": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-open", "", "")
			s.WantTitle("the return", s.Get(redirect), paidPage)
		}, order.Paid, 1, 1, 0, 0, 1},
		"the buyer was refused once": {func(s *stage) {
			m := s.order("order-1")
			turnBack(s.T, s.World, "toss-second-number", "", "")
			s.WantTitle("the return", s.Get(s.approve(s.Reopened(m))), paidPage)
		}, order.Paid, 2, 1, 0, 0, 1},
		"a webhook could not be asked about": {func(s *stage) {
			redirect := s.approve(s.order("order-1"))
			turnBack(s.T, s.World, "toss-hinted", keyOf(redirect), "")
			s.mustCapture(redirect)
			time.Sleep(time.Minute)
			s.Settle("order-1")
		}, order.Paid, 1, 1, 0, 0, 1},
		"a second payment was never asked back": {func(s *stage) { secondPayment(s, "toss-surplus") }, order.Paid, 1, 2, 1, 1, 2},
		"a second payment is back, and the reply was lost": {func(s *stage) {
			second := secondPayment(s, "toss-surplus-lost-reply")
			if err := s.Toss.ConsoleCancel(second, 0); err != nil {
				s.T.Fatal(err)
			}
		}, order.Paid, 1, 2, 1, 0, 2},
		"a second payment's cancel was lost on the way": {func(s *stage) {
			secondPayment(s, "toss-surplus-lost-reply")
			s.Fault(fault.Fault{Operation: tosssim.OpCancel, Kind: fault.LoseReply, Times: 1})
		}, order.Paid, 1, 2, 1, 1, 2},
		"money of another amount goes back": {func(s *stage) {
			m := s.order("order-1")
			m.Window = m.Window.Dearer(1)
			wrong := s.approve(m)
			turnBack(s.T, s.World, "toss-mismatch-owed", "", keyOf(wrong))
			s.mustCapture(wrong)
		}, order.Open, 2, 1, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				s := newStage(t)
				test.run(s)
				s.settled("order-1")
				s.WantOrder("in the end", "order-1", test.status, test.attempt)
				if taken, back := s.captures("order-1"), s.cancels("order-1"); len(taken) != test.captures || len(back) != test.cancels {
					t.Errorf("taken %+v, given back %+v", taken, back)
				}
				if calls := s.Toss.Calls(); calls[tosssim.OpCancel] != test.asked || calls[tosssim.OpConfirm] != test.confirms {
					t.Errorf("the provider was asked %v, want %d confirms and %d cancels", calls, test.confirms, test.asked)
				}
				s.wantAudit("order-1")
			})
		})
	}
}

// secondPayment is an order of version 1 that is paid, and owes the money of a second payment, whose key it returns.
func secondPayment(s *stage, name string) string {
	m := s.order("order-1")
	first, second := s.approve(m), s.approve(m)
	s.mustCapture(first)
	s.mustCapture(second)
	turnBack(s.T, s.World, name, keyOf(first), keyOf(second))
	return keyOf(second)
}

// TestPortOneBeforeIsSettled: the same of a window that captures by itself.
func TestPortOneBeforeIsSettled(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		item     string
		outcome  string // of the window; empty: nobody has opened it
		back     bool   // the buyer comes back
		status   order.Status
		attempt  int
		captures int
		cancels  int
	}{
		"returned, and the money is taken":           {"portone-returned", "approve", false, order.Paid, 1, 1, 0},
		"returned, and the window was refused":       {"portone-returned", "fail", false, order.Open, 2, 0, 0},
		"in the window":                              {"portone-open", "approve", true, order.Paid, 1, 1, 0},
		"a webhook could not be asked about":         {"portone-hinted", "approve", false, order.Paid, 1, 1, 0},
		"paid, and the last look is still to be had": {"portone-paid-last-look", "approve", false, order.Paid, 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				c.silence(20)
				s := c.Order("portone", "order-1", 24*time.Hour)
				back := c.TossPay(s, test.outcome)
				turnBack(t, c.World, test.item, testbed.Parameter(back, "imp_uid"), "")
				if test.back {
					c.Get(back)
				}
				for range 5 {
					if s := c.ReadOrder("order-1"); !s.DueAt.IsZero() && time.Until(s.DueAt) < 2*time.Hour {
						time.Sleep(time.Until(s.DueAt))
						c.Settle("order-1")
					}
				}
				c.WantOrder(name, "order-1", test.status, test.attempt)
				c.wantMoved(name, "order-1", test.captures, test.cancels)
				if s := c.ReadOrder("order-1"); s.Status == order.Paid && !s.DueAt.IsZero() {
					t.Errorf("it is due for ever: %v", s.DueAt)
				}
				c.wantLawful()
			})
		})
	}
}

// TestLastLookOfBefore: a second window's capture whose only notice was lost is found after an upgrade, too.
func TestLastLookOfBefore(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		c.silence(20)
		s := c.Order("portone", "order-1", 24*time.Hour)
		c.Get(c.TossPay(s, "fail"))
		back := c.TossPay(c.Reopened(s), "approve")
		turnBack(t, c.World, "portone-paid-second-number", testbed.Parameter(back, "imp_uid"), "")
		c.TossPay(s, "approve") // the first window was still open
		c.end("order-1")
		c.WantOrder("in the end", "order-1", order.Paid, 2)
		c.wantMoved("in the end", "order-1", 2, 1)
		if calls := c.PortOne.Calls()[portonesim.OpCancel]; calls != 1 {
			t.Errorf("%d cancels", calls)
		}
	})
}

// TestRefundOfBefore: the merchant refunds an order that a deployment of version 1 was paid for, in two parts and while a reply is lost.
func TestRefundOfBefore(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t, func(o *world.Options) { o.Toss.PartialCancelable = true })
		redirect := s.approve(s.order("order-1"))
		s.mustCapture(redirect)
		turnBack(t, s.World, "toss-paid", keyOf(redirect), "")
		s.Fault(fault.Fault{Operation: tosssim.OpCancel, Kind: fault.LoseReply, Times: 1})
		for _, body := range []string{`{"refundId":"first","amount":5000,"reason":"too small"}`, `{"refundId":"rest","amount":10000,"reason":"too late"}`} {
			for range 3 { // the same request again is the same refund
				if p := s.Post("/orders/order-1/refunds", body); p.Status >= 400 {
					t.Errorf("%d %s", p.Status, p.Body)
				}
				time.Sleep(time.Minute)
				s.Settle("order-1")
			}
		}
		s.WantOrder("in the end", "order-1", order.Refunded, 1)
		if back := s.cancels("order-1"); len(back) != 2 || sum(back) != price {
			t.Errorf("given back %+v", back)
		}
	})
}

// TestTableOfBefore: the same in the table itself, where the item is what it was until the first write.
func TestTableOfBefore(t *testing.T) {
	t.Parallel()
	for _, engine := range enginetest.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			client := enginetest.Client(engine.Endpoint)
			for _, test := range []struct {
				item     string
				captured int // payments whose money is taken already
				back     bool
				captures int
				cancels  int
			}{
				{"toss-open", 0, true, 1, 0},
				{"toss-lost-reply", 1, false, 1, 0},
				{"toss-lost-reply", 0, false, 1, 0},
				{"toss-surplus", 2, false, 2, 1},
			} {
				table := enginetest.Table(t, client)
				s := newStage(t, func(o *world.Options) { o.Store = store.New(client, table, rand.Text) })
				m := s.order("order-1")
				redirects := []string{s.approve(m), s.approve(m)}
				for _, r := range redirects[:test.captured] {
					s.mustCapture(r)
				}
				item, err := attributevalue.UnmarshalMapJSON(itemBefore(t, test.item, s.Stored("order-1"), keyOf(redirects[0]), keyOf(redirects[1])))
				if err == nil {
					_, err = client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: item})
				}
				if err != nil {
					t.Fatal(err)
				}
				if test.back {
					s.WantTitle(test.item, s.Get(redirects[0]), paidPage)
				}
				if _, err := s.Advance(t.Context(), 10*time.Minute); err != nil {
					t.Fatal(err)
				}
				s.WantOrder("in the end", "order-1", order.Paid, 1)
				if taken, back := s.captures("order-1"), s.cancels("order-1"); len(taken) != test.captures || len(back) != test.cancels {
					t.Errorf("%s: taken %+v, given back %+v", test.item, taken, back)
				}
				s.wantAudit("order-1")
			}
		})
	}
}
