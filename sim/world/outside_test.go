package world_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// outside is a merchant, a buyer and an auditor who see nothing but addresses: the routes of the bundle, the provider's windows and the
// controls of the simulated world. Its scenarios judge any core behind the same routes, so they name nothing of ours but the world itself.
type outside struct{ testbed.Client }

// newOutside opens a world whose providers' webhooks come a second after what they tell of, and keeps nothing of it but its handler.
func newOutside(t *testing.T, edits ...testbed.Option) *outside {
	t.Helper()
	return &outside{testbed.Open(t, append([]testbed.Option{testbed.Quiet, testbed.WebhooksAfter(time.Second)}, edits...)...).Client}
}

// own is the world itself, where it runs in this process.
func (x *outside) own() *world.World {
	x.T.Helper()
	w, ok := x.Handler.(*world.World)
	if !ok {
		x.T.Fatal("it is no world of this process")
	}
	return w
}

// control posts to one of the world's controls.
func (x *outside) control(path, body string) {
	x.T.Helper()
	if r := x.Post(path, body); r.Status > 299 {
		x.T.Fatalf("%s %s: %d %s", path, body, r.Status, r.Body)
	}
}

// fault plans one; an empty kind takes back what is planned for the operation.
func (x *outside) fault(provider, operation, kind string, times int) {
	x.T.Helper()
	x.control("/sim/faults", fmt.Sprintf(`{"provider":%q,"operation":%q,"fault":%q,"times":%d}`, provider, operation, kind, times))
}

// tab opens the payment page in a tab and returns the window that its button opens, or nil when the page offers none.
func (x *outside) tab(b testbed.Sale) testbed.Window { return x.Get(b.CheckoutURL).Window() }

// presses ends a window that was opened; outcome is approve, fail or cancel. It returns where the buyer is sent.
func (x *outside) presses(window testbed.Window, session, outcome string) string {
	x.T.Helper()
	r := x.PostForm("/sim/portone/window", window.Form("mode", "redirect", "outcome", outcome, "session", session))
	if r.Status != http.StatusSeeOther {
		x.T.Fatalf("PortOne's window: %d %s", r.Status, r.Body)
	}
	return r.Location()
}

// approves opens a window and approves it.
func (x *outside) approves(window testbed.Window) string {
	x.T.Helper()
	return x.presses(window, x.OpenWindow(window), "approve")
}

// money is what the providers moved under an order's numbers, by number: what they took, and what of it they kept.
func (x *outside) money(id string) (captures int, kept int64) {
	x.T.Helper()
	var ledger struct {
		Entries []struct {
			Kind, OrderID string
			Amount        int64
		}
	}
	x.Decode(x.Get("/sim/ledger"), &ledger)
	for _, e := range ledger.Entries {
		if e.OrderID != id && !strings.HasPrefix(e.OrderID, id+"--") {
			continue
		}
		if e.Kind == "capture" {
			captures, kept = captures+1, kept+e.Amount
		} else {
			kept -= e.Amount
		}
	}
	return captures, kept
}

// audit compares the ledger with the order: it is paid once and says so, or nothing is kept and it does not say that it is paid.
func (x *outside) audit(id, status string, captures int) {
	x.T.Helper()
	b := x.ReadOrder(id)
	taken, kept := x.money(id)
	if string(b.Status) != status || taken != captures {
		x.T.Errorf("%s is %s with %d captures, want %s with %d", id, b.Status, taken, status, captures)
	}
	want, recorded := int64(0), int64(0)
	if b.Payment != nil {
		recorded = b.Payment.Balance
	}
	if status == "paid" {
		want = price
	}
	if kept != want || recorded != want {
		x.T.Errorf("%s: %d won are kept and %d recorded, want %d", id, kept, recorded, want)
	}
}
