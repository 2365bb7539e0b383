package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

// CreateSubscription implements payment.Subscriptions.
func (d *DynamoDB) CreateSubscription(
	ctx context.Context, s subscription.Subscription,
) (_ subscription.Subscription, err error) {
	defer wrap(&err, "create subscription", s.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return subscription.Subscription{}, err
	}
	created, all, err := encodeSubscription(s, token)
	if err != nil {
		return subscription.Subscription{}, err
	}
	return written(created, d.insert(ctx, all), token, decodeSubscription, payment.ErrExists)
}

// GetSubscription implements payment.Subscriptions.
func (d *DynamoDB) GetSubscription(ctx context.Context, id string) (_ subscription.Subscription, err error) {
	defer wrap(&err, "get subscription", id)
	found, err := d.get(ctx, subscriptionKey(id))
	if err != nil {
		return subscription.Subscription{}, err
	}
	return decodeSubscription(found)
}

// SaveSubscription implements payment.Subscriptions; ErrNotFound when there is no such subscription.
func (d *DynamoDB) SaveSubscription(
	ctx context.Context, next subscription.Subscription,
) (_ subscription.Subscription, err error) {
	defer wrap(&err, "save subscription", next.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return subscription.Subscription{}, err
	}
	saved, all, err := encodeSubscription(next, token)
	if err != nil {
		return subscription.Subscription{}, err
	}
	return written(saved, d.replace(ctx, all, next.Revision-1), token, decodeSubscription, payment.ErrConflict)
}

// ClaimCycle implements payment.Cycles. Its expressions say what subscription.Claim says; the conformance suite
// compares the two. An item that is missing fails the condition, so a claim never makes one. Like an order's lease it
// leaves due_at alone: the dispatch has just put the entry minutes ahead, and moving it once more would cost the index
// another two writes for each charge.
func (d *DynamoDB) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (_ subscription.Subscription, err error) {
	defer wrap(&err, "claim cycle of subscription", c.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return subscription.Subscription{}, err
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(d.table),
		Key:       subscriptionKey(c.ID),
		ConditionExpression: aws.String("#status IN (:active, :past_due) AND #cycle = :k" +
			" AND (attribute_not_exists(charge_at) OR charge_at <= :at)" +
			" AND (attribute_not_exists(ask_after) OR ask_after <= :at)"),
		UpdateExpression: aws.String("SET ask_after = :until, due = :until," +
			" begun = if_not_exists(begun, :at), revision = revision + :one, write_token = :token"),
		ExpressionAttributeNames: map[string]string{"#status": "status", "#cycle": attrCycle},
		ExpressionAttributeValues: values{
			":active":   str(string(subscription.Active)),
			":past_due": str(string(subscription.PastDue)),
			":k":        num(c.Cycle),
			":at":       num(item.Millis(c.At)),
			":until":    num(item.Millis(c.At.Add(subscription.ChargeLease))),
			":one":      num(1),
			":token":    str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return decodeSubscription(out.Attributes)
	}
	old, mine, err := stored(err, token, decodeSubscription)
	if err != nil || mine {
		return old, err
	}
	if _, refusal := old.Claim(c); refusal != nil {
		return old, refusal
	}
	return old, errDisagree
}

// encodeSubscription returns the item, and the subscription as it will be read from it.
func encodeSubscription(s subscription.Subscription, token string) (subscription.Subscription, values, error) {
	form := item.FromSubscription(s)
	read, err := form.Subscription()
	if err != nil {
		return subscription.Subscription{}, nil, err
	}
	all, err := marshal(form, subscriptionKey(s.ID), token)
	return read, all, err
}

func decodeSubscription(all values) (subscription.Subscription, error) {
	var form item.Subscription
	if err := attributevalue.UnmarshalMap(all, &form); err != nil {
		return subscription.Subscription{}, err
	}
	return form.Subscription()
}
