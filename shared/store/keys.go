package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/payment"
)

// The table has one item per order, one per subscription, and nothing else. On demand, keys are strings:
//
//	PK            S  "order#<id>"    "subscription#<id>"
//	SK            S  "order"         "subscription"
//
// The order of a subscription's cycle is an order like every other, with an id of its own. Beside the records' own
// attributes, which internal/item lists one by one:
//
//	v             N  version of the item's format: of an order 2, of a subscription 1. An order of version 1 is read
//	                 as what it amounts to, and every write of it is of version 2: see internal/item/before.go
//	status        S  an order's or a subscription's, as package order or subscription lists them
//	revision      N  +1 with every claim and save; a save's condition
//	payable       N  of an order: the number that may be claimed, 0 for none; a claim's condition
//	link_token    S  random; a claim's condition, like payable, status, provider, amount and currency
//	ask_after     N  nobody else asks the provider before; a lease's condition, and a cycle claim's. Absent and 0 are
//	                 the same
//	cycle         N  of a subscription: the cycle it stands at; a cycle claim's condition, like status and charge_at
//	charge_at     N  of a subscription: when that cycle may be charged
//	learned_at    N  of an order: when the latest question to the provider was begun whose answer is in the item; of a
//	                 subscription: heard_at
//	write_token   S  random, new with every write: see stored
//	due           N  when the record must be looked at again: what a get returns
//	due_at        N  where the record stands in the index: a write of the record sets it to due, and a dispatch moves
//	                 it on alone; there or not is a condition of an order's lease, and its time the one of a dispatch
//	due_shard     S  "00" to "31": the first byte of the id's SHA-256, modulo 32
//	lease_token   S  random, new with every dispatch, gone with the next save: see LeaseDue
//
// Every time is a number: milliseconds since 1970 UTC.
//
// The index "due" (partition due_shard, sort due_at, KEYS_ONLY) lists what must be looked at, of both kinds together:
// the keys of an entry say which record it is. A record from which nothing more is expected has none of due, due_at and
// due_shard, so it is not in the index, which stays as small as the work that is left. That is not a matter of the
// status: a paid order that owes money back is due. Every item with one of the three attributes has all of them.
//
// A dispatch takes a record by moving its entry some minutes on, and nothing else: whoever then works on the record
// finds it as it was, with its own due time and its revision. If nobody does, the entry comes up again. An order's
// lease and a cycle's claim leave the entry alone.
//
// The indexes "list", "buyer" and "attention" (partition: the attribute of that name; sort created_at; KEYS_ONLY) are
// the merchant's lists. internal/item/lists.go says what stands in their keys and when it changes.
//
// No item has the attribute ttl, by which the table would delete it: what happened to money is kept.
const (
	attrPK         = "PK"
	attrSK         = "SK"
	attrDueShard   = "due_shard"
	attrDueAt      = "due_at"
	attrWriteToken = "write_token"
	attrLeaseToken = "lease_token"
	attrCycle      = "cycle"

	attrList      = "list"
	attrBuyer     = "buyer"
	attrAttention = "attention"
	attrCreatedAt = "created_at"

	dueIndex = "due"
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num[T int | int64](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func orderKey(id string) values { return recordKey(payment.DueRecord{Kind: payment.KindOrder, ID: id}) }

func subscriptionKey(id string) values {
	return recordKey(payment.DueRecord{Kind: payment.KindSubscription, ID: id})
}

// recordKey is the primary key of a record. Its kind is in both halves: PK, because an order and a subscription may
// have the same id, and SK, so that items of other kinds could be kept beside a record one day.
func recordKey(r payment.DueRecord) values {
	return values{attrPK: str(r.Kind + "#" + r.ID), attrSK: str(r.Kind)}
}

// recordOf undoes recordKey; ok is false for the key of something else.
func recordOf(key values) (r payment.DueRecord, ok bool) {
	kind, id, keyed := strings.Cut(text(key[attrPK]), "#")
	known := kind == payment.KindOrder || kind == payment.KindSubscription
	return payment.DueRecord{Kind: kind, ID: id}, keyed && known && text(key[attrSK]) == kind
}

// text is the value of a string attribute, empty when it is absent or something else.
func text(v types.AttributeValue) string {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return s.Value
}

// TableCreator is the part of *dynamodb.Client that CreateTable needs.
type TableCreator interface {
	CreateTable(
		context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options),
	) (*dynamodb.CreateTableOutput, error)
}

// CreateTable makes the table as template.yaml does. It is for engines on a laptop and in tests; in an account the
// stack makes it.
func CreateTable(ctx context.Context, client TableCreator, name string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrPK), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrSK), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrDueShard), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrDueAt), AttributeType: types.ScalarAttributeTypeN},
			{AttributeName: aws.String(attrList), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrBuyer), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrAttention), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrCreatedAt), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: keySchema(attrPK, attrSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			keysOnly(dueIndex, attrDueShard, attrDueAt), keysOnly(attrList, attrList, attrCreatedAt),
			keysOnly(attrBuyer, attrBuyer, attrCreatedAt), keysOnly(attrAttention, attrAttention, attrCreatedAt),
		},
	})
	if err != nil {
		return fmt.Errorf("store: create table %s: %w", name, err)
	}
	return nil
}

func keysOnly(name, partition, sort string) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{
		IndexName: aws.String(name), KeySchema: keySchema(partition, sort),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
	}
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}
