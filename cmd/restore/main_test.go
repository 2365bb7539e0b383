package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
)

// TestRun: what the stack's table lacks, or has in an older revision, is put back; what it has newer stays, unless it is to be overwritten.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, engine := range enginetest.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			client := enginetest.Client(engine.Endpoint)
			from, to := enginetest.Table(t, client), enginetest.Table(t, client)
			backup, live := store.New(client, from, rand.Text), store.New(client, to, rand.Text)
			made := func(s *store.DynamoDB, id string, writes int) {
				t.Helper()
				now := time.Now()
				o, err := s.Create(ctx, order.New(order.Order{
					ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, LinkToken: "link", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
				}))
				for range writes {
					if err == nil {
						l := o.Ledger
						l.Revision++
						o, err = s.Save(ctx, o.With(l, now))
					}
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			made(backup, "order-lost", 1)
			made(backup, "order-older", 2)
			made(live, "order-older", 1)
			made(backup, "order-newer", 1)
			made(live, "order-newer", 2)
			made(live, "order-since", 0)
			revisions := func(want ...int64) {
				t.Helper()
				for i, id := range []string{"order-lost", "order-older", "order-newer", "order-since"} {
					if o, err := live.Get(ctx, id); err != nil || o.Revision != want[i] {
						t.Errorf("%s: revision %d, %v; want %d", id, o.Revision, err, want[i])
					}
				}
			}
			env := map[string]string{
				"AWS_REGION": "ap-northeast-2", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_DYNAMODB": engine.Endpoint,
			}
			run := func(want string, args ...string) {
				t.Helper()
				var out bytes.Buffer
				if err := run(ctx, append([]string{"-from", from, "-to", to}, args...), func(name string) string { return env[name] }, &out, io.Discard); err != nil || !strings.HasPrefix(out.String(), want) {
					t.Errorf("%v, %s, want %s", err, out.String(), want)
				}
			}
			run("3 records, 2 written, 1 left alone")
			revisions(2, 3, 3, 1)
			run("3 records, 0 written, 3 left alone")
			run("3 records, 3 written, 0 left alone", "-overwrite")
			revisions(2, 3, 2, 1)
		})
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"": "are needed", "-from a": "are needed", "-from a -to a": "the same", "-from a -to b c": "unexpected",
	} {
		err := run(t.Context(), strings.Fields(args), func(string) string { return "" }, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}
