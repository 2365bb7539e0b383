package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/subscription"
)

// portoneWindows translates orders and subscriptions into what PortOne's windows take.
type portoneWindows struct {
	windows portone.Windows
	fault   error // of the settings; no window is composed of them
}

var (
	_ payment.Windows    = portoneWindows{}
	_ payment.KeyWindows = portoneWindows{}
)

// Window implements payment.Windows.
func (p portoneWindows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	if p.fault != nil {
		return provider.Window{}, fmt.Errorf("%w: %w", payment.ErrNotReady, p.fault)
	}
	return p.windows.WindowOf(o, optionsOf(o), at)
}

// KeyWindow implements payment.KeyWindows. The window returns to the issuance, not to the subscription: its number is
// its id there.
func (p portoneWindows) KeyWindow(s subscription.Subscription, at provider.Place) (provider.Window, error) {
	if p.fault != nil {
		return provider.Window{}, fmt.Errorf("%w: %w", payment.ErrNotReady, p.fault)
	}
	issuing := s.Issuing()
	if issuing == nil {
		return provider.Window{}, errors.New("boot: there is no key to issue")
	}
	name := s.KeyName(issuing.N)
	return p.windows.IssuanceWindow(portone.Issuance{
		ID: name, LinkToken: s.LinkToken, Mode: s.Mode, CustomerUID: name, CustomerID: s.CustomerID, Name: s.Plan.Name,
		Customer: provider.Buyer{Name: s.Customer.Name, Email: s.Customer.Email, Phone: s.Customer.Phone},
		Language: s.Language, AppScheme: s.AppScheme,
	}, at)
}

func optionsOf(o order.Order) portone.Options {
	return portone.Options{
		PayMethod: o.PortOne.PayMethod, UseInstallment: o.PortOne.UseInstallment, ExpiredTime: o.PortOne.ExpiredTime,
		CashReceiptTradeOption: o.PortOne.CashReceiptTradeOption,
	}
}

// fitPortOne refuses a merchant's choices for the window, and ends the order with the window's own expiry.
func fitPortOne(o order.Order, now time.Time) (order.Order, error) {
	err := optionsOf(o).Validate(now)
	var option *portone.OptionError
	if errors.As(err, &option) {
		return o, &payment.FieldError{Field: "portone." + option.Field, Problem: option.Problem}
	}
	if err != nil {
		return o, err
	}
	if o.PortOne.ExpiredTime == "" {
		return o, nil
	}
	expiry, err := time.ParseInLocation(time.DateTime, o.PortOne.ExpiredTime, subscription.Seoul)
	if err != nil {
		return o, &payment.FieldError{Field: "portone.expiredTime", Problem: "must be yyyy-MM-dd HH:mm:ss"}
	}
	o.ExpiresAt = expiry.UTC()
	o.DueAt = o.ExpiresAt.Add(order.OpenGrace)
	return o, nil
}

// portoneKeys reads PortOne's API key and secret out of their secret, {"impKey": "...", "impSecret": "..."}.
type portoneKeys struct{ source *secret.Source }

var errPortOneSecret = errors.New(
	`the PortOne secret (PORTONE_SECRET_ID) must be JSON of the form {"impKey": "...", "impSecret": "..."}`)

// placeholder is what the template puts into a new secret.
const placeholder = "REPLACE_ME"

var _ portone.Keys = (*portoneKeys)(nil)

// Credentials implements portone.Keys.
func (k *portoneKeys) Credentials(ctx context.Context) (portone.Credentials, error) {
	value, err := k.source.Get(ctx)
	if err != nil {
		return portone.Credentials{}, err
	}
	credentials, err := parsePortOne(value)
	if err != nil {
		k.source.Refused(value) // what a person mends shall be read soon, and not after the value's lifetime
	}
	return credentials, err
}

// Refused implements portone.Keys: the version that held the refused keys is fetched again.
func (k *portoneKeys) Refused(ctx context.Context, refused portone.Credentials) {
	value, err := k.source.Get(ctx)
	if err != nil {
		return
	}
	if held, err := parsePortOne(value); err == nil && held.Equal(refused) {
		k.source.Refused(value)
	}
}

func parsePortOne(value secret.Value) (portone.Credentials, error) {
	var fields struct {
		ImpKey    string `json:"impKey"`
		ImpSecret string `json:"impSecret"`
	}
	err := json.Unmarshal([]byte(value.Text()), &fields)
	if err != nil || fields.ImpKey == placeholder || fields.ImpSecret == placeholder {
		return portone.Credentials{}, errPortOneSecret
	}
	return portone.NewCredentials(fields.ImpKey, fields.ImpSecret)
}

var errPortOnePrevious = errors.New(
	`"previous" in the PortOne secret must be a list of` +
		` {"mode": "live", "userCode": "imp...", "impKey": "...", "impSecret": "..."}`)

// previous returns the keys of an account that the deployment had before, or none: the secret may hold them beside its
// own.
func (k *portoneKeys) previous(ctx context.Context, account string) (portone.Keys, error) {
	pairs, err := previousPairs[struct {
		Mode      string `json:"mode"`
		UserCode  string `json:"userCode"`
		ImpKey    string `json:"impKey"`
		ImpSecret string `json:"impSecret"`
	}](ctx, k.source, errPortOnePrevious)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if portoneAccount(p.Mode, p.UserCode) != account {
			continue
		}
		pair, err := portone.NewCredentials(p.ImpKey, p.ImpSecret)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPortOnePrevious, err)
		}
		return FixedPortOneKeys{Pair: pair}, nil
	}
	return nil, nil
}

// noPortOneKeys stands in for the keys of a deployment whose PortOne settings are wrong: nothing is asked with them.
type noPortOneKeys struct{ fault error }

var _ portone.Keys = noPortOneKeys{}

// Credentials implements portone.Keys.
func (k noPortOneKeys) Credentials(context.Context) (portone.Credentials, error) {
	return portone.Credentials{}, k.fault
}

// Refused implements portone.Keys.
func (noPortOneKeys) Refused(context.Context, portone.Credentials) {}

// FixedPortOneKeys holds one pair, and those of accounts before: for the laptop and for tests.
type FixedPortOneKeys struct {
	Pair   portone.Credentials
	Before map[string]portone.Credentials // by account
}

var _ portone.Keys = FixedPortOneKeys{}

// Credentials implements portone.Keys.
func (k FixedPortOneKeys) Credentials(context.Context) (portone.Credentials, error) {
	return k.Pair, nil
}

// Refused implements portone.Keys.
func (k FixedPortOneKeys) Refused(context.Context, portone.Credentials) {}

func (k FixedPortOneKeys) previous(_ context.Context, account string) (portone.Keys, error) {
	pair, ok := k.Before[account]
	if !ok {
		return nil, nil
	}
	return FixedPortOneKeys{Pair: pair}, nil
}
