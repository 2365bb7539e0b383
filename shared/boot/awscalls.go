package boot

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/store"
)

// table, vault and mailbox pass on the calls that are used, and nothing else of the SDK's clients. html/template finds methods by name at run
// time, so the linker keeps every method of every type that becomes an interface value: handing the clients themselves to store.API and
// secret.API would keep all of their operations, a quarter of a megabyte in each function's zip.
type table struct {
	get    func(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	put    func(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	update func(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	query  func(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

var _ store.API = table{}

func newTable(c *dynamodb.Client) table { return table{c.GetItem, c.PutItem, c.UpdateItem, c.Query} }

func (t table) GetItem(ctx context.Context, in *dynamodb.GetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return t.get(ctx, in, options...)
}

func (t table) PutItem(ctx context.Context, in *dynamodb.PutItemInput, options ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return t.put(ctx, in, options...)
}

func (t table) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, options ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return t.update(ctx, in, options...)
}

func (t table) Query(ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return t.query(ctx, in, options...)
}

// shelf is what the merchant function reads lists with.
type shelf struct {
	query func(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	batch func(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
}

var _ store.ListsAPI = shelf{}

func newShelf(c *dynamodb.Client) shelf { return shelf{c.Query, c.BatchGetItem} }

func (s shelf) Query(ctx context.Context, in *dynamodb.QueryInput, options ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return s.query(ctx, in, options...)
}

func (s shelf) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, options ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return s.batch(ctx, in, options...)
}

type vault struct {
	get func(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

var _ secret.API = vault{}

func newVault(c *secretsmanager.Client) vault { return vault{c.GetSecretValue} }

func (v vault) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return v.get(ctx, in, options...)
}

type mailbox struct {
	send func(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	look func(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

var _ queue.API = mailbox{}

func newMailbox(c *sqs.Client) mailbox { return mailbox{c.SendMessageBatch, c.GetQueueAttributes} }

func (m mailbox) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, options ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	return m.send(ctx, in, options...)
}

func (m mailbox) GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, options ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return m.look(ctx, in, options...)
}
