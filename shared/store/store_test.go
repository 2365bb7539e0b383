package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/store/storetest"
)

// onEngines runs the test on every engine.
func onEngines(t *testing.T, run func(t *testing.T, e enginetest.Engine)) {
	t.Parallel()
	for _, e := range enginetest.Engines(t) {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			run(t, e)
		})
	}
}

func open(t *testing.T, e enginetest.Engine) *store.DynamoDB {
	client := enginetest.Client(e.Endpoint)
	return store.New(client, enginetest.Table(t, client), rand.Text)
}

// timed returns a context with a deadline that no test reaches.
func timed(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

var created = time.UnixMilli(1_793_588_645_678).UTC()

func newOrder(id string) order.Order {
	return order.New(order.Order{
		ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 1000, Currency: money.KRW}, Name: "a thing",
		LinkToken: "link", CreatedAt: created, ExpiresAt: created.Add(30 * time.Minute),
	})
}

func claimOf(o order.Order) order.Claim {
	at := created.Add(time.Minute)
	return order.Claim{
		OrderID: o.ID, LinkToken: o.LinkToken, Attempt: 1, Amount: o.Amount, Key: "key-1", At: at, AskAfter: at.Add(15 * time.Second),
	}
}

func TestConformance(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		storetest.Run(t, func(t *testing.T) payment.Store { return open(t, e) })
	})
}

// altered is a client that changes claims on their way to the table: a store with a defect.
type altered struct {
	store.API
	claim func(*dynamodb.UpdateItemInput)
}

func (a altered) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	a.claim(in)
	return a.API.UpdateItem(ctx, in, options...)
}

// always makes a part of a condition true of every order. It keeps its words, because DynamoDB refuses values that no expression uses.
func always(t *testing.T, in *dynamodb.UpdateItemInput, part string) {
	t.Helper()
	condition := aws.ToString(in.ConditionExpression)
	if !strings.Contains(condition, part) {
		t.Errorf("the condition %q has no part %q to remove", condition, part)
	}
	in.ConditionExpression = aws.String(strings.Replace(condition, part, "(("+part+") OR attribute_exists(PK))", 1))
}

// TestMutantClaimWithoutCondition: the race of claims is what stands between a buyer and two captures, so it must notice when nothing
// is raced for any more.
func TestMutantClaimWithoutCondition(t *testing.T) {
	const racers = 20 // enough to see, and every winner makes the history longer
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		mutant := store.New(altered{client, func(in *dynamodb.UpdateItemInput) {
			always(t, in, aws.ToString(in.ConditionExpression))
		}}, enginetest.Table(t, client), rand.Text)
		winners := storetest.RaceClaims(t, mutant, racers)
		if winners < 2 {
			t.Errorf("without the claim's condition %d of %d claims succeed: the race would not notice", winners, racers)
		}
		t.Logf("without the claim's condition %d of %d claims succeed, with it 1", winners, racers)
	})
}

// TestMutantClaimConditions removes each part of the claim's condition: the claim that only this part refuses must then succeed, or the
// refusals of the conformance suite come from somewhere else.
func TestMutantClaimConditions(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		for _, test := range []struct {
			part   string
			order  func(*order.Order)
			claim  func(*order.Claim)
			reason order.Reason
		}{
			{"#status = :open", func(o *order.Order) { o.Status = order.Settling }, func(*order.Claim) {}, order.NotOpen},
			{"link_token = :link", func(*order.Order) {}, func(c *order.Claim) { c.LinkToken = "other" }, order.WrongLink},
			{"attempt.n = :n", func(o *order.Order) { o.Attempt.N = 2 }, func(*order.Claim) {}, order.StaleAttempt},
			{"amount = :amount", func(*order.Order) {}, func(c *order.Claim) { c.Amount.Value = 1 }, order.WrongAmount},
			{"currency = :currency", func(*order.Order) {}, func(c *order.Claim) { c.Amount.Currency = "USD" }, order.WrongAmount},
		} {
			o := newOrder("order-" + rand.Text())
			test.order(&o)
			s := store.New(client, table, rand.Text)
			if _, err := s.Create(timed(t), o); err != nil {
				t.Fatal(err)
			}
			c := claimOf(o)
			test.claim(&c)
			_, err := s.Claim(timed(t), c)
			if refusal, ok := errors.AsType[*order.Refusal](err); !ok || refusal.Reason != test.reason {
				t.Errorf("%s: got %v, want the refusal %q", test.part, err, test.reason)
			}
			mutant := store.New(altered{client, func(in *dynamodb.UpdateItemInput) { always(t, in, test.part) }}, table, rand.Text)
			if _, err := mutant.Claim(timed(t), c); err != nil {
				t.Errorf("without %q the claim is still refused: %v", test.part, err)
			}
		}
	})
}

// TestRefusedWithoutReason: when the table refuses what the pure rule allows, the two have drifted apart. That is no success and no
// refusal that a door could explain to a buyer.
func TestRefusedWithoutReason(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		s := store.New(altered{client, func(in *dynamodb.UpdateItemInput) {
			in.ConditionExpression = aws.String("(" + aws.ToString(in.ConditionExpression) + ") AND attribute_not_exists(PK)")
		}}, enginetest.Table(t, client), rand.Text)
		o, err := s.Create(timed(t), newOrder("order-1"))
		if err != nil {
			t.Fatal(err)
		}
		_, claimErr := s.Claim(timed(t), claimOf(o))
		_, leaseErr := s.Lease(timed(t), order.Lease{OrderID: o.ID, At: created, Until: created.Add(time.Second)})
		for call, err := range map[string]error{"claim": claimErr, "lease": leaseErr} {
			if _, refused := errors.AsType[*order.Refusal](err); err == nil || refused || !strings.Contains(err.Error(), "rule") {
				t.Errorf("%s: got %v, want an error that says that table and rule disagree", call, err)
			}
		}
	})
}

// unreached is a client that must not be used.
type unreached struct{ store.API }

// TestEmptyToken: an order written without a token would look like everybody's own write.
func TestEmptyToken(t *testing.T) {
	t.Parallel()
	s := store.New(unreached{}, "table", func() string { return "" })
	o := newOrder("order-1")
	for call, try := range map[string]func() error{
		"create": func() error { _, err := s.Create(timed(t), o); return err },
		"claim":  func() error { _, err := s.Claim(timed(t), claimOf(o)); return err },
		"lease":  func() error { _, err := s.Lease(timed(t), order.Lease{OrderID: o.ID}); return err },
		"save":   func() error { _, err := s.Save(timed(t), o); return err },
	} {
		if err := try(); err == nil || !strings.HasPrefix(err.Error(), "store: "+call+" order order-1: ") {
			t.Errorf("%s: got %v, want an error that names the call and the order", call, err)
		}
	}
}

// TestItem pins what is written: other programs and the people on call read the table, too.
func TestItem(t *testing.T) {
	t.Parallel()
	var put *dynamodb.PutItemInput
	s := store.New(putOnly{put: &put}, "orders", func() string { return "token" })
	if _, err := s.Create(timed(t), newOrder("order-1")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"PK": "order#order-1", "SK": "order", "v": "1", "id": "order-1", "status": "open", "revision": "1", "write_token": "token",
		"amount": "1000", "currency": "KRW", "link_token": "link", "name": "a thing", "provider": "toss", "mode": "test",
		"created_at": "1793588645678", "expires_at": "1793590445678", "due_at": "1793593145678", "due_shard": "11",
		"attempt": "map", "history": "list",
	}
	for name, v := range put.Item {
		got := "?"
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			got = v.Value
		case *types.AttributeValueMemberN:
			got = v.Value
		case *types.AttributeValueMemberM:
			got = "map"
		case *types.AttributeValueMemberL:
			got = "list"
		}
		if got != want[name] {
			t.Errorf("%s is %q, want %q", name, got, want[name])
		}
		delete(want, name)
	}
	if len(want) != 0 || aws.ToString(put.TableName) != "orders" {
		t.Errorf("missing in table %s: %v", aws.ToString(put.TableName), want)
	}

	final := newOrder("order-1")
	final.DueAt = time.Time{}
	if _, err := s.Create(timed(t), final); err != nil {
		t.Fatal(err)
	}
	if put.Item["due_at"] != nil || put.Item["due_shard"] != nil {
		t.Errorf("a final order has due_at %v and due_shard %v, want neither", put.Item["due_at"], put.Item["due_shard"])
	}
}

// TestGetIsConsistent: an engine on one machine is always consistent, so no other test would notice.
func TestGetIsConsistent(t *testing.T) {
	t.Parallel()
	consistent := false
	s := store.New(getOnly{consistent: &consistent}, "orders", rand.Text)
	if _, err := s.Get(timed(t), "order-1"); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("got %v, want %v", err, payment.ErrNotFound)
	}
	if !consistent {
		t.Error("the read is eventually consistent: it may show the order as it was before the claim")
	}
}

type getOnly struct {
	store.API
	consistent *bool
}

func (g getOnly) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	*g.consistent = aws.ToBool(in.ConsistentRead)
	return &dynamodb.GetItemOutput{}, nil
}

type putOnly struct {
	store.API
	put **dynamodb.PutItemInput
}

func (p putOnly) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	*p.put = in
	return &dynamodb.PutItemOutput{}, nil
}
