package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

// CreateSubscription implements payment.Subscriptions.
func (d *DynamoDB) CreateSubscription(ctx context.Context, s subscription.Subscription) (_ subscription.Subscription, err error) {
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
func (d *DynamoDB) SaveSubscription(ctx context.Context, next subscription.Subscription) (_ subscription.Subscription, err error) {
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
