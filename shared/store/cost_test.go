package store_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/ledger"
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

// indexTable is the table of docs/architecture.md. A cell of words says when, and is the word of docs; of figures the first is the first step's.
const indexTable = `| | due | list | buyer | attention |
|---|---|---|---|---|
| create an order; a subscription | %s | %s | %s with a customer id | %s |
| confirm: claim, outcome | %s | %s | %s | %s |
| charge: claim, cycle's order, its outcome, next date | %s | %s | %s | %s |
| the notice before a charge: dispatch, save | %s | %s | %s | %s |
| a subscription's status changes | by its due time | %s | %s | %s |
| an order comes to need attention; no more | by its due time | %s | %s | %s |
`

// tableRow writes the figures of some steps for each index: one figure when all are the same.
func tableRow(between string, indexes []string, steps ...map[string]int) (cells []any) {
	for _, index := range indexes {
		var figures []string
		for _, step := range steps {
			figures = append(figures, fmt.Sprint(step[index]))
		}
		if len(slices.Compact(slices.Clone(figures))) == 1 && (figures[0] == "0" || between == "=") {
			figures = figures[:1]
		}
		cells = append(cells, strings.Join(figures, between))
	}
	return cells
}

// TestIndexWrites is what the lists cost: an entry or two when a record is made, and nothing for a confirm or a charge. docs/architecture.md
// has the same figures, letter by letter.
func TestIndexWrites(t *testing.T) {
	docs, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		s, m := meter(t, e)
		ctx := timed(t)
		counted := map[string]map[string]int{}
		want := func(what string, err error, want map[string]int) {
			t.Helper()
			got := m.take()
			if counted[what] = got; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s writes the entries %v, want %v; %v", what, got, want, err)
			}
		}
		_, err := s.Create(ctx, newOrder("order-0"))
		want("an order of nobody", err, map[string]int{"due": 1, "list": 1})
		o := newOrder("order-1")
		o.Customer.ID = "customer-1"
		o, err = s.Create(ctx, o)
		want("an order", err, map[string]int{"due": 1, "list": 1, "buyer": 1})
		o, err = s.Claim(ctx, claimOf(o))
		want("a confirm's claim", err, map[string]int{"due": 2})
		o.Status, o.DueAt = order.Paid, time.Time{}
		o.Revision++
		o, err = s.Save(ctx, o)
		want("a confirm's end", err, map[string]int{"due": 1})
		o.Status = order.Review
		o.Revision++
		o, err = s.Save(ctx, o)
		want("a review", err, map[string]int{"attention": 1})
		o.Status = order.Paid
		o.Revision++
		_, err = s.Save(ctx, o)
		want("its decision", err, map[string]int{"attention": 1})

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
		}, ledger.Timing{}, created)
		cycle, err = s.Create(ctx, cycle)
		want("a cycle's order", err, map[string]int{"due": 1})
		cycle.Status, cycle.DueAt = order.Paid, time.Time{}
		cycle.Revision++
		_, err = s.Save(ctx, cycle)
		want("its end", err, map[string]int{"due": 1})
		sub.ChargeAt, sub.DueAt = created.AddDate(0, 1, 0), created.AddDate(0, 1, 0)
		sub.Cycle++
		sub.Revision++
		sub, err = s.SaveSubscription(ctx, sub)
		want("the subscription's next date", err, map[string]int{"due": 2})

		announced := created.AddDate(0, 0, 25)
		_, err = s.LeaseDue(ctx, subscriptionRecord(sub.ID), sub.ChargeAt, announced)
		want("a notice's dispatch", err, map[string]int{"due": 2})
		sub.Noticed = sub.ChargeAt
		sub.Revision++
		_, err = s.SaveSubscription(ctx, sub)
		want("a notice's save", err, map[string]int{"due": 2})

		all := []string{"due", "list", "buyer", "attention"}
		cells := tableRow("=", all, counted["an order"], counted["a subscription"])
		cells = append(cells, tableRow(", ", all, counted["a confirm's claim"], counted["a confirm's end"])...)
		cells = append(cells, tableRow(", ", all,
			counted["a charge's claim"], counted["a cycle's order"], counted["its end"], counted["the subscription's next date"])...)
		cells = append(cells, tableRow(", ", all, counted["a notice's dispatch"], counted["a notice's save"])...)
		cells = append(cells, tableRow(", ", all[1:], counted["its activation"])...)
		cells = append(cells, tableRow("; ", all[1:], counted["a review"], counted["its decision"])...)
		if table := fmt.Sprintf(indexTable, cells...); !strings.Contains(string(docs), table) {
			t.Errorf("docs/architecture.md does not have this table:\n%s", table)
		}
	})
}
