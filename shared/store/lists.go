package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

// ListsAPI is the part of *dynamodb.Client that Lists uses.
type ListsAPI interface {
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(
		context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options),
	) (*dynamodb.BatchGetItemOutput, error)
}

// Lists reads the table's lists. It is a type of its own, because only one function has lists, and the others need not
// carry the code of its requests.
type Lists struct {
	api   ListsAPI
	table string
}

var _ payment.Lists = (*Lists)(nil)

// NewLists returns the lists of the table of that name.
func NewLists(client ListsAPI, table string) *Lists { return &Lists{api: client, table: table} }

// listIndexes are the index behind each list, with its keys.
var listIndexes = map[payment.ListIndex]struct{ name, partition, sort string }{
	payment.ListDay:       {attrList, attrList, attrCreatedAt},
	payment.ListStatus:    {attrList, attrList, attrCreatedAt},
	payment.ListCustomer:  {attrBuyer, attrBuyer, attrCreatedAt},
	payment.ListAttention: {attrAttention, attrAttention, attrCreatedAt},
	payment.ListDue:       {dueIndex, attrDueShard, attrDueAt},
}

// List implements payment.Lists. Entries of a kind that this program does not know are left out.
func (l *Lists) List(ctx context.Context, q payment.ListQuery) (entries []payment.Listed, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: list %s: %w", q.Index, err)
		}
	}()
	index, ok := listIndexes[q.Index]
	if !ok || q.Limit < 1 || q.Part < 0 || q.Part >= q.Index.Parts() {
		return nil, fmt.Errorf("no list has part %d, limit %d", q.Part, q.Limit)
	}
	if err := bounded(ctx); err != nil {
		return nil, err
	}
	out, err := l.api.Query(ctx, &dynamodb.QueryInput{
		TableName:                aws.String(l.table),
		IndexName:                aws.String(index.name),
		KeyConditionExpression:   aws.String("#partition = :partition AND #sort BETWEEN :from AND :to"),
		ExpressionAttributeNames: map[string]string{"#partition": index.partition, "#sort": index.sort},
		ExpressionAttributeValues: values{
			":partition": str(item.ListKey(q)), ":from": num(item.Millis(q.From)), ":to": num(item.Millis(q.To)),
		},
		ScanIndexForward: aws.Bool(q.Ascending),
		Limit:            aws.Int32(int32(min(q.Limit, dueLimitMax))),
	})
	if err != nil {
		return nil, err
	}
	for _, key := range out.Items {
		record, known := recordOf(key)
		if !known {
			continue
		}
		var at int64
		if err := attributevalue.Unmarshal(key[index.sort], &at); err != nil {
			return nil, err
		}
		entries = append(entries, payment.Listed{Record: record, At: item.Time(at)})
	}
	return entries, nil
}

// GetOrders implements payment.Lists.
func (l *Lists) GetOrders(ctx context.Context, ids []string) ([]order.Order, []string, error) {
	return getAll(ctx, l, payment.KindOrder, ids, decodeOrder)
}

// GetSubscriptions implements payment.Lists.
func (l *Lists) GetSubscriptions(ctx context.Context, ids []string) ([]subscription.Subscription, []string, error) {
	return getAll(ctx, l, payment.KindSubscription, ids, decodeSubscription)
}

// getAll reads up to ReadMax records, strongly consistent.
func getAll[T any](
	ctx context.Context, l *Lists, kind string, ids []string, decode func(values) (T, error),
) (found []T, left []string, err error) {
	defer wrap(&err, "get "+kind+"s", strings.Join(ids, " "))
	if err := bounded(ctx); err != nil {
		return nil, nil, err
	}
	asked := ids[:min(len(ids), payment.ReadMax)]
	left = ids[len(asked):]
	var keys []map[string]types.AttributeValue
	for _, id := range asked {
		keys = append(keys, recordKey(payment.DueRecord{Kind: kind, ID: id}))
	}
	out, err := l.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{l.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
	})
	if err != nil {
		return nil, nil, err
	}
	for _, all := range out.Responses[l.table] {
		record, err := decode(all)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, record)
	}
	for _, key := range out.UnprocessedKeys[l.table].Keys {
		if record, ok := recordOf(key); ok {
			left = append(left, record.ID)
		}
	}
	return found, left, nil
}
