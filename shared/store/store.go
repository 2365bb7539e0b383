// Package store keeps orders in DynamoDB behind payment's ports. Every method is exactly one request, and every transition one
// conditional write on one item, so that two Lambda functions that meet at an order need no lock: the table lets one of them win and
// shows the other the order as it is.
//
// keys.go documents the table, due.go reads its index, internal/item is the stored form of an order.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
)

// API is the part of *dynamodb.Client that the store uses.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// DynamoDB is the store in an account. It is safe for concurrent use.
type DynamoDB struct {
	api      API
	table    string
	newToken func() string
}

var _ payment.Store = (*DynamoDB)(nil)

// New returns the store in the table of that name. newToken returns a random text that no other write ever gets, such as
// crypto/rand.Text: with it a write recognises itself.
func New(client API, table string, newToken func() string) *DynamoDB {
	return &DynamoDB{api: client, table: table, newToken: newToken}
}

var (
	errDeadline = errors.New("the context has no deadline")
	errToken    = errors.New("the new write token is empty")
	// errDisagree means that the written condition and the pure rule beside it have drifted apart. Nobody may go on from there.
	errDisagree = errors.New("the table refused what the order's own rule allows")
)

// Create implements payment.Orders.
func (d *DynamoDB) Create(ctx context.Context, o order.Order) (_ order.Order, err error) {
	defer wrap(&err, "create", o.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	created, values, err := encode(o, token)
	if err != nil {
		return order.Order{}, err
	}
	_, err = d.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(d.table),
		Item:                                values,
		ConditionExpression:                 aws.String("attribute_not_exists(PK)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return created, nil
	}
	old, mine, err := stored(err, token)
	if err != nil || mine {
		return old, err
	}
	return old, payment.ErrExists
}

// Get implements payment.Orders.
func (d *DynamoDB) Get(ctx context.Context, id string) (_ order.Order, err error) {
	defer wrap(&err, "get", id)
	if err := bounded(ctx); err != nil {
		return order.Order{}, err
	}
	out, err := d.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      aws.String(d.table),
		Key:            orderKey(id),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return order.Order{}, err
	}
	if len(out.Item) == 0 {
		return order.Order{}, payment.ErrNotFound
	}
	return decode(out.Item)
}

// Claim implements payment.Claims. Its expressions say what order.Claim says; the conformance suite compares the two. An item that is
// missing fails the condition, so a claim never makes one.
func (d *DynamoDB) Claim(ctx context.Context, c order.Claim) (_ order.Order, err error) {
	defer wrap(&err, "claim", c.OrderID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	step, err := attributevalue.Marshal([]item.Step{item.FromStep(order.ClaimStep(c))})
	if err != nil {
		return order.Order{}, err
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(d.table),
		Key:       orderKey(c.OrderID),
		ConditionExpression: aws.String("#status = :open AND link_token = :link AND attempt.n = :n" +
			" AND amount = :amount AND currency = :currency"),
		UpdateExpression: aws.String("SET #status = :settling, attempt.#key = :key, attempt.claimed_at = :at, attempt.unanswered = :true," +
			" ask_after = :ask_after, due_at = :due_at, due_shard = :due_shard," +
			" history = list_append(if_not_exists(history, :none), :step), revision = revision + :one, write_token = :token"),
		ExpressionAttributeNames: map[string]string{"#status": "status", "#key": "key"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":open":      str(string(order.Open)),
			":link":      str(c.LinkToken),
			":n":         num(c.Attempt),
			":amount":    num(c.Amount.Value),
			":currency":  str(string(c.Amount.Currency)),
			":settling":  str(string(order.Settling)),
			":key":       str(c.Key),
			":at":        num(item.Millis(c.At)),
			":true":      &types.AttributeValueMemberBOOL{Value: true},
			":ask_after": num(item.Millis(c.AskAfter)),
			":due_at":    num(item.Millis(order.ClaimDue(c))),
			":due_shard": str(item.Shard(c.OrderID)),
			":none":      &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
			":step":      step,
			":one":       num(1),
			":token":     str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return decode(out.Attributes)
	}
	old, mine, err := stored(err, token)
	if err != nil || mine {
		return old, err
	}
	if _, refusal := old.Claim(c); refusal != nil {
		return old, refusal
	}
	return old, errDisagree
}

// Lease implements payment.Claims. Its expressions say what order.Lease says.
func (d *DynamoDB) Lease(ctx context.Context, l order.Lease) (_ order.Order, err error) {
	defer wrap(&err, "lease", l.OrderID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(d.table),
		Key:       orderKey(l.OrderID),
		ConditionExpression: aws.String("#status IN (:open, :settling)" +
			" AND (attribute_not_exists(ask_after) OR ask_after <= :at)"),
		UpdateExpression:         aws.String("SET ask_after = :until, write_token = :token"),
		ExpressionAttributeNames: map[string]string{"#status": "status"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":open":     str(string(order.Open)),
			":settling": str(string(order.Settling)),
			":at":       num(item.Millis(l.At)),
			":until":    num(item.Millis(l.Until)),
			":token":    str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return decode(out.Attributes)
	}
	old, mine, err := stored(err, token)
	if err != nil || mine {
		return old, err
	}
	if _, refusal := old.Lease(l); refusal != nil {
		return old, refusal
	}
	return old, errDisagree
}

// Save implements payment.Claims; ErrNotFound when there is no such order.
func (d *DynamoDB) Save(ctx context.Context, next order.Order) (_ order.Order, err error) {
	defer wrap(&err, "save", next.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	saved, values, err := encode(next, token)
	if err != nil {
		return order.Order{}, err
	}
	_, err = d.api.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           aws.String(d.table),
		Item:                                values,
		ConditionExpression:                 aws.String("revision = :read"),
		ExpressionAttributeValues:           map[string]types.AttributeValue{":read": num(next.Revision - 1)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return saved, nil
	}
	old, mine, err := stored(err, token)
	if err != nil || mine {
		return old, err
	}
	return old, payment.ErrConflict
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

// stored takes the order out of the error of a write whose condition did not hold. Mine means that the order was last written by this
// very write: its reply was lost, the client underneath sent it again, and the second try met the first. That is a success.
//
// When somebody else wrote in between, the first try is not recognised and the write counts as refused. The caller then goes by the
// order it is shown, as after any lost race.
func stored(err error, token string) (o order.Order, mine bool, _ error) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return order.Order{}, false, err
	}
	if len(failed.Item) == 0 {
		return order.Order{}, false, payment.ErrNotFound
	}
	o, err = decode(failed.Item)
	return o, text(failed.Item[attrWriteToken]) == token, err
}

// encode returns the item, and the order as it will be read from it.
func encode(o order.Order, token string) (order.Order, map[string]types.AttributeValue, error) {
	it := item.FromOrder(o)
	read, err := it.Order()
	if err != nil {
		return order.Order{}, nil, err
	}
	values, err := attributevalue.MarshalMap(it)
	if err != nil {
		return order.Order{}, nil, err
	}
	for name, v := range orderKey(o.ID) {
		values[name] = v
	}
	values[attrWriteToken] = str(token)
	return read, values, nil
}

func decode(values map[string]types.AttributeValue) (order.Order, error) {
	var it item.Order
	if err := attributevalue.UnmarshalMap(values, &it); err != nil {
		return order.Order{}, err
	}
	return it.Order()
}

func bounded(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		return errDeadline
	}
	return nil
}

func wrap(err *error, operation, id string) {
	if *err != nil {
		*err = fmt.Errorf("store: %s order %s: %w", operation, id, *err)
	}
}
