package portone_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
)

// TestContract asks the real API with the keys of an account, and moves nothing. It exists because every other test here believes what
// the documentation says.
func TestContract(t *testing.T) {
	t.Parallel()
	impKey, impSecret := os.Getenv("PORTONE_TEST_IMP_KEY"), os.Getenv("PORTONE_TEST_IMP_SECRET")
	if impKey == "" || impSecret == "" {
		t.Skip("PORTONE_TEST_IMP_KEY and PORTONE_TEST_IMP_SECRET are not set: PortOne was not asked")
	}
	source := &vault{keys: newCredentials(t, impKey, impSecret)}
	adapter := &portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{IncludeSandbox: true})}
	// A number of its own: an amount stays registered for ever.
	number := "contract-" + strings.ReplaceAll(time.Now().UTC().Format("060102T150405.000"), ".", "-")

	t.Run("nothing is absent by every way to ask", func(t *testing.T) {
		t.Parallel()
		for _, ref := range []provider.Ref{{Key: "imp_000000000000"}, {Number: number}} {
			// The end of the recovery rests on this, and that Bearer is understood.
			if a := adapter.Find(asking(t), ref); a.Verdict != provider.Absent || a.HTTP != 404 {
				t.Errorf("%s: HTTP %d, code %s, verdict %s, error %v", a.Call, a.HTTP, a.Code, a.Verdict, a.Err)
			}
		}
		if a := adapter.BillingKey(asking(t), number+"--key1"); a.Verdict != provider.Absent {
			t.Errorf("%s: HTTP %d, code %s, verdict %s", a.Call, a.HTTP, a.Code, a.Verdict)
		}
	})
	t.Run("an amount is registered once", func(t *testing.T) {
		t.Parallel()
		for i, c := range []struct {
			amount  int64
			verdict provider.Verdict
			code    string
		}{{15000, provider.Pending, ""}, {15000, provider.Pending, ""}, {1500, provider.Unknown, portone.CodeOtherAmount}} {
			a := adapter.Register(asking(t), provider.Registration{Number: number, Amount: c.amount})
			if a.Verdict != c.verdict || a.Code != c.code {
				t.Errorf("%d: HTTP %d, code %s, verdict %s, error %v", i, a.HTTP, a.Code, a.Verdict, a.Err)
			}
		}
	})
	t.Run("no billing key, no charge", func(t *testing.T) {
		t.Parallel()
		c := charging()
		c.BillingKey, c.Number = number+"--key9", number+"-c"
		// Dunning rests on these words: no code stands beside them.
		if a := adapter.Charge(asking(t), c); a.Verdict != provider.Declined || portone.ReasonOf(a.Code) != portone.ReasonKeyGone {
			t.Errorf("HTTP %d, code %s, verdict %s", a.HTTP, a.Code, a.Verdict)
		}
	})
	t.Run("nothing to cancel", func(t *testing.T) {
		t.Parallel()
		a := adapter.Cancel(asking(t), provider.Cancel{Key: "imp_000000000000", Amount: 1, Balance: 1, Reason: "contract test"})
		if a.Verdict != provider.Absent || a.Class != provider.ClassAbsent {
			t.Errorf("HTTP %d, code %s, verdict %s", a.HTTP, a.Code, a.Verdict)
		}
	})
	t.Run("wrong keys", func(t *testing.T) {
		t.Parallel()
		wrong := &vault{keys: newCredentials(t, impKey, "nosuchsecretnosuchsecret")}
		a := (&portone.Adapter{Client: portone.NewClient(wrong, time.Now, portone.Client{})}).Find(asking(t), provider.Ref{Key: "imp_000000000000"})
		// A rotated secret heals only if refused keys are a 401.
		if a.Class != provider.ClassCredentials || wrong.refused != 1 {
			t.Errorf("HTTP %d, code %s, class %s, reported %d times", a.HTTP, a.Code, a.Class, wrong.refused)
		}
	})
}
