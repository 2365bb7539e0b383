package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// subscribeBody is POST /subscriptions.
type subscribeBody struct {
	SubscriptionID string                 `json:"subscriptionId"`
	CustomerID     string                 `json:"customerId"`
	Customer       subscription.Customer  `json:"customer"`
	Language       string                 `json:"language"`
	ReturnURL      string                 `json:"returnUrl"`
	Plan           planBody               `json:"plan"`
	FirstChargeAt  time.Time              `json:"firstChargeAt"`
	Trial          *trialBody             `json:"trial"`
	AppScheme      string                 `json:"appScheme"`
	PortOne        *payment.ChargeOptions `json:"portone"`

	ImportBillingKey  *string `json:"importBillingKey"`
	DeleteImportedKey bool    `json:"deleteImportedKey"`
	ImportAgain       bool    `json:"importAgain"`
	DryRun            bool    `json:"dryRun"`
}

// imports says that a billing key comes with the request.
func (in subscribeBody) imports() bool { return in.ImportBillingKey != nil }

// misplaced names a field that only an import has, in a request that is none.
func (in subscribeBody) misplaced() string {
	switch {
	case in.imports():
	case in.DeleteImportedKey:
		return "deleteImportedKey"
	case in.ImportAgain:
		return "importAgain"
	case in.DryRun:
		return "dryRun"
	}
	return ""
}

// trialBody says what the time before firstChargeAt is. Without it that time is taken to be free, and what follows
// needs consent.
type trialBody struct {
	Free     *bool  `json:"free"`
	Evidence string `json:"evidence"`
}

// planWish is POST /subscriptions/{id}/plan.
type planWish struct {
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
	Name           string `json:"name"`
	TaxFree        *int64 `json:"taxFreeAmount"`
	VAT            *int64 `json:"vatAmount"`
	WithoutConsent string `json:"withoutConsent"`
	Consent        struct {
		Evidence string `json:"evidence"`
	} `json:"consent"`
}

// consentBody is what the buyer is, or was, asked to agree to.
type consentBody struct {
	State          string                   `json:"state"`
	Kind           subscription.ConsentKind `json:"kind"`
	Before         *int64                   `json:"before,omitempty"` // absent: it was free
	After          int64                    `json:"after"`
	Cycle          int                      `json:"cycle"`              // the first one at the new price
	Date           *time.Time               `json:"date,omitempty"`     // when that is; absent while nothing is charged
	OpensAt        *time.Time               `json:"opensAt,omitempty"`  // from when the buyer may agree
	WithoutConsent string                   `json:"withoutConsent"`     // keep or end
	URL            string                   `json:"url"`                // our page that asks
	NeededAt       *time.Time               `json:"neededAt,omitempty"` // since when it is asked for
	GivenAt        *time.Time               `json:"givenAt,omitempty"`
	RefusedAt      *time.Time               `json:"refusedAt,omitempty"`
	TextVersion    string                   `json:"textVersion,omitempty"`
	Language       string                   `json:"language,omitempty"`
	Evidence       string                   `json:"evidence,omitempty"`
}

type planBody struct {
	Amount     *int64 `json:"amount"`
	Currency   string `json:"currency"`
	Name       string `json:"name"`
	Interval   string `json:"interval"`
	Every      *int   `json:"every"`
	AnchorDay  *int   `json:"anchorDay"`
	ChargeHour *int   `json:"chargeHour"`
	CatchUp    string `json:"catchUp"`
	First      string `json:"firstPeriod"`
	TaxFree    int64  `json:"taxFreeAmount"`
	VAT        *int64 `json:"vatAmount"`
}

// subscriptionBody is a subscription as the merchant sees it.
type subscriptionBody struct {
	SubscriptionID string              `json:"subscriptionId"`
	Status         subscription.Status `json:"status"`
	Provider       string              `json:"provider"`
	Mode           string              `json:"mode"`
	CustomerID     string              `json:"customerId"`
	Plan           planView            `json:"plan"`
	Revision       int64               `json:"revision"` // as an order's
	Cycle          int                 `json:"cycle"`    // the next to charge
	// NextDate is when it is charged or tried again, or the subscription ends instead; absent while nothing is charged.
	NextDate    *time.Time         `json:"nextDate,omitempty"`
	CreatedAt   time.Time          `json:"createdAt"`
	DueAt       *time.Time         `json:"dueAt,omitempty"`
	NextPlan    *planChange        `json:"nextPlan,omitempty"` // what the cycle after the next costs, when it changes
	Upcoming    []time.Time        `json:"upcoming"`           // the next dates it will be charged on
	Charges     []chargeBody       `json:"upcomingCharges"`    // the same, with what each costs
	CancelAtEnd bool               `json:"cancelAtPeriodEnd,omitempty"`
	Dunning     *dunningBody       `json:"dunning,omitempty"`
	Consent     *consentBody       `json:"consent,omitempty"`
	Suspension  *suspensionBody    `json:"suspension,omitempty"`
	Means       *meansBody         `json:"means,omitempty"`
	CheckoutURL string             `json:"checkoutUrl,omitempty"` // while a means of payment is to be registered
	Cycles      []cycleBody        `json:"cycles"`                // the newest first, as far back as the history goes
	History     []subscriptionStep `json:"history"`
	Window      json.RawMessage    `json:"window,omitempty"`
	SDK         *sdkBody           `json:"sdk,omitempty"`
	Notes       []noteBody         `json:"notes,omitempty"`
	DryRun      bool               `json:"dryRun,omitempty"` // nothing was stored
}

type planView struct {
	Amount     int64                 `json:"amount"`
	Currency   money.Currency        `json:"currency"`
	Name       string                `json:"name"`
	Interval   subscription.Interval `json:"interval"`
	Every      int                   `json:"every"`
	AnchorDay  int                   `json:"anchorDay,omitempty"`
	ChargeHour int                   `json:"chargeHour"`
	CatchUp    subscription.CatchUp  `json:"catchUp"`
	First      string                `json:"firstPeriod"`
	taxBody
}

// planChange is how a change that waits is shown.
type planChange struct {
	Amount   int64          `json:"amount"`
	Currency money.Currency `json:"currency"`
	Name     string         `json:"name,omitempty"`
	TaxFree  *int64         `json:"taxFreeAmount,omitempty"`
	VAT      *int64         `json:"vatAmount,omitempty"`
}

// dunningBody is the state of a cycle that was refused.
type dunningBody struct {
	Since   time.Time            `json:"since"`
	Attempt int                  `json:"attempt"` // tried next
	Decline subscription.Decline `json:"decline"`
	Code    string               `json:"code"`
}

// upcomingShown is how many dates GET /subscriptions/{id} shows.
const upcomingShown = 6

// meansBody shows a means of payment: nothing of it is secret.
type meansBody struct {
	Key      string    `json:"key"` // our name of the billing key at the provider
	Brand    string    `json:"brand,omitempty"`
	Masked   string    `json:"masked,omitempty"`
	IssuedAt time.Time `json:"issuedAt"`
	// DeletedAt is when the provider said that the key is gone; absent while it is still to be deleted.
	DeletedAt *time.Time `json:"deletedAt,omitempty"`
	Imported  bool       `json:"imported,omitempty"` // it was issued elsewhere
}

// cycleBody is what became of a cycle; its order tells the rest.
type cycleBody struct {
	Number  int                      `json:"number"`
	OrderID string                   `json:"orderId"`
	At      time.Time                `json:"at"`
	Result  subscription.CycleResult `json:"result"`
	Code    string                   `json:"code,omitempty"`
}

type subscriptionStep struct {
	At       time.Time           `json:"at"`
	From     subscription.Status `json:"from,omitempty"`
	To       subscription.Status `json:"to"`
	Event    string              `json:"event"`
	Note     string              `json:"note,omitempty"`
	Revision int64               `json:"revision"`
}

func (h merchant) subscribe(ctx context.Context, r Request) (Response, error) {
	var in subscribeBody
	if refusal := decode(r, &in, "firstChargeAt"); refusal != nil {
		return *refusal, nil
	}
	if refusal := in.refused(); refusal != nil {
		return *refusal, nil
	}
	if !in.imports() { // an imported key names its subscription itself
		if refusal := named(r, &in.SubscriptionID, subscriptionIDMax); refusal != nil {
			return *refusal, nil
		}
	}
	base := baseURL(h.base, r)
	e, err := h.enroll.Start(ctx, in.request(), base)
	var field *payment.FieldError
	var key *payment.KeyRefusal
	switch {
	case errors.As(err, &field):
		return invalidField(field.Field, field.Error()), nil
	case errors.Is(err, payment.ErrKeyImported), errors.Is(err, payment.ErrKeyScheduled):
		code := payment.ErrKeyScheduled.Code
		if errors.Is(err, payment.ErrKeyImported) {
			code = payment.ErrKeyImported.Code
		}
		return fieldResponse(http.StatusConflict, code, "importBillingKey", err.Error()), nil
	case errors.As(err, &key):
		return fieldResponse(http.StatusBadRequest, key.Code, "importBillingKey", key.Error()), nil
	case errors.Is(err, payment.ErrKeyUnread):
		return errorResponse(http.StatusServiceUnavailable, "TRY_AGAIN", payment.ErrKeyUnread.Error()), nil
	case errors.Is(err, payment.ErrOtherSubscription):
		return fieldResponse(http.StatusConflict, "SUBSCRIPTION_EXISTS", "subscriptionId", err.Error()), nil
	case err != nil:
		return Response{}, err
	}
	b := subscriptionOf(e.Subscription, base)
	b.Notes, b.DryRun = notesOf(e.Notes), e.DryRun
	if e.Window.Params != nil {
		sdk := sdkOf(e.Window)
		b.Window, b.SDK = e.Window.Params, &sdk
	}
	if !e.New {
		return jsonResponse(http.StatusOK, b), nil
	}
	h.log.InfoContext(ctx, "a subscription was started",
		"event", "subscription.created", "subscriptionId", e.Subscription.ID)
	return jsonResponse(http.StatusCreated, b), nil
}

// refused is the answer to a body whose fields are missing, zero or in the wrong company; nil: it may be enrolled.
func (in subscribeBody) refused() *Response {
	refuse := func(field, message string) *Response { r := invalidField(field, message); return &r }
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"plan.amount", in.Plan.Amount == nil}, {"plan.every", in.Plan.Every != nil && *in.Plan.Every == 0},
		{"plan.anchorDay", in.Plan.AnchorDay != nil && *in.Plan.AnchorDay == 0},
	} {
		if f.missing {
			return refuse(f.name, f.name+" must be a whole number above 0")
		}
	}
	field := in.misplaced()
	switch {
	case in.Trial != nil && in.FirstChargeAt.IsZero():
		return refuse("trial", "trial needs firstChargeAt, which is when it ends")
	case field != "":
		return refuse(field, field+" is only for a request with importBillingKey")
	case in.imports() && *in.ImportBillingKey == "":
		return refuse("importBillingKey", "importBillingKey must be the customer_uid of a billing key")
	}
	return nil
}

func (in subscribeBody) request() payment.NewSubscription {
	r := payment.NewSubscription{
		SubscriptionID: in.SubscriptionID, CustomerID: in.CustomerID, Customer: in.Customer,
		Language: in.Language, ReturnURL: in.ReturnURL, AppScheme: in.AppScheme, PortOne: in.PortOne,
		Amount: *in.Plan.Amount, Currency: in.Plan.Currency, Name: in.Plan.Name,
		Interval: in.Plan.Interval, ChargeHour: in.Plan.ChargeHour, CatchUp: in.Plan.CatchUp,
		FirstPeriod: in.Plan.First, FirstChargeAt: in.FirstChargeAt,
		Tax:               payment.Tax{Free: in.Plan.TaxFree, VAT: in.Plan.VAT},
		DeleteImportedKey: in.DeleteImportedKey, ImportAgain: in.ImportAgain, DryRun: in.DryRun,
	}
	if in.imports() {
		r.ImportBillingKey = *in.ImportBillingKey
	}
	if in.Plan.Every != nil {
		r.Every = *in.Plan.Every
	}
	if in.Plan.AnchorDay != nil {
		r.AnchorDay = *in.Plan.AnchorDay
	}
	if !in.FirstChargeAt.IsZero() {
		r.Trial = in.trial()
	}
	return r
}

// trial is what the merchant says of the time before the first charge. Who says nothing has a free trial: the safe
// reading of the law. A running subscription that is imported has begun already.
func (in subscribeBody) trial() *payment.Trial {
	if in.Trial == nil && in.imports() {
		return nil
	}
	if in.Trial == nil {
		return &payment.Trial{Free: true}
	}
	if in.Trial.Free != nil && !*in.Trial.Free {
		return nil
	}
	return &payment.Trial{Free: true, Evidence: in.Trial.Evidence}
}

func (h merchant) subscription(ctx context.Context, r Request) (Response, error) {
	s, err := h.enroll.Show(ctx, r.PathParameters["id"])
	if errors.Is(err, payment.ErrNotFound) {
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such subscription"), nil
	}
	if err != nil {
		return Response{}, err
	}
	return jsonResponse(http.StatusOK, subscriptionOf(s, baseURL(h.base, r))), nil
}

func subscriptionOf(s subscription.Subscription, base string) subscriptionBody {
	b := subscriptionBody{
		SubscriptionID: s.ID, Status: s.Status, Provider: s.Provider, Mode: s.Mode, CustomerID: s.CustomerID,
		Revision: s.Revision, Cycle: s.Cycle, CreatedAt: s.CreatedAt,
		Cycles: []cycleBody{}, History: []subscriptionStep{},
		CancelAtEnd: s.CancelAtEnd && s.Status != subscription.Canceled,
		Upcoming:    append([]time.Time{}, s.Upcoming(upcomingShown)...), Charges: chargesOf(s),
		Plan: planView{
			Amount: s.Plan.Amount.Value, Currency: s.Plan.Amount.Currency, Name: s.Plan.Name,
			Interval: s.Calendar.Interval, Every: s.Calendar.Every, AnchorDay: s.Calendar.Anchor,
			ChargeHour: s.Calendar.Hour, CatchUp: s.CatchUp, taxBody: taxOf(order.Tax(s.Plan.Tax)),
			First: s.Calendar.FirstPeriod.String(),
		},
	}
	switch s.Status {
	case subscription.Active, subscription.PastDue:
		b.NextDate = &s.ChargeAt
	}
	if !s.DueAt.IsZero() {
		b.DueAt = &s.DueAt
	}
	if !s.Key.IssuedAt.IsZero() {
		b.Means = &meansBody{
			Key: s.KeyName(s.Key.N), Brand: s.Key.Brand, Masked: s.Key.Masked, IssuedAt: s.Key.IssuedAt,
		}
		b.Means.Imported = s.Imported != "" && s.Key.N == 1
		if !s.Key.DeletedAt.IsZero() && !s.Keeps(s.Key.N) {
			b.Means.DeletedAt = &s.Key.DeletedAt
		}
	}
	if s.NextPlan != (subscription.Plan{}) {
		next := taxOf(order.Tax(s.NextPlan.Tax))
		b.NextPlan = &planChange{s.NextPlan.Amount.Value, s.NextPlan.Amount.Currency, s.NextPlan.Name, nil, next.VAT}
		if next.TaxFree > 0 {
			b.NextPlan.TaxFree = &next.TaxFree
		}
	}
	if d := s.Dunning; !d.Since.IsZero() {
		b.Dunning = &dunningBody{d.Since, d.Attempt, d.Decline, d.Code}
	}
	b.Consent, b.Suspension = consentOf(s, base), suspensionOf(s)
	if issuing := s.Issuing(); issuing != nil {
		b.CheckoutURL = issuanceURL(s, issuing.N, base)
	}
	for _, c := range s.Cycles() {
		b.Cycles = append(b.Cycles, cycleBody(c))
	}
	for _, step := range s.History {
		b.History = append(b.History, subscriptionStep(step))
	}
	return b
}

func consentOf(s subscription.Subscription, base string) *consentBody {
	c := s.Consent
	if c.Kind == "" {
		return nil
	}
	b := &consentBody{
		State: c.State(), Kind: c.Kind, After: c.After.Amount.Value, Cycle: c.Cycle,
		WithoutConsent: "keep", URL: consentURL(s, base),
		NeededAt: given(c.NeededAt), GivenAt: given(c.GivenAt), RefusedAt: given(c.RefusedAt),
		TextVersion: c.Text, Language: c.Language, Evidence: c.Evidence,
	}
	if c.Ends {
		b.WithoutConsent = "end"
	}
	if c.Kind == subscription.PriceRise {
		b.Before = &c.Before.Amount.Value
	}
	if date := s.ConsentDate(); !date.IsZero() && !c.Used {
		opens := date.Add(-subscription.ConsentWindow)
		b.Date, b.OpensAt = &date, &opens
	}
	return b
}

func consentURL(s subscription.Subscription, base string) string {
	return base + "/consent/" + s.ID + "/" + s.Consent.Token
}

// given is a time that may be missing.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// subscribing serves a route that needs a provider that issues billing keys.
func (h merchant) subscribing(serve route) route {
	if h.enroll != nil {
		return serve
	}
	return func(context.Context, Request) (Response, error) {
		return errorResponse(http.StatusNotFound, "NOT_OFFERED",
			"this deployment offers no subscriptions: PortOne is not set up"), nil
	}
}

// bare refuses a body with anything in it, for the wishes that take none: a misspelt option must not be ignored
// silently.
func bare(r Request) *Response {
	if empty(r) {
		return nil
	}
	return decode(r, &struct{}{}, "")
}

func empty(r Request) bool {
	data, ok := body(r, bodyMax)
	return ok && len(bytes.TrimSpace(data)) == 0
}

// managed serves the wishes that take no body.
func (h merchant) managed(wish func(context.Context, string) (subscription.Subscription, error)) route {
	return func(ctx context.Context, r Request) (Response, error) {
		if refusal := bare(r); refusal != nil {
			return *refusal, nil
		}
		s, err := wish(ctx, r.PathParameters["id"])
		return h.managedResponse(r, s, err)
	}
}

// pause says why a subscription that is about to end by itself is not paused.
func (h merchant) pause(ctx context.Context, r Request) (Response, error) {
	if refusal := bare(r); refusal != nil {
		return *refusal, nil
	}
	s, err := h.enroll.Pause(ctx, r.PathParameters["id"])
	charging := s.Status == subscription.Active || s.Status == subscription.PastDue
	if errors.Is(err, payment.ErrState) && s.CancelAtEnd && charging {
		return errorResponse(http.StatusConflict, "WRONG_STATUS",
			"the subscription is to be canceled at the end of its period: it ends at the next date, and a pause"+
				" would keep it from that; resume takes the cancellation back"), nil
	}
	return h.managedResponse(r, s, err)
}

// cancel takes {"at": "now"} or {"at": "period-end"}. There is no default: one of them takes away what the buyer has
// paid for. Without a body it is the field that is missing, whatever the content type.
func (h merchant) cancel(ctx context.Context, r Request) (Response, error) {
	var in struct {
		At string `json:"at"`
	}
	if !empty(r) {
		if refusal := decode(r, &in, ""); refusal != nil {
			return *refusal, nil
		}
	}
	if in.At != "now" && in.At != "period-end" {
		return invalidField("at", `at must be now or period-end, as in {"at":"period-end"}`), nil
	}
	s, err := h.enroll.Cancel(ctx, r.PathParameters["id"], in.At == "period-end")
	return h.managedResponse(r, s, err)
}

func (h merchant) changePlan(ctx context.Context, r Request) (Response, error) {
	var in planWish
	if refusal := decode(r, &in, ""); refusal != nil {
		return *refusal, nil
	}
	wish := payment.PlanChange{
		Amount: in.Amount, Currency: in.Currency, Name: in.Name,
		WithoutConsent: in.WithoutConsent, Evidence: in.Consent.Evidence,
	}
	if in.TaxFree != nil || in.VAT != nil {
		wish.Tax = &payment.Tax{VAT: in.VAT}
		if in.TaxFree != nil {
			wish.Tax.Free = *in.TaxFree
		}
	}
	s, err := h.enroll.ChangePlan(ctx, r.PathParameters["id"], wish)
	return h.managedResponse(r, s, err)
}

func (h merchant) renewKey(ctx context.Context, r Request) (Response, error) {
	if refusal := bare(r); refusal != nil {
		return *refusal, nil
	}
	e, err := h.enroll.RenewKey(ctx, r.PathParameters["id"], baseURL(h.base, r))
	response, err := h.managedResponse(r, e.Subscription, err)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	b, sdk := subscriptionOf(e.Subscription, baseURL(h.base, r)), sdkOf(e.Window)
	b.Window, b.SDK = e.Window.Params, &sdk
	return jsonResponse(http.StatusOK, b), nil
}

func (h merchant) managedResponse(r Request, s subscription.Subscription, err error) (Response, error) {
	var field *payment.FieldError
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such subscription"), nil
	case errors.Is(err, payment.ErrState):
		return errorResponse(http.StatusConflict, "WRONG_STATUS", stateMessage(s)), nil
	case errors.As(err, &field):
		return invalidField(field.Field, field.Error()), nil
	case err != nil:
		return Response{}, err
	}
	return jsonResponse(http.StatusOK, subscriptionOf(s, baseURL(h.base, r))), nil
}

// stateMessage says what stands in the way of a wish, as far as it is known.
func stateMessage(s subscription.Subscription) string {
	if s.Status == "" {
		return payment.ErrState.Error()
	}
	if s.Status == subscription.Suspended {
		return "a subscription that is suspended does not allow that; renew-key registers another means of payment," +
			" and resume tries again unless the means is gone"
	}
	return "a subscription that is " + string(s.Status) + " does not allow that"
}

func issuanceURL(s subscription.Subscription, n int, base string) string {
	return base + "/pay/" + s.KeyName(n) + "/" + s.LinkToken
}
