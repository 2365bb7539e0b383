package boot

import (
	"fmt"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// tossAccount names the MID by its client key, which changes with it and not with a secret key that was reissued.
func (p Parts) tossAccount() string { return p.Mode + "/" + p.Toss.ClientKey }

// portoneAccount names PortOne's account by its user code. The MID is compared with each payment's.
func (p Parts) portoneAccount() string { return p.Mode + "/" + p.PortOne.UserCode }

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
