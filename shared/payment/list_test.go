package payment

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
)

// dueAtOnce is a list on which every part has the same number of subscriptions of one millisecond.
type dueAtOnce struct {
	Lists
	at   time.Time
	each int
	t    *testing.T
}

func (d dueAtOnce) List(_ context.Context, q ListQuery) (entries []Listed, err error) {
	if q.From.After(q.To) {
		d.t.Errorf("part %d is asked from %v to %v: DynamoDB refuses that", q.Part, q.From, q.To)
	}
	if d.at.Before(q.From) || d.at.After(q.To) {
		return nil, nil
	}
	for i := range min(d.each, q.Limit) {
		entries = append(entries, Listed{Record: DueRecord{Kind: KindSubscription, ID: fmt.Sprintf("subscription-%02d-%08d", q.Part, i)}, At: d.at})
	}
	return entries, nil
}

func (d dueAtOnce) GetSubscriptions(_ context.Context, ids []string) (found []subscription.Subscription, left []string, err error) {
	for _, id := range ids {
		found = append(found, subscription.Subscription{ID: id})
	}
	return found, nil, nil
}

// TestListOfOneMoment: thousands may be due at the same moment, such as the first of a month. Each is listed once, and the cursor stays shorter
// than what API Gateway takes of a request, 10,240 bytes with its headers.
func TestListOfOneMoment(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_800_000_000_000)
	l := &Lister{Lists: dueAtOnce{at: at, each: 100, t: t}, Now: func() time.Time { return at }}
	seen := map[string]int{}
	for cursor := ""; ; {
		page, err := l.Subscriptions(t.Context(), SubscriptionFilter{DueTill: at}, 30, cursor)
		if err != nil || len(seen) > 4000 {
			t.Fatal(len(seen), err)
		}
		for _, s := range page.Records {
			if seen[s.ID]++; seen[s.ID] > 1 {
				t.Fatalf("%s is listed twice", s.ID)
			}
		}
		if cursor = page.Next; len(cursor) > 6000 {
			t.Fatalf("after %d, a cursor of %d bytes", len(seen), len(cursor))
		}
		if cursor == "" {
			break
		}
	}
	if len(seen) != DueShards*100 {
		t.Errorf("%d were listed, want %d", len(seen), DueShards*100)
	}
}
