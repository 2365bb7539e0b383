package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The table has one item per order and nothing else. On demand, keys are strings:
//
//	PK            S  "order#<id>"
//	SK            S  "order"
//
// Beside the order's own attributes, which internal/item lists one by one:
//
//	v             N  version of the item's format, 1
//	status        S  open, settling, paid, refunded, failed, expired or review
//	revision      N  +1 with every claim and save; a save's condition
//	link_token    S  random; a claim's condition, like attempt.n, amount and currency
//	ask_after     N  nobody else asks the provider before; a lease's condition. Absent and 0 are the same
//	write_token   S  random, new with every write: see stored
//	due_at        N  when the order must be looked at again
//	due_shard     S  "00" to "31": the first byte of the id's SHA-256, modulo 32
//
// Every time is a number: milliseconds since 1970 UTC.
//
// The index "due" (partition due_shard, sort due_at, KEYS_ONLY) lists what must be looked at. An order that is final has neither
// attribute, so it is not in the index, which stays as small as the work that is left. Every item with one of them has both.
//
// No order has the attribute ttl, by which the table would delete it: what happened to money is kept.
const (
	attrPK         = "PK"
	attrSK         = "SK"
	attrDueShard   = "due_shard"
	attrDueAt      = "due_at"
	attrWriteToken = "write_token"

	orderPrefix = "order#"
	orderSort   = "order"
	dueIndex    = "due"
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num[T int | int64](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// orderKey is the primary key of an order.
func orderKey(id string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{attrPK: str(orderPrefix + id), attrSK: str(orderSort)}
}

// orderID undoes orderKey; ok is false for the key of something else.
func orderID(key map[string]types.AttributeValue) (id string, ok bool) {
	if text(key[attrSK]) != orderSort {
		return "", false
	}
	return strings.CutPrefix(text(key[attrPK]), orderPrefix)
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
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
}

// CreateTable makes the table as template.yaml does. It is for engines on a laptop and in tests; in an account the stack makes it.
func CreateTable(ctx context.Context, client TableCreator, name string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   aws.String(name),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrPK), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrSK), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrDueShard), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrDueAt), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: keySchema(attrPK, attrSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(dueIndex),
			KeySchema:  keySchema(attrDueShard, attrDueAt),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
	})
	if err != nil {
		return fmt.Errorf("store: create table %s: %w", name, err)
	}
	return nil
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}
