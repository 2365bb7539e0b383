package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/store/storetest"
	"tosspay-sam/shared/subscription"
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

func newSubscription(id string) subscription.Subscription {
	return subscription.New(subscription.Subscription{
		ID: id, Provider: "portone", Mode: "test", CustomerID: "customer-1", LinkToken: "link", CreatedAt: created,
		Plan:     subscription.Plan{Amount: money.Amount{Value: 1000, Currency: money.KRW}, Name: "a thing each month"},
		Calendar: subscription.Calendar{First: created, Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 9},
		CatchUp:  subscription.Once,
	})
}

// charging returns a subscription whose cycle 3 may be charged from created on.
func charging(id string) subscription.Subscription {
	s := newSubscription(id)
	s.Status, s.Cycle = subscription.Active, 3
	s.ChargeAt, s.DueAt = created, created
	return s
}

func cycleClaimOf(s subscription.Subscription) subscription.CycleClaim {
	return subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle, At: created}
}

func subscriptionRecord(id string) payment.DueRecord {
	return payment.DueRecord{Kind: payment.KindSubscription, ID: id}
}

func claimOf(o order.Order) order.Claim {
	at := created.Add(time.Minute)
	return order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: 1, Amount: o.Amount, Key: "key-1", At: at, AskAfter: at.Add(15 * time.Second),
	}
}

func TestConformance(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		storetest.Run(t, func(t *testing.T) payment.Store { return open(t, e) })
	})
}

func TestLists(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		storetest.RunLists(t, func(t *testing.T) storetest.Listing {
			client := enginetest.Client(e.Endpoint)
			name := enginetest.Table(t, client)
			return struct {
				*store.DynamoDB
				*store.Lists
			}{store.New(client, name, rand.Text), store.NewLists(client, name)}
		})
	})
}

// altered is a client that changes the conditions of writes on their way to the table: a store with a defect.
type altered struct {
	store.API
	alter func(condition string) string
}

func (a altered) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	in.ConditionExpression = aws.String(a.alter(aws.ToString(in.ConditionExpression)))
	return a.API.UpdateItem(ctx, in, options...)
}

func (a altered) PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ConditionExpression = aws.String(a.alter(aws.ToString(in.ConditionExpression)))
	return a.API.PutItem(ctx, in, options...)
}

// all makes a condition true of every record there is. It keeps its words, because DynamoDB refuses values that no expression uses.
func all(condition string) string { return "((" + condition + ") OR attribute_exists(PK))" }

// without does that to a part of a condition.
func without(t *testing.T, part string) func(string) string {
	return func(condition string) string {
		if !strings.Contains(condition, part) {
			t.Errorf("the condition %q has no part %q to remove", condition, part)
		}
		return strings.Replace(condition, part, all(part), 1)
	}
}

// TestMutantClaimWithoutCondition: the race of claims is what stands between a buyer and two captures, so it must notice when nothing
// is raced for any more.
func TestMutantClaimWithoutCondition(t *testing.T) {
	const racers = 20 // enough to see, and every winner makes the history longer
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		mutant := store.New(altered{client, all}, enginetest.Table(t, client), rand.Text)
		winners := storetest.RaceClaims(t, mutant, racers)
		if winners < 2 {
			t.Errorf("without the claim's condition %d of %d claims succeed: the race would not notice", winners, racers)
		}
		t.Logf("without the claim's condition %d of %d claims succeed, with it 1", winners, racers)
	})
}

// TestMutantDispatchWithoutCondition: the race of ticks, and the one of workers for a cycle, must notice the same.
func TestMutantDispatchWithoutCondition(t *testing.T) {
	const racers = 20
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		mutant := store.New(altered{client, all}, enginetest.Table(t, client), rand.Text)
		if winners := storetest.RaceLeases(t, mutant, racers); winners < 2 {
			t.Errorf("without the lease's condition %d of %d ticks have the record: the race would not notice", winners, racers)
		}
		if winners := storetest.RaceCycleClaims(t, mutant, racers); winners < 2 {
			t.Errorf("without the claim's condition %d of %d workers have the cycle: the race would not notice", winners, racers)
		}
	})
}

// TestMutantSaveWithoutCondition: the race of a subscription's saves must notice the same.
func TestMutantSaveWithoutCondition(t *testing.T) {
	const racers = 20
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		mutant := store.New(altered{client, all}, enginetest.Table(t, client), rand.Text)
		winners := storetest.RaceSubscriptionSaves(t, mutant, racers)
		if winners < 2 {
			t.Errorf("without the save's condition %d of %d saves succeed: the race would not notice", winners, racers)
		}
		t.Logf("without the save's condition %d of %d saves succeed, with it 1", winners, racers)
	})
}

// TestMutantLeaseConditions does what TestMutantClaimConditions does.
func TestMutantLeaseConditions(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		at := created.Add(time.Hour)
		for _, test := range []struct {
			part   string
			order  func(*order.Order)
			reason order.Reason
		}{
			{"attribute_exists(due_at)", func(o *order.Order) { o.DueAt = time.Time{} }, order.NotOpen},
			{"ask_after <= :at", func(o *order.Order) { o.AskAfter = at.Add(time.Millisecond) }, order.Leased},
		} {
			o := newOrder("order-" + rand.Text())
			test.order(&o)
			s := store.New(client, table, rand.Text)
			if _, err := s.Create(timed(t), o); err != nil {
				t.Fatal(err)
			}
			l := order.Lease{OrderID: o.ID, At: at, Until: at.Add(time.Second)}
			_, err := s.Lease(timed(t), l)
			if refusal, ok := errors.AsType[*order.Refusal](err); !ok || refusal.Reason != test.reason {
				t.Errorf("%s: got %v, want the refusal %q", test.part, err, test.reason)
			}
			if _, err := store.New(altered{client, without(t, test.part)}, table, rand.Text).Lease(timed(t), l); err != nil {
				t.Errorf("without %q the lease is still refused: %v", test.part, err)
			}
		}
	})
}

// TestMutantClaimConditions removes each part of the claim's condition: the claim that only this part refuses must then succeed, or the
// refusals of the conformance suite come from somewhere else.
func TestMutantClaimConditions(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		used := func(o *order.Order) { o.Ledger.Attempts[0].Used = true }
		for _, test := range []struct {
			part   string
			order  func(*order.Order)
			claim  func(*order.Claim)
			reason order.Reason
		}{
			{"payable = :n AND payable > :zero", used, func(*order.Claim) {}, order.NotOpen},
			{"payable = :n", func(o *order.Order) {
				o.Ledger.Attempts = append(o.Ledger.Attempts, ledger.Attempt{})
			}, func(*order.Claim) {}, order.StaleAttempt},
			{"payable > :zero", used, func(c *order.Claim) { c.Attempt = 0 }, order.StaleAttempt},
			{"link_token = :link", func(*order.Order) {}, func(c *order.Claim) { c.LinkToken = "other" }, order.WrongLink},
			{"#provider = :provider", func(*order.Order) {}, func(c *order.Claim) { c.Provider = "portone" }, order.WrongLink},
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
			mutant := store.New(altered{client, without(t, test.part)}, table, rand.Text)
			if _, err := mutant.Claim(timed(t), c); err != nil {
				t.Errorf("without %q the claim is still refused: %v", test.part, err)
			}
		}
	})
}

// TestMutantClaimStatus: an item whose status says other than open beside a number that may be paid is somebody's edit. The store writes none,
// so this one is edited.
func TestMutantClaimStatus(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		s := store.New(client, table, rand.Text)
		o, err := s.Create(timed(t), newOrder("order-1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.UpdateItem(timed(t), &dynamodb.UpdateItemInput{
			TableName: aws.String(table), Key: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: "order#order-1"}, "SK": &types.AttributeValueMemberS{Value: "order"},
			},
			UpdateExpression: aws.String("SET #status = :review"), ExpressionAttributeNames: map[string]string{"#status": "status"},
			ExpressionAttributeValues: map[string]types.AttributeValue{":review": &types.AttributeValueMemberS{Value: string(order.Review)}},
		}); err != nil {
			t.Fatal(err)
		}
		_, err = s.Claim(timed(t), claimOf(o))
		if refusal, ok := errors.AsType[*order.Refusal](err); !ok || refusal.Reason != order.NotOpen {
			t.Errorf("got %v, want the refusal %q", err, order.NotOpen)
		}
		mutant := store.New(altered{client, without(t, "#status = :open")}, table, rand.Text)
		if _, err := mutant.Claim(timed(t), claimOf(o)); err != nil {
			t.Errorf("without the condition the claim is still refused: %v", err)
		}
	})
}

// TestMutantCycleClaimConditions does what TestMutantClaimConditions does.
func TestMutantCycleClaimConditions(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		for _, test := range []struct {
			part         string
			subscription func(*subscription.Subscription)
			reason       subscription.Reason
		}{
			{"#status IN (:active, :past_due)", func(s *subscription.Subscription) { s.Status = subscription.Paused }, subscription.NotCharging},
			{"#cycle = :k", func(s *subscription.Subscription) { s.Cycle++ }, subscription.OtherCycle},
			{"charge_at <= :at", func(s *subscription.Subscription) { s.ChargeAt = created.Add(time.Millisecond) }, subscription.NotDue},
			{"ask_after <= :at", func(s *subscription.Subscription) { s.AskAfter = created.Add(time.Millisecond) }, subscription.Claimed},
		} {
			sub := charging("subscription-" + rand.Text())
			c := cycleClaimOf(sub)
			test.subscription(&sub)
			s := store.New(client, table, rand.Text)
			if _, err := s.CreateSubscription(timed(t), sub); err != nil {
				t.Fatal(err)
			}
			_, err := s.ClaimCycle(timed(t), c)
			if refusal, ok := errors.AsType[*subscription.Refusal](err); !ok || refusal.Reason != test.reason {
				t.Errorf("%s: got %v, want the refusal %q", test.part, err, test.reason)
			}
			mutant := store.New(altered{client, without(t, test.part)}, table, rand.Text)
			if _, err := mutant.ClaimCycle(timed(t), c); err != nil {
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
		s := store.New(altered{client, func(condition string) string {
			return "(" + condition + ") AND attribute_not_exists(PK)"
		}}, enginetest.Table(t, client), rand.Text)
		o, err := s.Create(timed(t), newOrder("order-1"))
		if err != nil {
			t.Fatal(err)
		}
		_, claimErr := s.Claim(timed(t), claimOf(o))
		_, leaseErr := s.Lease(timed(t), order.Lease{OrderID: o.ID, At: created, Until: created.Add(time.Second)})
		sub, err := s.CreateSubscription(timed(t), charging("subscription-1"))
		if err != nil {
			t.Fatal(err)
		}
		_, cycleErr := s.ClaimCycle(timed(t), cycleClaimOf(sub))
		for call, err := range map[string]error{"claim": claimErr, "lease": leaseErr, "claim cycle": cycleErr} {
			if _, refused := errors.AsType[*order.Refusal](err); err == nil || refused || !strings.Contains(err.Error(), "rule") {
				t.Errorf("%s: got %v, want an error that says that table and rule disagree", call, err)
			}
		}
	})
}

// unreached is a client that must not be used.
type unreached struct{ store.API }

// TestEmptyToken: a record written without a token would look like everybody's own write.
func TestEmptyToken(t *testing.T) {
	t.Parallel()
	s := store.New(unreached{}, "table", func() string { return "" })
	o, sub := newOrder("order-1"), newSubscription("subscription-1")
	for call, try := range map[string]func() error{
		"create order order-1":                       func() error { _, err := s.Create(timed(t), o); return err },
		"claim order order-1":                        func() error { _, err := s.Claim(timed(t), claimOf(o)); return err },
		"lease order order-1":                        func() error { _, err := s.Lease(timed(t), order.Lease{OrderID: o.ID}); return err },
		"save order order-1":                         func() error { _, err := s.Save(timed(t), o); return err },
		"create subscription subscription-1":         func() error { _, err := s.CreateSubscription(timed(t), sub); return err },
		"claim cycle of subscription subscription-1": func() error { _, err := s.ClaimCycle(timed(t), subscription.CycleClaim{ID: sub.ID}); return err },
		"lease due order order-1": func() error {
			_, err := s.LeaseDue(timed(t), payment.DueRecord{Kind: payment.KindOrder, ID: o.ID}, created, created)
			return err
		},
		"save subscription subscription-1": func() error { _, err := s.SaveSubscription(timed(t), sub); return err },
	} {
		if err := try(); err == nil || !strings.HasPrefix(err.Error(), "store: "+call+": ") {
			t.Errorf("%s: got %v, want an error that names the call and the record", call, err)
		}
	}
}

// TestItem pins what is written: other programs and the people on call read the table, too.
func TestItem(t *testing.T) {
	t.Parallel()
	var put *dynamodb.PutItemInput
	s := store.New(putOnly{put: &put}, "orders", func() string { return "token" })
	o, sub := newOrder("order-1"), newSubscription("order-1")
	o.DueAt, sub.DueAt = created.Add(time.Hour), created.Add(2*time.Hour)
	if _, err := s.Create(timed(t), o); err != nil {
		t.Fatal(err)
	}
	wantItem(t, put, map[string]string{
		"PK": "order#order-1", "SK": "order", "v": "2", "id": "order-1", "status": "open", "revision": "1", "write_token": "token",
		"amount": "1000", "currency": "KRW", "link_token": "link", "name": "a thing", "provider": "toss", "mode": "test",
		"created_at": "1793588645678", "expires_at": "1793590445678", "due": "1793592245678", "due_at": "1793592245678", "due_shard": "11",
		"attempts": "list", "payable": "1", "history": "list", "list": "2026-11-02#7",
	})
	if _, err := s.CreateSubscription(timed(t), sub); err != nil {
		t.Fatal(err)
	}
	wantItem(t, put, map[string]string{
		"PK": "subscription#order-1", "SK": "subscription", "v": "1", "id": "order-1", "status": "enrolling", "revision": "1",
		"write_token": "token", "link_token": "link", "provider": "portone", "mode": "test", "customer_id": "customer-1",
		"created_at": "1793588645678", "due": "1793595845678", "due_at": "1793595845678", "due_shard": "11", "plan": "map", "calendar": "map",
		"catch_up": "once", "key": "map", "offered": "1", "cycle": "1", "date": "0", "history": "list",
		"list": "enrolling#7", "buyer": "subscription#customer-1",
	})

	final := newOrder("order-1")
	final.DueAt = time.Time{}
	if _, err := s.Create(timed(t), final); err != nil {
		t.Fatal(err)
	}
	wantNotDue(t, "a final order", put)
	canceled := newSubscription("subscription-1")
	canceled.DueAt = time.Time{}
	if _, err := s.CreateSubscription(timed(t), canceled); err != nil {
		t.Fatal(err)
	}
	wantNotDue(t, "a final subscription", put)
}

func wantNotDue(t *testing.T, what string, put *dynamodb.PutItemInput) {
	t.Helper()
	for _, name := range []string{"due", "due_at", "due_shard"} {
		if put.Item[name] != nil {
			t.Errorf("%s has %s %v, want none", what, name, put.Item[name])
		}
	}
}

func wantItem(t *testing.T, put *dynamodb.PutItemInput, want map[string]string) {
	t.Helper()
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
}

// TestDueSkipsOtherKinds: what a newer version of this program puts into the index must neither be taken for an order or a subscription
// nor stop the records behind it.
func TestDueSkipsOtherKinds(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		client := enginetest.Client(e.Endpoint)
		table := enginetest.Table(t, client)
		s := store.New(client, table, rand.Text)
		for i, key := range [][2]string{
			{"settlement#order-1", "settlement"}, {"order#order-1", "note"}, {"subscription#order-1", "order"}, {"order-1", "order"}, {"order", "order"},
		} {
			if _, err := client.PutItem(timed(t), &dynamodb.PutItemInput{TableName: aws.String(table), Item: map[string]types.AttributeValue{
				"PK": &types.AttributeValueMemberS{Value: key[0]}, "SK": &types.AttributeValueMemberS{Value: key[1]},
				"due_shard": &types.AttributeValueMemberS{Value: "11"}, "due_at": &types.AttributeValueMemberN{Value: strconv.Itoa(i + 1)},
			}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Create(timed(t), newOrder("order-1")); err != nil { // in shard 11, says TestItem
			t.Fatal(err)
		}
		if _, err := s.CreateSubscription(timed(t), newSubscription("order-1")); err != nil {
			t.Fatal(err)
		}
		want := []payment.DueRecord{{Kind: payment.KindSubscription, ID: "order-1"}, {Kind: payment.KindOrder, ID: "order-1"}}
		for _, limit := range []int{1, 2, 100} {
			var got []payment.DueRecord
			cursor := ""
			for range 10 {
				page, next, err := s.Due(timed(t), 11, created.AddDate(1, 0, 0), limit, cursor)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, page...)
				if cursor = next; next == "" {
					break
				}
			}
			if !slices.Equal(got, want) || cursor != "" {
				t.Errorf("limit %d: due are %v, want %v and an end", limit, got, want)
			}
		}
	})
}

// TestGetIsConsistent: an engine on one machine is always consistent, so no other test would notice.
func TestGetIsConsistent(t *testing.T) {
	t.Parallel()
	for name, get := range map[string]func(*store.DynamoDB) error{
		"order":        func(s *store.DynamoDB) error { _, err := s.Get(timed(t), "order-1"); return err },
		"subscription": func(s *store.DynamoDB) error { _, err := s.GetSubscription(timed(t), "subscription-1"); return err },
	} {
		consistent := false
		if err := get(store.New(getOnly{consistent: &consistent}, "orders", rand.Text)); !errors.Is(err, payment.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", name, err, payment.ErrNotFound)
		}
		if !consistent {
			t.Errorf("%s: the read is eventually consistent: it may show the record as it was before the last write", name)
		}
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
