package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// firstChargeMax is how far ahead a first charge may lie: a year of trial.
const firstChargeMax = 366 * 24 * time.Hour

// NewSubscription is a merchant's request. Its JSON form, fields in this order, is what the digest is made of.
type NewSubscription struct {
	SubscriptionID string                `json:"subscriptionId"`
	CustomerID     string                `json:"customerId"`
	Customer       subscription.Customer `json:"customer"`
	Language       string                `json:"language"`
	ReturnURL      string                `json:"returnUrl"`
	Amount         int64                 `json:"amount"`
	Currency       string                `json:"currency"`
	Name           string                `json:"name"`
	Interval       string                `json:"interval"`
	Every          int                   `json:"every"`
	AnchorDay      int                   `json:"anchorDay"` // 0: the day of the first charge
	// ChargeHour is in Korea; nil: the hour of FirstChargeAt, or midnight without one.
	ChargeHour *int `json:"chargeHour"`
	// FirstChargeAt is charged at its full hour or the next; zero: when the payment method is registered.
	FirstChargeAt time.Time      `json:"firstChargeAt"`
	CatchUp       string         `json:"catchUp"`
	Trial         *Trial         `json:"trial,omitempty"`       // nil: nothing is free
	FirstPeriod   string         `json:"firstPeriod,omitempty"` // full, toAnchor or prorated; empty: full
	Tax           Tax            `json:"tax,omitzero"`
	AppScheme     string         `json:"appScheme,omitempty"`
	PortOne       *ChargeOptions `json:"portone,omitempty"`
	// ImportBillingKey is the provider's name of a key that was issued elsewhere; empty: the buyer registers one.
	// DeleteImportedKey deletes it when the subscription ends. See takeIn.
	ImportBillingKey  string `json:"importBillingKey,omitempty"`
	DeleteImportedKey bool   `json:"deleteImportedKey,omitempty"`
	ImportAgain       bool   `json:"importAgain,omitempty"` // after the end of the subscription that the key had
	DryRun            bool   `json:"-"`                     // of an import: check everything, store nothing
}

// ErrOtherSubscription says that the id is taken by a subscription made from another request.
var ErrOtherSubscription = errors.New(
	"a subscription with this subscriptionId exists and was made from another request")

// subscriptionProvider is the only one that issues billing keys here.
const subscriptionProvider = "portone"

// Enroller makes subscriptions and sees their billing keys issued. Start, Return, Hear and Advance all end in look.
type Enroller struct {
	Subscriptions Subscriptions
	Windows       KeyWindows
	Keys          KeyFinder
	Deleter       KeyDeleter
	Schedules     KeySchedules
	Ready         func(context.Context) error // an error when the provider cannot be asked at all
	Account       string                      // the merchant account a key must belong to; empty: not checked
	Mode          string
	KeysOf        string // the account whose keys the deployment has, as Subscription.Account
	AmountMin     int64
	NoticeDays    int // as the worker's
	ReturnURLs    ReturnURLs
	Now           func() time.Time
	Wait          func(context.Context, time.Duration) error
	NewToken      func() string
	NewID         func() string
	Log           *slog.Logger
}

// Enrolled is a subscription with the window that registers its means of payment.
type Enrolled struct {
	Subscription subscription.Subscription
	Window       provider.Window // empty when there is nothing to register
	New          bool
	Notes        []Note // what of the request could not be used as it came
	DryRun       bool   // nothing was stored
}

// Start stores a new subscription before any window opens. The same request again returns the stored one; another
// request under the same id is ErrOtherSubscription; a field out of limits is a *FieldError.
func (e *Enroller) Start(ctx context.Context, r NewSubscription, base string) (Enrolled, error) {
	if err := e.check(r); err != nil {
		return Enrolled{}, err
	}
	if r.ImportBillingKey != "" {
		return e.takeIn(ctx, r)
	}
	if err := e.checkFirstCharge(r); err != nil {
		return e.unfit(ctx, r, base, err)
	}
	s := e.build(r)
	stored, err := e.Subscriptions.CreateSubscription(ctx, s)
	switch {
	case errors.Is(err, ErrExists) && stored.Request != s.Request:
		return Enrolled{}, ErrOtherSubscription
	case err != nil && !errors.Is(err, ErrExists):
		return Enrolled{}, fmt.Errorf("payment: start subscription: %w", err)
	}
	enrolled, windowErr := e.window(stored, provider.Place{Base: base})
	enrolled.New = err == nil
	_, enrolled.Notes = r.buyer()
	return enrolled, windowErr
}

// unfit refuses a request, unless it is the repetition of one that was taken: a first charge that was ahead then may
// have been made since. Only such a request costs a read.
func (e *Enroller) unfit(ctx context.Context, r NewSubscription, base string, cause error) (Enrolled, error) {
	if r.SubscriptionID == "" {
		return Enrolled{}, cause
	}
	stored, err := e.Subscriptions.GetSubscription(ctx, r.SubscriptionID)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && stored.Request != r.digest():
		return Enrolled{}, cause
	case err != nil:
		return Enrolled{}, fmt.Errorf("payment: start subscription: %w", err)
	}
	enrolled, err := e.window(stored, provider.Place{Base: base})
	_, enrolled.Notes = r.buyer()
	return enrolled, err
}

// buyer is what the windows are told of the buyer, with the notes of usable.
func (r NewSubscription) buyer() (subscription.Customer, []Note) {
	c, notes := usable(order.Customer{Name: r.Customer.Name, Email: r.Customer.Email, Phone: r.Customer.Phone})
	return subscription.Customer{Name: c.Name, Email: c.Email, Phone: c.Phone}, notes
}

// Read returns a subscription for the merchant, or ErrNotFound.
func (e *Enroller) Read(ctx context.Context, id string) (subscription.Subscription, error) {
	if e == nil || checkSubscriptionID(id) != nil {
		return subscription.Subscription{}, ErrNotFound
	}
	return e.Subscriptions.GetSubscription(ctx, id)
}

// wish is what a merchant or a buyer makes of a subscription.
type wish func(s subscription.Subscription, now time.Time) (next subscription.Subscription, allowed bool)

// change applies a wish and stores it.
func (e *Enroller) change(ctx context.Context, id string, wish wish) (subscription.Subscription, error) {
	s, err := e.Read(ctx, id)
	if err != nil {
		return s, err
	}
	for range savesMax {
		s.NoticeDays = e.NoticeDays
		next, allowed := wish(s, e.Now())
		switch {
		case !allowed:
			return s, ErrState
		case next.Revision == s.Revision:
			return s, nil
		}
		saved, err := e.Subscriptions.SaveSubscription(ctx, next)
		if !errors.Is(err, ErrConflict) {
			return saved, err
		}
		s = saved
	}
	return s, fmt.Errorf("payment: subscription %s: %w", id, ErrConflict)
}

// Open returns the page that registers the means. number is <subscription>--key<n>, whatever n: the page always shows
// the issuance that can be completed now. speak chooses the page's language, given the subscription's. A wrong link
// token is ErrNotFound.
func (e *Enroller) Open(
	ctx context.Context, number, linkToken, base string, speak func(string) string,
) (Enrolled, error) {
	s, _, err := e.byLink(ctx, number, linkToken)
	if err != nil {
		return Enrolled{}, err
	}
	return e.window(s, provider.Place{Base: base, Language: speak(s.Language)})
}

// Status returns the subscription for the page that waits.
func (e *Enroller) Status(ctx context.Context, number, linkToken string) (subscription.Subscription, error) {
	s, _, err := e.byLink(ctx, number, linkToken)
	return s, err
}

// Return asks what became of an issuance's window. failed is what the query said, and only matters when the provider
// knows no such key.
func (e *Enroller) Return(
	ctx context.Context, number, linkToken string, failed bool,
) (subscription.Subscription, error) {
	s, n, err := e.byLink(ctx, number, linkToken)
	if err != nil {
		return s, err
	}
	return e.look(ctx, s, n, failed)
}

// Hear takes a webhook's hint about an issuance. An unknown subscription is dropped before anybody is asked.
func (e *Enroller) Hear(ctx context.Context, h provider.Hint) error {
	n, err := order.ParseNumber(h.Number)
	if err != nil || n.Key == 0 {
		return nil
	}
	s, err := e.Subscriptions.GetSubscription(ctx, n.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if n.Key > s.KeysOffered() {
		return nil // we never offered such a window
	}
	_, err = e.look(ctx, s, n.Key, false)
	return err
}

// Advance asks about an issuance that nobody has told us of.
func (e *Enroller) Advance(ctx context.Context, id string) (subscription.Subscription, error) {
	s, err := e.Subscriptions.GetSubscription(ctx, id)
	if err != nil {
		return s, err
	}
	issuing := s.Issuing()
	if issuing == nil || s.Status == subscription.Enrolling && e.Now().Before(s.DueAt) {
		return s, nil
	}
	return e.look(ctx, s, issuing.N, false)
}

// look asks the provider about key n and records the answer, unless a question begun after look was called has been
// answered meanwhile: however many copies of a webhook or reloads of a page ask, it is asked once in hookPause.
func (e *Enroller) look(
	ctx context.Context, s subscription.Subscription, n int, failed bool,
) (subscription.Subscription, error) {
	if s.Status == subscription.Canceled {
		return e.change(ctx, s.ID, func(s subscription.Subscription, now time.Time) (subscription.Subscription, bool) {
			return s.KeyAppeared(n, now), true
		})
	}
	came := e.Now()
	waiting, cancel := callContext(ctx)
	defer cancel()
	for pause := waitStep; s.Awaits(n) && !s.HeardAt.After(came.Add(clockSkew)); pause = min(2*pause, waitStepMax) {
		if now := e.Now(); !s.AskAfter.After(now) {
			leased, err := e.Subscriptions.SaveSubscription(ctx, s.Lease(now.Add(hookPause)))
			if err == nil {
				return e.ask(ctx, leased, n, failed)
			}
			if !errors.Is(err, ErrConflict) {
				return s, err
			}
			s = leased
			continue
		}
		if e.Wait(waiting, pause) != nil {
			announced := func(s subscription.Subscription, _ time.Time) (subscription.Subscription, bool) {
				return s.Announced(n), true
			}
			return e.change(ctx, s.ID, announced)
		}
		seen, err := e.Subscriptions.GetSubscription(ctx, s.ID)
		if err != nil {
			return s, err
		}
		s = seen
	}
	return s, nil
}

// ask is one question about key n.
func (e *Enroller) ask(
	ctx context.Context, s subscription.Subscription, n int, failed bool,
) (subscription.Subscription, error) {
	if err := ready(ctx, e.Ready); err != nil {
		logUnready(ctx, e.Log, err, "subscriptionId", s.ID)
		return s, fmt.Errorf("payment: subscription %s: %w", s.ID, ErrNotReady)
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	began := e.Now()
	a := e.Keys.BillingKey(calls, s.KeyName(n))
	logKeyAnswer(ctx, e.Log, s.ID, n, a, a.Verdict != provider.Unknown)
	for range savesMax {
		next := e.learn(ctx, s, n, failed, a, began)
		if next.Revision == s.Revision {
			return s, nil
		}
		saved, err := e.Subscriptions.SaveSubscription(ctx, next)
		if err == nil {
			e.Log.InfoContext(ctx, "the subscription moved", "event", "subscription.transition", "subscriptionId", s.ID,
				"from", string(s.Status), "to", string(saved.Status), "key", n)
		}
		if !errors.Is(err, ErrConflict) {
			return saved, err
		}
		s = saved
	}
	return s, fmt.Errorf("payment: subscription %s: %w", s.ID, ErrConflict)
}

// logKeyAnswer logs an answer about key n; expected is false for one that decides nothing.
func logKeyAnswer(ctx context.Context, log *slog.Logger, id string, n int, a provider.KeyAnswer, expected bool) {
	level, event := slog.LevelInfo, "provider.answer"
	switch {
	case a.Class == provider.ClassCredentials:
		level, event = slog.LevelError, "config.error"
	case !expected:
		level = slog.LevelWarn
	}
	log.Log(ctx, level, "the provider answered", "event", event, "subscriptionId", id, "key", n,
		"call", a.Call, "verdict", a.Verdict.String(), "http", a.HTTP, "code", a.Code, "class", a.Class.String(),
		"cause", errorText(a.Err))
}

// learn is what an answer about key n makes of the subscription.
func (e *Enroller) learn(
	ctx context.Context, s subscription.Subscription, n int, failed bool, a provider.KeyAnswer, began time.Time,
) subscription.Subscription {
	now := e.Now()
	switch {
	case a.Verdict == provider.Paid && e.fits(s, a.Key):
		key := keyOf(a, now)
		key.N = n
		s = s.Issued(key, now)
	case a.Verdict == provider.Paid:
		e.Log.ErrorContext(ctx, "a billing key does not fit its subscription: another account, customer or mode",
			"event", "security.key_mismatch", "subscriptionId", s.ID, "key", n)
		s = s.NotIssued(n, false, began, now)
	case a.Verdict == provider.Absent:
		s = s.NotIssued(n, failed, began, now)
	default:
		s = s.Unanswered(now)
	}
	s.HeardAt = began
	return s
}

// keyOf is the key an answer shows.
func keyOf(a provider.KeyAnswer, now time.Time) subscription.Key {
	k := a.Key
	return subscription.Key{IssuedAt: k.IssuedAt, Account: k.Account, Brand: k.Brand, Masked: k.Masked, SeenAt: now}
}

// fits: a key of another merchant account, customer or mode is not this subscription's, whatever its name.
func (e *Enroller) fits(s subscription.Subscription, k provider.BillingKey) bool {
	customer := k.CustomerID == "" || k.CustomerID == s.CustomerID
	return customer && accountFits(e.Account, k.Account) && k.Sandbox == (s.Mode == "test")
}

func (e *Enroller) window(s subscription.Subscription, at provider.Place) (Enrolled, error) {
	enrolled := Enrolled{Subscription: s}
	if s.Issuing() == nil {
		return enrolled, nil
	}
	var err error
	enrolled.Window, err = e.Windows.KeyWindow(s, at)
	return enrolled, err
}

func (e *Enroller) byLink(ctx context.Context, number, linkToken string) (subscription.Subscription, int, error) {
	n, err := order.ParseNumber(number)
	ofKey := err == nil && n.Key > 0
	if e == nil || !ofKey || linkToken == "" {
		return subscription.Subscription{}, 0, ErrNotFound
	}
	s, err := e.Subscriptions.GetSubscription(ctx, n.ID)
	if err != nil {
		return subscription.Subscription{}, 0, err
	}
	if !s.LinkTokenMatches(linkToken) || n.Key > s.KeysOffered() {
		return subscription.Subscription{}, 0, ErrNotFound
	}
	return s, n.Key, nil
}

func (e *Enroller) build(r NewSubscription) subscription.Subscription {
	return subscription.New(e.draft(r))
}

// draft is what a request says, before anything happened to it.
func (e *Enroller) draft(r NewSubscription) subscription.Subscription {
	now := e.Now().UTC()
	buyer, _ := r.buyer()
	s := subscription.Subscription{
		ID: r.SubscriptionID, Provider: subscriptionProvider, Mode: e.Mode, Account: e.KeysOf,
		CustomerID: r.CustomerID, Customer: buyer, Language: r.Language, ReturnURL: r.ReturnURL,
		Request: r.digest(), LinkToken: e.NewToken(), CreatedAt: now,
		Calendar: r.calendar(now), CatchUp: cmp.Or(subscription.CatchUp(r.CatchUp), subscription.Once),
		Plan: subscription.Plan{
			Amount: money.Amount{Value: r.Amount, Currency: money.KRW},
			Name:   r.Name, Tax: subscription.Tax(r.Tax.order()),
		},
		NoticeDays: e.NoticeDays, AppScheme: r.AppScheme, Charging: r.PortOne.charging(),
	}
	if s.ID == "" {
		s.ID = e.NewID()
	}
	if r.Trial != nil && !r.FirstChargeAt.IsZero() {
		s.Consent = r.Trial.consent(s.Plan, s, e.NewToken())
	}
	return s
}

// calendar of the request. Without a first charge date the calendar begins today and the first cycle is due as soon as
// there is a key, but not before the charge hour if one was given.
func (r NewSubscription) calendar(now time.Time) subscription.Calendar {
	c := subscription.Calendar{
		First: now, Interval: subscription.Interval(r.Interval), Every: cmp.Or(r.Every, 1), Anchor: r.AnchorDay,
	}
	if r.FirstPeriod != subscription.FirstFullName {
		c.FirstPeriod = subscription.FirstPeriod(r.FirstPeriod)
	}
	if !r.FirstChargeAt.IsZero() {
		c.First, c.Hour = subscription.FullHour(r.FirstChargeAt), r.firstHour()
	}
	if r.ChargeHour != nil {
		c.Hour = *r.ChargeHour
	}
	if c.Anchor == 0 && (c.Interval == subscription.Month || c.Interval == subscription.Year) {
		c.Anchor = c.First.In(subscription.Seoul).Day()
	}
	return c
}

// firstHour is the hour in Seoul at which a first charge with a date is made.
func (r NewSubscription) firstHour() int {
	return subscription.FullHour(r.FirstChargeAt).In(subscription.Seoul).Hour()
}

func (r NewSubscription) digest() string {
	r.FirstChargeAt = r.FirstChargeAt.UTC()
	return digestOf(r)
}

func checkSubscriptionID(id string) error {
	if len(id) > order.SubscriptionIDMax || order.CheckID(id) != nil {
		return errors.New("must be 6 to 24 of A-Z a-z 0-9 _ - and must not contain --")
	}
	return nil
}

// check refuses what is wrong at any time.
func (e *Enroller) check(r NewSubscription) error {
	if r.SubscriptionID != "" {
		if err := checkSubscriptionID(r.SubscriptionID); err != nil {
			return &FieldError{"subscriptionId", err.Error()}
		}
	}
	err := cmp.Or(checkText("customerId", r.CustomerID, 1, customerIDMax), e.checkAmount("plan.", r.Amount, r.Currency),
		checkPlanName("plan.name", r.Name), r.checkExtras())
	if err != nil {
		return err
	}
	if err := r.calendar(e.Now()).Check(); err != nil {
		field, problem, _ := strings.Cut(err.Error(), " ")
		return &FieldError{"plan." + field, problem}
	}
	if hour := r.firstHour(); !r.FirstChargeAt.IsZero() && r.ChargeHour != nil && *r.ChargeHour != hour {
		return badField("plan.chargeHour",
			"must be %d, the full hour in Korea at or after firstChargeAt, or be left out", hour)
	}
	switch subscription.CatchUp(r.CatchUp) {
	case "", subscription.Once, subscription.Each, subscription.Skip:
	default:
		return &FieldError{"plan.catchUp", "must be once, each or skip"}
	}
	m := Merchant{ReturnURLs: e.ReturnURLs, Now: e.Now}
	return m.checkRest(NewOrder{Language: r.Language, ReturnURL: r.ReturnURL})
}

// checkFirstCharge refuses a first charge that is out of limits now.
func (e *Enroller) checkFirstCharge(r NewSubscription) error {
	in := r.FirstChargeAt.Sub(e.Now())
	if !r.FirstChargeAt.IsZero() && (in < -time.Minute || in > firstChargeMax) {
		return &FieldError{"firstChargeAt", "must not be in the past, and at most a year ahead"}
	}
	return nil
}

func checkPlanName(field, name string) error {
	if err := checkText(field, name, 1, planNameBytes); err != nil {
		return err
	}
	if len(name) > planNameBytes {
		return badField(field, "must be at most %d bytes in UTF-8", planNameBytes)
	}
	return nil
}

// planNameBytes is the limit of a cycle's name: PortOne's name(40), counted in bytes because a name that is too long
// would be found out by the first charge and not by the merchant.
const planNameBytes = 40
