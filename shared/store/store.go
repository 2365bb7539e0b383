// Package store keeps orders and subscriptions in DynamoDB behind payment's ports. Every method is exactly one request,
// and every transition one conditional write on one item, so that two Lambda functions that meet at a record need no
// lock: the table lets one of them win and shows the other the record as it is.
//
// keys.go documents the table, orders.go and subscriptions.go are its records, due.go and lists.go read its indexes,
// and internal/item is the stored form of both.
package store

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/payment"
)

// API is the part of *dynamodb.Client that the store uses.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(
		context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// DynamoDB is the store in an account. It is safe for concurrent use.
type DynamoDB struct {
	api      API
	table    string
	newToken func() string
}

var _ payment.Store = (*DynamoDB)(nil)

// New returns the store in the table of that name. newToken returns a random text that no other write ever gets, such
// as crypto/rand.Text: with it a write recognises itself.
func New(client API, table string, newToken func() string) *DynamoDB {
	return &DynamoDB{api: client, table: table, newToken: newToken}
}

var (
	errDeadline = errors.New("the context has no deadline")
	errToken    = errors.New("the new write token is empty")
	// errDisagree means that the written condition and the pure rule beside it have drifted apart. Nobody may go on
	// from there.
	errDisagree = errors.New("the table refused what the order's own rule allows")
)

// values are an item, or a part of one, by the attributes' names.
type values = map[string]types.AttributeValue

// get reads an item, strongly consistent, or returns ErrNotFound.
func (d *DynamoDB) get(ctx context.Context, key values) (values, error) {
	if err := bounded(ctx); err != nil {
		return nil, err
	}
	out, err := d.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(d.table), Key: key, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	if len(out.Item) == 0 {
		return nil, payment.ErrNotFound
	}
	return out.Item, nil
}

// insert writes an item where there is none.
func (d *DynamoDB) insert(ctx context.Context, all values) error {
	_, err := d.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(d.table),
		Item:                                all,
		ConditionExpression:                 aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

// replace writes an item in place of the one of the revision that was read.
func (d *DynamoDB) replace(ctx context.Context, all values, read int64) error {
	_, err := d.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(d.table),
		Item:                                all,
		ConditionExpression:                 aws.String("revision = :read"),
		ExpressionAttributeValues:           values{":read": num(read)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	return err
}

// begin refuses a write that could wait for ever and returns the write's token.
func (d *DynamoDB) begin(ctx context.Context) (token string, err error) {
	if err := bounded(ctx); err != nil {
		return "", err
	}
	if token = d.newToken(); token == "" {
		return "", errToken
	}
	return token, nil
}

// written is what became of a write of a whole record: the record, or the stored one with lost.
func written[T any](record T, err error, token string, decode func(values) (T, error), lost error) (T, error) {
	if err == nil {
		return record, nil
	}
	old, mine, err := stored(err, token, decode)
	if err != nil || mine {
		return old, err
	}
	return old, lost
}

// stored takes the record out of the error of a write whose condition did not hold. Mine means that the record was last
// written by this very write: its reply was lost, the client underneath sent it again, and the second try met the
// first. That is a success.
//
// When somebody else wrote in between, the first try is not recognised and the write counts as refused. The caller then
// goes by the record it is shown, as after any lost race.
func stored[T any](err error, token string, decode func(values) (T, error)) (record T, mine bool, _ error) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return record, false, err
	}
	if len(failed.Item) == 0 {
		return record, false, payment.ErrNotFound
	}
	record, err = decode(failed.Item)
	return record, text(failed.Item[attrWriteToken]) == token, err
}

// marshal returns the item of a record: its stored form under its key, with the token of the write.
func marshal(form any, key values, token string) (values, error) {
	all, err := attributevalue.MarshalMap(form)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, key)
	all[attrWriteToken] = str(token)
	return all, nil
}

func bounded(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		return errDeadline
	}
	return nil
}

// wrap says which operation failed on which record, such as "create order".
func wrap(err *error, operation, id string) {
	if *err != nil {
		*err = fmt.Errorf("store: %s %s: %w", operation, id, *err)
	}
}
