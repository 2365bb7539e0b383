package store

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
)

// position is where a page of the due index ended: DynamoDB's LastEvaluatedKey. Its JSON in base64 is the cursor.
type position struct {
	PK    string `dynamodbav:"PK" json:"pk"`
	SK    string `dynamodbav:"SK" json:"sk"`
	Shard string `dynamodbav:"due_shard" json:"shard"`
	At    int64  `dynamodbav:"due_at" json:"at"`
}

var errCursor = errors.New("the cursor is not one of this shard")

// Due implements payment.DueRecords. Entries of a kind that this program does not know are left out, so a page may be
// shorter than the limit, and empty, without being the last. The last page, too, may be empty: DynamoDB says that there
// may be more whenever it stops at the limit.
func (d *DynamoDB) Due(
	ctx context.Context, shard int, before time.Time, limit int, cursor string,
) (due []payment.DueRecord, next string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("store: list due records of shard %d: %w", shard, err)
		}
	}()
	if err := bounded(ctx); err != nil {
		return nil, "", err
	}
	if shard < 0 || shard >= payment.DueShards || limit < 1 {
		return nil, "", fmt.Errorf("shard must be 0 to %d and limit (%d) at least 1", payment.DueShards-1, limit)
	}
	start, err := decodeCursor(cursor, item.ShardName(shard))
	if err != nil {
		return nil, "", err
	}
	out, err := d.api.Query(ctx, &dynamodb.QueryInput{
		TableName:              aws.String(d.table),
		IndexName:              aws.String(dueIndex),
		KeyConditionExpression: aws.String("due_shard = :shard AND due_at <= :before"),
		ExpressionAttributeValues: values{
			":shard":  str(item.ShardName(shard)),
			":before": num(item.Millis(before)),
		},
		ScanIndexForward:  aws.Bool(true),
		Limit:             aws.Int32(int32(min(limit, dueLimitMax))),
		ExclusiveStartKey: start,
	})
	if err != nil {
		return nil, "", err
	}
	for _, key := range out.Items {
		// A key of something else was put there by a newer version of this program. It must not stop the records behind
		// it.
		if record, ok := recordOf(key); ok {
			due = append(due, record)
		}
	}
	next, err = encodeCursor(out.LastEvaluatedKey)
	return due, next, err
}

// LeaseDue implements payment.DueRecords. It moves due_at, the entry in the index, and leaves due, the record's own
// time, alone, so that a get shows what it showed before and the next write of the record puts the entry back.
//
// It recognises its own first try by a token of its own. To compare due_at with until would not do: two ticks of the
// same millisecond want the same until. And it must not replace the token of the record's last write, which that write
// may still have to recognise.
func (d *DynamoDB) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (cycle int, err error) {
	defer wrap(&err, "lease due "+r.Kind, r.ID)
	token, err := d.begin(ctx)
	if err != nil {
		return 0, err
	}
	out, err := d.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           aws.String(d.table),
		Key:                 recordKey(r),
		ConditionExpression: aws.String("due_at <= :at"), // false without the attribute, and without an item
		UpdateExpression:    aws.String("SET due_at = :until, lease_token = :token"),
		ExpressionAttributeValues: values{
			":at":    num(item.Millis(at)),
			":until": num(item.Millis(until)),
			":token": str(token),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err == nil {
		return cycleOf(out.Attributes)
	}
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return 0, err
	}
	if text(failed.Item[attrLeaseToken]) != token {
		return 0, payment.ErrNotDue
	}
	return cycleOf(failed.Item)
}

// cycleOf is the cycle a subscription stands at. An order's item has none.
func cycleOf(all values) (cycle int, err error) {
	if stored, ok := all[attrCycle]; ok {
		err = attributevalue.Unmarshal(stored, &cycle)
	}
	return cycle, err
}

// dueLimitMax keeps a page well under the 1 MB at which DynamoDB ends it anyway: an index entry is some 150 bytes.
const dueLimitMax = 1000

func encodeCursor(key values) (string, error) {
	if len(key) == 0 {
		return "", nil
	}
	var p position
	if err := attributevalue.UnmarshalMap(key, &p); err != nil {
		return "", err
	}
	b, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func decodeCursor(cursor, shard string) (values, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, errCursor
	}
	var p position
	if err := json.Unmarshal(b, &p); err != nil || p.Shard != shard {
		return nil, errCursor
	}
	return attributevalue.MarshalMap(p)
}
