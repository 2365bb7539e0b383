package item

import (
	"crypto/sha256"
	"strconv"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// The indexes behind the lists sort by created_at, and have these partition keys:
//
//	list        of an order: the day in Korea it was made on, and a part: "2026-11-28#5". Written once, when the order is made.
//	            Of a subscription: its status and a part: "active#5". Changes with the status.
//	buyer       "order#" or "subscription#" and the customer's id. Written once; absent without one.
//	attention   "order", while the order is one for ListAttention.
//
// An index entry is rewritten only when its keys change: a confirm and a charge write none of them. The order of a subscription's cycle has
// neither list nor buyer: its subscription leads to it, and an hour of ten million charges would cost an index write each.

// list sets an order's keys of the lists.
func (it *Order) list(o order.Order) {
	if o.BillingKey == "" {
		it.List = ListKey(payment.ListQuery{
			Index: payment.ListDay, Value: o.CreatedAt.In(subscription.Seoul).Format(time.DateOnly), Part: part(o.ID, payment.ListDay),
		})
		if o.Customer.ID != "" {
			it.Buyer = ListKey(payment.ListQuery{Index: payment.ListCustomer, Kind: payment.KindOrder, Value: o.Customer.ID})
		}
	}
	if o.ListedForAttention() {
		it.Attention = ListKey(payment.ListQuery{Index: payment.ListAttention, Kind: payment.KindOrder})
	}
}

func (it *Subscription) list(s subscription.Subscription) {
	it.List = ListKey(payment.ListQuery{Index: payment.ListStatus, Value: string(s.Status), Part: part(s.ID, payment.ListStatus)})
	it.Buyer = ListKey(payment.ListQuery{Index: payment.ListCustomer, Kind: payment.KindSubscription, Value: s.CustomerID})
}

// part is the partition of a list that a record belongs to for ever.
func part(id string, index payment.ListIndex) int {
	sum := sha256.Sum256([]byte(id))
	return int(sum[1]) % index.Parts()
}

// ListKey is the partition key of a list.
func ListKey(q payment.ListQuery) string {
	switch q.Index {
	case payment.ListDay, payment.ListStatus:
		return q.Value + "#" + strconv.Itoa(q.Part)
	case payment.ListCustomer:
		return q.Kind + "#" + q.Value
	case payment.ListDue:
		return ShardName(q.Part)
	}
	return q.Kind
}
