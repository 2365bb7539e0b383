package store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
)

// Create implements payment.Orders.
func (d *DynamoDB) Create(ctx context.Context, o order.Order) (_ order.Order, err error) {
	defer wrap(&err, "create order", o.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	created, all, err := encodeOrder(o, token)
	if err != nil {
		return order.Order{}, err
	}
	return written(created, d.insert(ctx, all), token, decodeOrder, payment.ErrExists)
}

// Get implements payment.Orders.
func (d *DynamoDB) Get(ctx context.Context, id string) (_ order.Order, err error) {
	defer wrap(&err, "get order", id)
	found, err := d.get(ctx, orderKey(id))
	if err != nil {
		return order.Order{}, err
	}
	return decodeOrder(found)
}

// Claim implements payment.Claims. Its expressions say what order.Claim says: payable is the number that the ledger
// lets be claimed, 0 is none; the conformance suite compares the two. An item that is missing fails the condition, so a
// claim never makes one.
//
// Nor does an item of an earlier version hold it, for it has no payable. Such an order is claimed by the rule itself,
// and written whole in the present version in place of the revision that was read: one request more, once.
func (d *DynamoDB) Claim(ctx context.Context, c order.Claim) (_ order.Order, err error) {
	defer wrap(&err, "claim order", c.OrderID)
	o, err := d.claim(ctx, c)
	for range claimTries {
		if !errors.Is(err, errOldVersion) {
			break
		}
		if o, err = d.claimOld(ctx, o, c); errors.Is(err, payment.ErrConflict) {
			o, err = d.claim(ctx, c)
		}
	}
	return o, err
}

// claimTries is how often somebody else may write an order of an earlier version while it is claimed: functions of that
// version may still run.
const claimTries = 3

// errOldVersion says that an order may be claimed, and that its item is of an earlier version.
var errOldVersion = errors.New("the stored order is of an earlier version")

// claimOld claims an order that was read from an item of an earlier version.
func (d *DynamoDB) claimOld(ctx context.Context, old order.Order, c order.Claim) (order.Order, error) {
	next, err := old.Claim(c)
	if err != nil {
		return old, err
	}
	return d.Save(ctx, next)
}

func (d *DynamoDB) claim(ctx context.Context, c order.Claim) (order.Order, error) {
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	step, err := attributevalue.Marshal([]item.Step{item.FromStep(order.ClaimStep(c))})
	if err != nil {
		return order.Order{}, err
	}
	request, err := attributevalue.Marshal(item.FromRequests(c.Request()))
	if err != nil {
		return order.Order{}, err
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(d.table),
		Key:       orderKey(c.OrderID),
		ConditionExpression: aws.String("#status = :open AND payable = :n AND payable > :zero" +
			" AND link_token = :link AND #provider = :provider AND amount = :amount AND currency = :currency"),
		UpdateExpression: aws.String("SET #status = :processing, payable = :zero, since = :at," +
			" requests = list_append(if_not_exists(requests, :none), :request)," +
			" ask_after = :ask_after, due = :due_at, due_at = :due_at, due_shard = :due_shard," +
			" history = list_append(if_not_exists(history, :none), :step)," +
			" revision = revision + :one, write_token = :token"),
		ExpressionAttributeNames: map[string]string{"#status": "status", "#provider": "provider"},
		ExpressionAttributeValues: values{
			":open":       str(string(order.Open)),
			":link":       str(c.LinkToken),
			":n":          num(c.Attempt),
			":provider":   str(c.Provider),
			":amount":     num(c.Amount.Value),
			":currency":   str(string(c.Amount.Currency)),
			":processing": str(string(order.Processing)),
			":zero":       num(0),
			":at":         num(item.Millis(c.At)),
			":request":    request,
			":ask_after":  num(item.Millis(c.AskAfter)),
			":due_at":     num(item.Millis(order.ClaimDue(c))),
			":due_shard":  str(item.Shard(c.OrderID)),
			":none":       &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
			":step":       step,
			":one":        num(1),
			":token":      str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return decodeOrder(out.Attributes)
	}
	earlier := false
	old, mine, err := stored(err, token, func(all values) (o order.Order, err error) {
		o, earlier, err = readOrder(all)
		return o, err
	})
	if err != nil || mine {
		return old, err
	}
	if _, refusal := old.Claim(c); refusal != nil {
		return old, refusal
	}
	if earlier {
		return old, errOldVersion
	}
	return old, errDisagree
}

// Lease implements payment.Claims. Its expressions say what order.Lease says. An order without a due time is final; a
// lease of a final one, too, needs an item, or it would make one. It leaves the due index alone: the save that follows
// it sets the entry, and until then a dispatch that is under way stays the only one.
func (d *DynamoDB) Lease(ctx context.Context, l order.Lease) (_ order.Order, err error) {
	defer wrap(&err, "lease order", l.OrderID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	leasable := "attribute_exists(due_at)"
	if l.Final {
		leasable = "attribute_exists(PK)"
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           aws.String(d.table),
		Key:                 orderKey(l.OrderID),
		ConditionExpression: aws.String(leasable + " AND (attribute_not_exists(ask_after) OR ask_after <= :at)"),
		UpdateExpression:    aws.String("SET ask_after = :until, write_token = :token"),
		ExpressionAttributeValues: values{
			":at":    num(item.Millis(l.At)),
			":until": num(item.Millis(l.Until)),
			":token": str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return decodeOrder(out.Attributes)
	}
	old, mine, err := stored(err, token, decodeOrder)
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
	defer wrap(&err, "save order", next.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return order.Order{}, err
	}
	saved, all, err := encodeOrder(next, token)
	if err != nil {
		return order.Order{}, err
	}
	return written(saved, d.replace(ctx, all, next.Revision-1), token, decodeOrder, payment.ErrConflict)
}

// encodeOrder returns the item, and the order as it will be read from it.
func encodeOrder(o order.Order, token string) (order.Order, values, error) {
	form := item.FromOrder(o)
	read, err := form.Order()
	if err != nil {
		return order.Order{}, nil, err
	}
	all, err := marshal(form, orderKey(o.ID), token)
	return read, all, err
}

func decodeOrder(all values) (order.Order, error) {
	o, _, err := readOrder(all)
	return o, err
}

// readOrder says, too, whether the item is of an earlier version.
func readOrder(all values) (o order.Order, old bool, err error) {
	return item.ReadOrder(func(form any) error { return attributevalue.UnmarshalMap(all, form) })
}
