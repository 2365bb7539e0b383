package handler

import (
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/web"
)

// subscriptionPageOptions is what a return knows beside the subscription.
type subscriptionPageOptions struct {
	lang     web.Language
	kept     string // see orderPageOptions
	base     string
	now      time.Time
	failed   bool   // the redirect says that the window failed, with
	failCode string // its code
}

// subscriptionPage shows a subscription's true state to the buyer who registers a means of payment.
func subscriptionPage(s subscription.Subscription, opt subscriptionPageOptions) web.Page {
	lasting := lastingPlan(s)
	v := web.ResultView{
		Language: opt.lang, OrderID: s.ID, OrderName: lasting.Name,
		AmountValue: lasting.Amount.Value, Currency: string(lasting.Amount.Currency),
		ReturnURL: backToShop(s.ReturnURL, "subscriptionId", s.ID), MeansBrand: s.Key.Brand, MeansMasked: s.Key.Masked,
	}
	issuing := s.Issuing()
	switch {
	case s.Status == subscription.Canceled:
		v.State = web.ResultSubscriptionEnded
	case issuing == nil:
		v.State = web.ResultRegistered
	case opt.failed:
		v.State, v.Code, v.PayURL = web.ResultNotRegistered, opt.failCode, issuanceURL(s, issuing.N, opt.base)+opt.kept
	default:
		return web.Checking(web.CheckingView{
			Language: opt.lang, OrderID: s.ID, OrderName: lasting.Name,
			AmountValue: lasting.Amount.Value, Currency: string(lasting.Amount.Currency),
			Seconds: min(checkingSeconds+2*issuing.Asks, checkingSecondsMax), Issuance: true, Plan: planOf(s, opt.now),
		})
	}
	return web.Result(v)
}

// issuancePage is the page that opens the window.
func issuancePage(e payment.Enrolled, lang web.Language, base string, now time.Time) web.Page {
	s := e.Subscription
	lasting := lastingPlan(s)
	links := make(map[web.Language]string, 4)
	for _, l := range web.Languages() {
		links[l] = issuanceURL(s, s.Issuing().N, base) + "?lang=" + string(l)
	}
	return web.Checkout(web.CheckoutView{
		Language: lang, Provider: s.Provider, OrderID: s.ID, OrderName: lasting.Name, AmountValue: lasting.Amount.Value,
		Currency: string(lasting.Amount.Currency), Issuance: true, Plan: planOf(s, now),
		ScriptURL: e.Window.Script, ClientKey: e.Window.ClientKey,
		WindowJSON: e.Window.Params, LanguageLinks: links, ReturnURL: backToShop(s.ReturnURL, "subscriptionId", s.ID),
	})
}

// lastingPlan is what the buyer agrees to: the price of all cycles but the one that is being charged or tried again.
func lastingPlan(s subscription.Subscription) subscription.Plan {
	if s.NextPlan != (subscription.Plan{}) {
		return s.NextPlan
	}
	return s.Plan
}

// planOf tells what would follow if the means were registered now, by asking the subscription itself: the page promises
// what will be done.
func planOf(s subscription.Subscription, now time.Time) web.Plan {
	p := web.Plan{IntervalUnit: string(s.Calendar.Interval), Every: s.Calendar.Every}
	after := s.Issued(subscription.Key{N: s.Issuing().N, IssuedAt: now}, now)
	ends := after.CancelAtEnd && after.Cycle >= after.EndCycle
	later := after.ChargeAt.After(now)
	switch {
	case after.ChargeAt.IsZero() || ends:
		p.Charge = web.NoCharge
	case s.Status == subscription.Enrolling && later:
		p.ChargeAt = after.ChargeAt
	case s.Status == subscription.Enrolling: // the first charge follows
	case later:
		p.Charge, p.ChargeAt = web.NextCharge, after.ChargeAt
	case !s.Dunning.Since.IsZero():
		p.Charge = web.RetryCharge
	default: // it is being charged
		p.Charge, p.ChargeAt = web.NextCharge, now
	}
	if next := after.CyclePlan(); next.Amount != lastingPlan(after).Amount {
		p.ChargeAmount = next.Amount.Value
	}
	return p
}
