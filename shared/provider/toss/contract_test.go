package toss_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
)

// TestContract asks the real test environment. It exists because every other test here believes what the documentation says.
func TestContract(t *testing.T) {
	t.Parallel()
	text := os.Getenv("TOSS_TEST_SECRET_KEY")
	if text == "" {
		t.Skip("TOSS_TEST_SECRET_KEY is not set: the test environment of Toss Payments was not asked")
	}
	key := newKey(t, text)
	if !key.Test() {
		t.Fatal("TOSS_TEST_SECRET_KEY is not a test key")
	}
	// A run of its own: the environment replays errors of an idempotency key for 15 days.
	run := time.Now().UTC().Format("20060102T150405.000000")
	number := "contract-" + strings.ReplaceAll(run, ".", "-")

	forced := []struct {
		ask     string
		status  int
		code    string
		verdict provider.Verdict
		why     string
	}{
		{"REJECT_CARD_PAYMENT", 403, "REJECT_CARD_PAYMENT", provider.Declined, "a decline is told by its code, and we know the code"},
		{"ALREADY_PROCESSED_PAYMENT", 400, "ALREADY_PROCESSED_PAYMENT", provider.Unknown, "a 400 that is not a decline"},
		{"IDEMPOTENT_REQUEST_PROCESSING", 409, "IDEMPOTENT_REQUEST_PROCESSING", provider.Pending, "a 409 means wait"},
		{"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", provider.Unknown, "their own errors come as 500 with a code"},
		{"NO_SUCH_CODE", 400, "INVALID_TEST_CODE", provider.Unknown, "a code that nobody listed, as new ones will be"},
	}
	for _, c := range forced {
		t.Run(c.ask, func(t *testing.T) {
			t.Parallel()
			client := &toss.Client{Keys: &keys{key: key}, TestCode: c.ask}
			a := contractConfirm(t, client, number, "contract:"+run+":"+c.ask)
			if a.HTTP != c.status || a.Code != c.code || a.Verdict != c.verdict {
				t.Errorf("HTTP %d, code %s, verdict %s; want %d, %s and %s: %s", a.HTTP, a.Code, a.Verdict, c.status, c.code, c.verdict, c.why)
			}
			if a.TraceID == "" {
				t.Error("no trace id: support cannot find the call without it")
			}
		})
	}
	t.Run("unknown payment", func(t *testing.T) {
		t.Parallel()
		client := &toss.Client{Keys: &keys{key: key}}
		for _, ref := range []provider.Ref{{Key: "tosspay-sam-no-such-payment"}, {Number: number}} {
			a := find(t, client, ref)
			// The end of the recovery rests on this code, and that the header with the key was understood.
			if a.Verdict != provider.Absent || a.Code != "NOT_FOUND_PAYMENT" || a.HTTP != 404 {
				t.Errorf("%s: HTTP %d, code %s, verdict %s", a.Call, a.HTTP, a.Code, a.Verdict)
			}
		}
	})
	t.Run("wrong key", func(t *testing.T) {
		t.Parallel()
		source := &keys{key: newKey(t, "test_sk_nosuchkeynosuchkey")}
		a := find(t, &toss.Client{Keys: source}, provider.Ref{Key: "tosspay-sam-no-such-payment"})
		// A rotated secret heals only if a refused key is a 401.
		if a.HTTP != 401 || a.Class != provider.ClassCredentials || len(source.refused) != 1 {
			t.Errorf("HTTP %d, code %s, class %s, reported %d times", a.HTTP, a.Code, a.Class, len(source.refused))
		}
	})
}

func contractConfirm(t *testing.T, client *toss.Client, number, idempotencyKey string) provider.Answer {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return (&toss.Adapter{Client: client}).Confirm(ctx, provider.Confirm{Key: "tosspay-sam-no-such-payment", Number: number, Amount: 1000, IdempotencyKey: idempotencyKey})
}
