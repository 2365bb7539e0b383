package handler

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/web"
)

// consent serves the page that asks for consent to a higher price, or to the end of a free trial.
func (h confirm) consent(ctx context.Context, r Request) (Response, error) {
	s, err := h.enroll.ShowConsent(ctx, r.PathParameters["id"], r.PathParameters["consentToken"])
	return h.consentAnswer(r, s, err)
}

// consented takes the buyer's answer: a form with answer=agree or answer=refuse, which only our page sends; anything
// else shows the page again.
func (h confirm) consented(ctx context.Context, r Request) (Response, error) {
	id, token := r.PathParameters["id"], r.PathParameters["consentToken"]
	data, ok := body(r, bodyMax)
	form, err := url.ParseQuery(string(data))
	answer := form.Get("answer")
	if !ok || err != nil || answer != "agree" && answer != "refuse" {
		return h.consent(ctx, r)
	}
	lang, _ := web.ParseLanguage(form.Get("lang"))
	s, err := h.enroll.Answer(ctx, id, token, answer == "agree", string(lang))
	if err != nil && !errors.Is(err, payment.ErrState) {
		return h.consentAnswer(r, s, err)
	}
	// Back to the page by GET, so that a reload sends nothing again.
	to := consentURL(s, baseURL(h.base, r)) + "?lang=" + string(lang)
	return Response{StatusCode: http.StatusSeeOther, Headers: map[string]string{
		"Location": to, "Cache-Control": "no-store",
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	}}, nil
}

func (h confirm) consentAnswer(r Request, s subscription.Subscription, err error) (Response, error) {
	lang := askedLanguage(r, s.Language)
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return pageResponse(web.NotFound(lang)), nil
	case err != nil:
		return Response{}, err
	}
	return pageResponse(web.Consent(consentView(s, lang, baseURL(h.base, r)))), nil
}

func consentView(s subscription.Subscription, lang web.Language, base string) web.ConsentView {
	c := s.Consent
	links := make(map[web.Language]string, 4)
	for _, l := range web.Languages() {
		links[l] = consentURL(s, base) + "?lang=" + string(l)
	}
	v := web.ConsentView{
		Language: lang, SubscriptionID: s.ID, Name: c.After.Name,
		Before: c.Before.Amount.Value, After: c.After.Amount.Value, Currency: string(c.After.Amount.Currency),
		Free: c.Kind == subscription.TrialEnd, Ends: c.Ends, Date: s.ConsentDate(),
		Plan:       web.Plan{IntervalUnit: string(s.Calendar.Interval), Every: s.Calendar.Every},
		MeansBrand: s.Key.Brand, MeansMasked: s.Key.Masked, LanguageLinks: links,
		ReturnURL: backToShop(s.ReturnURL, "subscriptionId", s.ID),
	}
	if first := s.CyclePlan(); first.Amount != s.Plan.Amount && c.Kind == subscription.TrialEnd {
		v.First = first.Amount.Value
	}
	switch state := c.State(); {
	case c.Used, v.Date.IsZero(), s.Status == subscription.Canceled, state == subscription.ConsentLapsed:
		v.State = web.ConsentClosed
	case state == subscription.ConsentPlanned:
		v.State = web.ConsentEarly
	case state == subscription.ConsentGiven:
		v.State = web.ConsentGiven
	case state == subscription.ConsentRefused:
		v.State = web.ConsentRefused
	default:
		v.State = web.ConsentAsks
	}
	return v
}
