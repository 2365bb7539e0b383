package payment

import (
	"context"
	"fmt"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// gateway is the provider of an order as this deployment may use it: of an order that was made with another account's keys nothing is asked, and
// nothing moved. To these keys its payments are unknown, or somebody else's; an absence, a refusal or a mismatch seen through them proves nothing.
func (s *Settler) gateway(o order.Order) (Gateway, bool) {
	g, ok := s.Gateways[o.Provider]
	if !ok || !otherAccount(g, o.Account) {
		return g, ok
	}
	b := blind{fmt.Errorf("payment: %s was made with the keys of %s, and these are of %s", o.ID, o.Account, g.Keys)}
	g.Finder, g.Canceler, g.Registrar = b, b, nil
	if g.Confirmer != nil {
		g.Confirmer = b
	}
	if g.Charger != nil {
		g.Charger = b
	}
	return g, true
}

func otherAccount(g Gateway, made string) bool { return made != "" && g.Keys != "" && made != g.Keys }

// CodeOtherAccount is the evidence of a question that was not asked, because the keys are another account's.
const CodeOtherAccount = "OTHER_ACCOUNT"

// blind answers nothing.
type blind struct{ why error }

var (
	_ Finder    = blind{}
	_ Confirmer = blind{}
	_ Canceler  = blind{}
	_ Charger   = blind{}
)

func (b blind) answer(call string) provider.Answer {
	return provider.Answer{Call: call, Code: CodeOtherAccount, Class: provider.ClassCredentials, Err: b.why}
}

// Find implements Finder.
func (b blind) Find(context.Context, provider.Ref) provider.Answer { return b.answer("find") }

// Confirm implements Confirmer.
func (b blind) Confirm(context.Context, provider.Confirm) provider.Answer { return b.answer("confirm") }

// Cancel implements Canceler.
func (b blind) Cancel(context.Context, provider.Cancel) provider.Answer { return b.answer("cancel") }

// Charge implements Charger.
func (b blind) Charge(context.Context, provider.Charge) provider.Answer { return b.answer("charge") }
