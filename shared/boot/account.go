package boot

import (
	"context"
	"fmt"
	"strings"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
)

// tossAccount names the MID by its client key, which changes with it and not with a secret key that was reissued.
func (p Parts) tossAccount() string { return tossAccount(p.Mode, p.Toss.ClientKey) }

func tossAccount(mode, clientKey string) string { return mode + "/" + clientKey }

// portoneAccount names PortOne's account by its user code. The MID is compared with each payment's.
func (p Parts) portoneAccount() string { return portoneAccount(p.Mode, p.PortOne.UserCode) }

func portoneAccount(mode, userCode string) string { return mode + "/" + userCode }

// tossBefore finds and cancels with the keys of an account that the deployment had before.
func (p Parts) tossBefore(ctx context.Context, account string) (payment.Gateway, bool) {
	held, ok := p.Toss.Keys.(interface {
		previous(context.Context, string) (toss.Keys, error)
	})
	if !ok {
		return payment.Gateway{}, false
	}
	keys, err := held.previous(ctx, account)
	if err != nil {
		p.Log.ErrorContext(ctx, "the keys before these cannot be read", "event", "config.error", "cause", err.Error())
	}
	if keys == nil {
		return payment.Gateway{}, false
	}
	adapter := p.tossAdapter(keys)
	return payment.Gateway{Finder: adapter, Canceler: adapter, Timing: toss.Timing(), Keys: account}, true
}

// portoneBefore is tossBefore for PortOne. Its token is fetched each time: orders in doubt under keys before are few.
func (p Parts) portoneBefore(ctx context.Context, account string) (payment.Gateway, bool) {
	held, ok := p.PortOne.Keys.(interface {
		previous(context.Context, string) (portone.Keys, error)
	})
	if !ok {
		return payment.Gateway{}, false
	}
	keys, err := held.previous(ctx, account)
	if err != nil {
		p.Log.ErrorContext(ctx, "the keys before these cannot be read", "event", "config.error", "cause", err.Error())
	}
	if keys == nil {
		return payment.Gateway{}, false
	}
	mode, _, _ := strings.Cut(account, "/")
	adapter := p.newPortOneAdapter(keys, mode)
	return payment.Gateway{Finder: adapter, Canceler: adapter, Timing: portone.Timing(), Keys: account}, true
}

// ownWindows opens windows of orders that were made with the account's keys, and of no others: what they took, these keys could not see.
type ownWindows struct {
	payment.Windows
	account string
}

// Window implements payment.Windows.
func (w ownWindows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	if o.Account != "" && o.Account != w.account {
		return provider.Window{}, fmt.Errorf("%w: %s was made with the keys of %s, and these are of %s", payment.ErrNotReady, o.ID, o.Account, w.account)
	}
	return w.Windows.Window(o, at)
}
