package store_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
)

// itemBefore is an order's item of version 1, written by the program of that version.
func itemBefore(t *testing.T, name string) map[string]types.AttributeValue {
	t.Helper()
	var all map[string]types.AttributeValue
	text, err := os.ReadFile(filepath.Join("internal", "item", "testdata", name+".json"))
	if err == nil {
		all, err = attributevalue.UnmarshalMapJSON(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// before is a table with one item of version 1, and the way to look at it.
type before struct {
	*store.DynamoDB
	t      *testing.T
	client *dynamodb.Client
	table  string
	wire   *wire
}

func withBefore(t *testing.T, e enginetest.Engine, name string) *before {
	t.Helper()
	client, w := wired(e)
	b := &before{t: t, client: client, table: enginetest.Table(t, client), wire: w}
	b.DynamoDB = store.New(b.client, b.table, rand.Text)
	all := itemBefore(t, name)
	b.put(all)
	return b
}

func (b *before) put(all map[string]types.AttributeValue) {
	b.t.Helper()
	if _, err := b.client.PutItem(timed(b.t), &dynamodb.PutItemInput{TableName: aws.String(b.table), Item: all}); err != nil {
		b.t.Fatal(err)
	}
}

// item is what the table has now.
func (b *before) item() (all map[string]types.AttributeValue, version string) {
	b.t.Helper()
	found := itemBefore(b.t, "toss-open")
	out, err := b.client.GetItem(timed(b.t), &dynamodb.GetItemInput{
		TableName: aws.String(b.table), Key: map[string]types.AttributeValue{"PK": found["PK"], "SK": found["SK"]}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	n, _ := out.Item["v"].(*types.AttributeValueMemberN)
	if n == nil {
		b.t.Fatalf("no item: %+v", out.Item)
	}
	return out.Item, n.Value
}

func (b *before) read() order.Order {
	b.t.Helper()
	o, err := b.Get(timed(b.t), "order-1")
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func claimOfOrder(o order.Order) order.Claim {
	at := o.CreatedAt.Add(time.Minute)
	return order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: o.Attempt, Amount: o.Amount, Key: "payment-key", At: at, AskAfter: at.Add(15 * time.Second),
	}
}

// TestClaimBefore: a buyer who is back while his order's item is of version 1 gets it, once. The item is of the present version then, and the rest costs
// what it always does.
func TestClaimBefore(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		for _, name := range []string{"toss-open", "toss-second-number"} {
			b := withBefore(t, e, name)
			old := b.read()
			claim := claimOfOrder(old)
			wrong := claim
			wrong.Amount.Value++
			var refusal *order.Refusal
			if _, err := b.Claim(timed(t), wrong); !errors.As(err, &refusal) || refusal.Reason != order.WrongAmount {
				t.Errorf("%s: another amount: %v", name, err)
			}
			if _, version := b.item(); version != "1" {
				t.Errorf("%s: a claim that was refused has written version %s", name, version)
			}
			b.wire.take()
			claimed, err := b.Claim(timed(t), claim)
			if err != nil || claimed.Status != order.Processing || claimed.Revision != old.Revision+1 || len(claimed.Ledger.Requests) != 1 {
				t.Fatalf("%s: %+v, %v", name, claimed, err)
			}
			if got := b.wire.take(); got["UpdateItem"] != 1 || got["PutItem"] != 1 || len(got) != 2 {
				t.Errorf("%s: the claim was %v", name, got)
			}
			all, version := b.item()
			if version != "2" || all["attempt"] != nil {
				t.Errorf("%s: version %s, %+v", name, version, all["attempt"])
			}
			second := claim
			second.Key = "another-key"
			if _, err := b.Claim(timed(t), second); !errors.As(err, &refusal) || refusal.Reason != order.NotOpen {
				t.Errorf("%s: a second claim: %v", name, err)
			}
		}
	})
}

// TestClaimBeforeMeetsAnother: between the read and the write of the claim another function writes the order: one of version 1, which still runs, or one
// of the present version. The claim goes by what they left.
func TestClaimBeforeMeetsAnother(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		for name, test := range map[string]struct {
			meet func(b *before, o order.Order)
			want order.Reason // empty: claimed
		}{
			"claimed by a function of version 1": {func(b *before, _ order.Order) {
				all := itemBefore(b.t, "toss-lost-reply")
				all["revision"] = &types.AttributeValueMemberN{Value: "2"}
				open, _ := b.item()
				all["link_token"] = open["link_token"]
				b.put(all)
			}, order.NotOpen},
			"written by a function of version 1": {func(b *before, _ order.Order) {
				all, _ := b.item()
				all["revision"] = &types.AttributeValueMemberN{Value: "2"}
				b.put(all)
			}, ""},
			"claimed by one of this version": {func(b *before, o order.Order) {
				if _, err := b.Claim(timed(b.t), claimOfOrder(o)); err != nil {
					b.t.Error(err)
				}
			}, order.NotOpen},
		} {
			b := withBefore(t, e, "toss-open")
			o := b.read()
			another := enginetest.Client(e.Endpoint)
			other := &before{DynamoDB: store.New(another, b.table, rand.Text), t: t, client: another, table: b.table}
			claim := claimOfOrder(o)
			claim.Key = "mine"
			b.wire.next = func() { test.meet(other, o) }
			got, err := b.Claim(timed(t), claim)
			var refusal *order.Refusal
			switch {
			case test.want == "" && (err != nil || got.Status != order.Processing || got.Revision != 3):
				t.Errorf("%s: %s of revision %d, %v", name, got.Status, got.Revision, err)
			case test.want != "" && (!errors.As(err, &refusal) || refusal.Reason != test.want):
				t.Errorf("%s: %s, %v, want %s", name, got.Status, err, test.want)
			}
		}
	})
}

// TestWritesOfBefore: every other write meets an item of version 1 as it meets one of its own.
func TestWritesOfBefore(t *testing.T) {
	onEngines(t, func(t *testing.T, e enginetest.Engine) {
		b := withBefore(t, e, "toss-lost-reply")
		o := b.read()
		leased, err := b.Lease(timed(t), order.Lease{OrderID: o.ID, At: o.AskAfter, Until: o.AskAfter.Add(time.Minute)})
		if err != nil || len(leased.Ledger.Requests) != 1 || leased.Revision != o.Revision {
			t.Fatalf("leased: %+v, %v", leased, err)
		}
		if _, version := b.item(); version != "1" {
			t.Errorf("a lease has made version %s of it", version)
		}
		if _, err := b.LeaseDue(timed(t), payment.DueRecord{Kind: payment.KindOrder, ID: o.ID}, o.DueAt, o.DueAt.Add(time.Minute)); err != nil {
			t.Errorf("dispatched: %v", err)
		}
		if got := b.read(); !got.DueAt.Equal(o.DueAt) {
			t.Errorf("due %v, was %v", got.DueAt, o.DueAt)
		}
		next := o.With(o.Ledger, o.CreatedAt.Add(time.Hour))
		next.Revision++
		next.Ledger.Revision++
		saved, err := b.Save(timed(t), next)
		if _, version := b.item(); err != nil || version != "2" || saved.DueAt.IsZero() {
			t.Errorf("saved: version %s, due %v, %v", version, saved.DueAt, err)
		}
		if _, err := b.Save(timed(t), next); !errors.Is(err, payment.ErrConflict) {
			t.Errorf("saved twice: %v", err)
		}
	})
}
