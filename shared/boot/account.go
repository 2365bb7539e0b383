package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
)

// tossAccount names the MID by its client key, which changes with it and not with a secret key that was reissued.
func (p Parts) tossAccount() string { return tossAccount(p.Mode, p.Toss.ClientKey) }

func tossAccount(mode, clientKey string) string { return mode + "/" + clientKey }

// portoneAccount names PortOne's account by its user code. The MID is compared with each payment's.
func (p Parts) portoneAccount() string { return portoneAccount(p.Mode, p.PortOne.UserCode) }

func portoneAccount(mode, userCode string) string { return mode + "/" + userCode }

// previousPairs are the pairs of keys that a secret holds beside the deployment's own, as "previous"; malformed says
// what they must look like.
func previousPairs[T any](ctx context.Context, source *secret.Source, malformed error) ([]T, error) {
	value, err := source.Get(ctx)
	if err != nil {
		return nil, err
	}
	var fields struct {
		Previous []T `json:"previous"`
	}
	if err := json.Unmarshal([]byte(value.Text()), &fields); err != nil {
		return nil, malformed
	}
	return fields.Previous, nil
}

// keysBefore are the keys of an account that the deployment had before, as far as those who hold its own hold them,
// too.
func keysBefore[K comparable](ctx context.Context, p Parts, own any, account string) (keys K, ok bool) {
	held, ok := own.(interface {
		previous(context.Context, string) (K, error)
	})
	if !ok {
		return keys, false
	}
	keys, err := held.previous(ctx, account)
	if err != nil {
		p.Log.ErrorContext(ctx, "the keys before these cannot be read", "event", "config.error", "cause", err.Error())
	}
	var none K
	return keys, keys != none
}

// tossBefore finds and cancels with the keys of an account that the deployment had before.
func (p Parts) tossBefore(ctx context.Context, account string) (payment.Gateway, bool) {
	keys, ok := keysBefore[toss.Keys](ctx, p, p.Toss.Keys, account)
	if !ok {
		return payment.Gateway{}, false
	}
	adapter := p.tossAdapter(keys)
	return payment.Gateway{Finder: adapter, Canceler: adapter, Timing: toss.Timing(), Keys: account}, true
}

// portoneBefore is tossBefore for PortOne. Its token is fetched each time: orders in doubt under keys before are few.
func (p Parts) portoneBefore(ctx context.Context, account string) (payment.Gateway, bool) {
	keys, ok := keysBefore[portone.Keys](ctx, p, p.PortOne.Keys, account)
	if !ok {
		return payment.Gateway{}, false
	}
	mode, _, _ := strings.Cut(account, "/")
	adapter := p.newPortOneAdapter(keys, mode)
	return payment.Gateway{Finder: adapter, Canceler: adapter, Timing: portone.Timing(), Keys: account}, true
}

// ownWindows opens windows of orders that were made with the account's keys, and of no others: what they took, these
// keys could not see.
type ownWindows struct {
	payment.Windows
	account string
}

// Window implements payment.Windows.
func (w ownWindows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	if o.Account != "" && o.Account != w.account {
		return provider.Window{}, fmt.Errorf("%w: %s was made with the keys of %s, and these are of %s",
			payment.ErrNotReady, o.ID, o.Account, w.account)
	}
	return w.Windows.Window(o, at)
}
