package order

import "time"

// Why an order needs a person's attention.
const (
	AttentionReview  = "review"  // its facts contradict each other
	AttentionOwed    = "owed"    // money is to be refunded
	AttentionOverdue = "overdue" // money may have been taken, or a refund is not made, and nobody has known for an hour
)

// Attention says why the order needs a person's attention, or "".
func (o Order) Attention(now time.Time) string {
	switch {
	case o.Status == Review:
		return AttentionReview
	case o.Owed() != nil:
		return AttentionOwed
	case o.overdue(now):
		return AttentionOverdue
	}
	return ""
}

// ListedForAttention says that the order belongs on the list of those that need attention. No write happens when an
// hour is over: an order is listed with the write after which it will not be looked up before that.
func (o Order) ListedForAttention() bool { return o.Attention(o.DueAt) != "" }

func (o Order) overdue(at time.Time) bool {
	old := func(since time.Time) bool { return !since.IsZero() && at.Sub(since) >= AlarmAfter }
	return o.Status == Processing && old(o.Since) || old(o.Ledger.RefundingSince())
}
