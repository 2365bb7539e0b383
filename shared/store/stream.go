package store

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/payment"
)

// Change reads a record of the table's stream: the item before and after the write, in DynamoDB's JSON. ok is false
// when it is of no record of ours, or says that one was deleted, which we never do.
func Change(oldImage, newImage []byte) (c event.Change, ok bool, err error) {
	now, r, ok, err := image(newImage)
	if err != nil || !ok {
		return event.Change{}, false, err
	}
	old, _, existed, err := image(oldImage)
	if err != nil {
		return event.Change{}, false, err
	}
	if r.Kind == payment.KindOrder {
		c.Order, err = decodeOrder(now)
		if err == nil && existed {
			c.OldOrder, err = decodeOrder(old)
		}
	} else {
		c.Subscription, err = decodeSubscription(now)
		if err == nil && existed {
			c.OldSubscription, err = decodeSubscription(old)
		}
	}
	if err != nil {
		return event.Change{}, false, fmt.Errorf("store: a change of %s %s cannot be read: %w", r.Kind, r.ID, err)
	}
	return c, true, nil
}

func image(text []byte) (all values, r payment.DueRecord, ok bool, err error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, r, false, nil
	}
	if all, err = attributevalue.UnmarshalMapJSON(text); err != nil {
		return nil, r, false, fmt.Errorf("store: an image of the stream cannot be read: %w", err)
	}
	r, ok = recordOf(all)
	return all, r, ok, nil
}
