package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
)

// TestRun: what a real table tells is put on the bus as the schemas have it, and counted alone with -dry-run.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, engine := range enginetest.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			client := enginetest.Client(engine.Endpoint)
			table := enginetest.Table(t, client)
			seed(t, store.New(client, table, rand.Text))
			var mu sync.Mutex
			var ids []string
			bus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var in struct {
					Entries []struct{ EventBusName, DetailType, Detail string }
				}
				if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
					t.Errorf("%v: %s", err, r.Header.Get("X-Amz-Target"))
				}
				mu.Lock()
				defer mu.Unlock()
				for _, e := range in.Entries {
					if err := eventtest.CheckJSON(e.DetailType, []byte(e.Detail)); err != nil || e.EventBusName != "tosspay" {
						t.Errorf("%s: %v", e.EventBusName, err)
					}
					var detail struct{ ID string }
					_ = json.Unmarshal([]byte(e.Detail), &detail)
					ids = append(ids, detail.ID)
				}
				_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[]}`)
			}))
			t.Cleanup(bus.Close)
			env := map[string]string{
				"AWS_REGION": "ap-northeast-2", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
				"AWS_ENDPOINT_URL_DYNAMODB": engine.Endpoint, "AWS_ENDPOINT_URL_EVENTBRIDGE": bus.URL,
			}
			run := func(args ...string) (string, error) {
				var out bytes.Buffer
				err := run(t.Context(), append([]string{"-table", table, "-bus", "tosspay"}, args...), func(name string) string { return env[name] }, &out, io.Discard)
				return out.String(), err
			}
			if out, err := run("-since", "1h", "-dry-run"); err != nil || !strings.HasPrefix(out, "2 records, 1 events") || len(ids) > 0 {
				t.Errorf("dry run: %v %s %v", err, out, ids)
			}
			if out, err := run("-since", "1h"); err != nil || !strings.HasPrefix(out, "2 records, 1 events") || !slices.Equal(ids, []string{"order/order-0001/2/paid"}) {
				t.Errorf("%v %s %v", err, out, ids)
			}
			if out, err := run("-since", "2h", "-until", "1h"); err != nil || !strings.HasPrefix(out, "2 records, 0 events") || len(ids) != 1 {
				t.Errorf("another hour: %v %s %v", err, out, ids)
			}
		})
	}
}

func seed(t *testing.T, s *store.DynamoDB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	now := time.Now()
	for _, id := range []string{"order-0001", "order-0002"} {
		o, err := s.Create(ctx, order.New(order.Order{
			ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, LinkToken: "link", CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if id == "order-0002" {
			continue
		}
		paid := o.Ledger.Learn(ledger.Answer{Account: o.Ledger.Account, Began: now, At: now, Readable: true, Payments: []ledger.Payment{{
			Key: "key", Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW", Test: true, ApprovedAt: now,
		}}}).Decide()
		paid.Revision++
		if _, err := s.Save(ctx, o.With(paid, now)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"": "-since must be", "-since x": "-since must be", "-since 1h": "-table and -bus", "-since 1h -until 2h -table t -bus b": "before -until",
		"-since 1h -until yesterday -table t -bus b": "-until must be", "-since 1h -table t -bus b more": "unexpected", "-since -1h -table t -bus b": "-since must be",
	} {
		if err := run(t.Context(), strings.Fields(args), func(string) string { return "" }, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	if err := run(t.Context(), []string{"-help"}, func(string) string { return "" }, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-help: %v", err)
	}
}
