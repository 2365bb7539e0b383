package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/subscription"
)

// metered is a client that counts the index entries its writes make or take away. DynamoDB bills each as a write: none when the keys of an
// entry stay, one when it appears or goes, two when it moves (docs.aws.amazon.com, Global Secondary Indexes, write capacity).
type metered struct {
	*dynamodb.Client
	indexes []types.GlobalSecondaryIndex
	entries map[string]int // by index
}

func meter(t *testing.T, e enginetest.Engine) (*store.DynamoDB, *metered) {
	t.Helper()
	client := enginetest.Client(e.Endpoint)
	name := enginetest.Table(t, client)
	var r tableInput
	if err := store.CreateTable(t.Context(), &r, name); err != nil {
		t.Fatal(err)
	}
	m := &metered{Client: client, indexes: r.input.GlobalSecondaryIndexes, entries: map[string]int{}}
	writes := 0
	return store.New(m, name, func() string { writes++; return fmt.Sprint("token-", writes) }), m
}

type tableInput struct{ input *dynamodb.CreateTableInput }

func (r *tableInput) CreateTable(
	_ context.Context, in *dynamodb.CreateTableInput, _ ...func(*dynamodb.Options),
) (*dynamodb.CreateTableOutput, error) {
	r.input = in
	return nil, nil
}

func (m *metered) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	defer m.count(ctx, *in.TableName, in.Item)()
	return m.Client.PutItem(ctx, in, o...)
}

func (m *metered) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	defer m.count(ctx, *in.TableName, in.Key)()
	return m.Client.UpdateItem(ctx, in, o...)
}

// count compares the entries of an item before and after a write.
func (m *metered) count(ctx context.Context, table string, item map[string]types.AttributeValue) func() {
	key := map[string]types.AttributeValue{"PK": item["PK"], "SK": item["SK"]}
	before := m.read(ctx, table, key)
	return func() {
		after := m.read(ctx, table, key)
		for _, index := range m.indexes {
			name := aws.ToString(index.IndexName)
			switch old, now := entryOf(index, before), entryOf(index, after); {
			case old == now:
			case old == "" || now == "":
				m.entries[name]++
			default:
				m.entries[name] += 2
			}
		}
	}
}

func (m *metered) read(ctx context.Context, table string, key map[string]types.AttributeValue) map[string]types.AttributeValue {
	out, err := m.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		panic(err)
	}
	return out.Item
}

func entryOf(index types.GlobalSecondaryIndex, item map[string]types.AttributeValue) (entry string) {
	for _, key := range index.KeySchema {
		switch v := item[aws.ToString(key.AttributeName)].(type) {
		case *types.AttributeValueMemberS:
			entry += v.Value + " "
		case *types.AttributeValueMemberN:
			entry += v.Value + " "
		default:
			return ""
		}
	}
	return entry
}

func (m *metered) take() (counted map[string]int) {
	counted, m.entries = m.entries, map[string]int{}
	return counted
}

// TestIndexWrites is what the lists cost: an entry or two when a record is made, and nothing for a confirm or a charge. docs/architecture.md
// has the same figures.
func TestIndexWrites(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		s, m := meter(t, e)
		ctx := timed(t)
		want := func(what string, err error, want map[string]int) {
			t.Helper()
			if got := m.take(); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s writes the entries %v, want %v; %v", what, got, want, err)
			}
		}
		o := newOrder("order-1")
		o.Customer.ID = "customer-1"
		o, err := s.Create(ctx, o)
		want("an order", err, map[string]int{"due": 1, "list": 1, "buyer": 1})
		o, err = s.Claim(ctx, claimOf(o))
		want("a confirm's claim", err, map[string]int{"due": 2})
		o.Status, o.DueAt = order.Paid, time.Time{}
		o.Revision++
		_, err = s.Save(ctx, o)
		want("a confirm's end", err, map[string]int{"due": 1})

		sub, err := s.CreateSubscription(ctx, newSubscription("sub-001"))
		want("a subscription", err, map[string]int{"due": 1, "list": 1, "buyer": 1})
		sub.Status, sub.ChargeAt, sub.DueAt = subscription.Active, created, created.Add(time.Minute)
		sub.Revision++
		sub, err = s.SaveSubscription(ctx, sub)
		want("its activation", err, map[string]int{"due": 2, "list": 2})

		sub, err = s.ClaimCycle(ctx, subscription.CycleClaim{ID: sub.ID, Cycle: 1, At: created.Add(time.Minute)})
		want("a charge's claim", err, map[string]int{})
		cycle := order.NewCycle(order.Order{
			ID: "sub-001--c1", CreatedAt: created, BillingKey: "sub-001--key1", Customer: order.Customer{ID: "customer-1"},
		}, created)
		cycle, err = s.Create(ctx, cycle)
		want("a cycle's order", err, map[string]int{"due": 1})
		cycle.Status, cycle.DueAt = order.Paid, time.Time{}
		cycle.Revision++
		_, err = s.Save(ctx, cycle)
		want("its end", err, map[string]int{"due": 1})
		sub.ChargeAt, sub.DueAt = created.AddDate(0, 1, 0), created.AddDate(0, 1, 0)
		sub.Cycle++
		sub.Revision++
		_, err = s.SaveSubscription(ctx, sub)
		want("the subscription's next date", err, map[string]int{"due": 2})
	})
}
