package item

import (
	"cmp"
	"fmt"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

// Subscription is a subscription as it is stored, under the same rules as Order.
type Subscription struct {
	V           int                  `dynamodbav:"v"`
	ID          string               `dynamodbav:"id"`
	Provider    string               `dynamodbav:"provider,omitempty"`
	Mode        string               `dynamodbav:"mode,omitempty"`
	Account     string               `dynamodbav:"account,omitempty"`
	CustomerID  string               `dynamodbav:"customer_id,omitempty"`
	Customer    *subscriber          `dynamodbav:"customer,omitempty"`
	Language    string               `dynamodbav:"language,omitempty"`
	ReturnURL   string               `dynamodbav:"return_url,omitempty"`
	Request     string               `dynamodbav:"request,omitempty"`
	LinkToken   string               `dynamodbav:"link_token,omitempty"`
	CreatedAt   int64                `dynamodbav:"created_at,omitempty"`
	Plan        plan                 `dynamodbav:"plan"`
	NextPlan    *plan                `dynamodbav:"next_plan,omitempty"`
	First       *plan                `dynamodbav:"first,omitempty"`
	Calendar    calendar             `dynamodbav:"calendar"`
	CatchUp     subscription.CatchUp `dynamodbav:"catch_up,omitempty"`
	Charging    *charging            `dynamodbav:"charging,omitempty"`
	AppScheme   string               `dynamodbav:"app_scheme,omitempty"`
	Status      subscription.Status  `dynamodbav:"status"`
	Key         *key                 `dynamodbav:"key,omitempty"`
	NextKey     *key                 `dynamodbav:"next_key,omitempty"`
	Imported    string               `dynamodbav:"imported,omitempty"`
	Deletes     bool                 `dynamodbav:"deletes_imported,omitempty"`
	Cycle       int                  `dynamodbav:"cycle"`
	Date        int                  `dynamodbav:"date"`
	ChargeAt    int64                `dynamodbav:"charge_at,omitempty"`
	Due         int64                `dynamodbav:"due,omitempty"` // Due, DueAt and DueShard: as an order's
	DueAt       int64                `dynamodbav:"due_at,omitempty"`
	DueShard    string               `dynamodbav:"due_shard,omitempty"`
	List        string               `dynamodbav:"list,omitempty"` // List and Buyer: the keys of the lists
	Buyer       string               `dynamodbav:"buyer,omitempty"`
	AskAfter    int64                `dynamodbav:"ask_after,omitempty"`
	HeardAt     int64                `dynamodbav:"heard_at,omitempty"`
	Dunning     *dunning             `dynamodbav:"dunning,omitempty"`
	Consent     *consent             `dynamodbav:"consent,omitempty"`
	Cause       *cause               `dynamodbav:"cause,omitempty"`
	NoticeDays  int                  `dynamodbav:"notice_days,omitempty"`
	Noticed     int64                `dynamodbav:"noticed,omitempty"`
	CancelAtEnd bool                 `dynamodbav:"cancel_at_end,omitempty"`
	EndCycle    int                  `dynamodbav:"end_cycle,omitempty"`
	Begun       int64                `dynamodbav:"begun,omitempty"`
	Offered     int                  `dynamodbav:"offered,omitempty"`
	PausedAt    int64                `dynamodbav:"paused_at,omitempty"`
	Gaps        []gap                `dynamodbav:"gaps,omitempty"`
	History     []subscriptionStep   `dynamodbav:"history,omitempty"`
	Revision    int64                `dynamodbav:"revision"`
}

// subscriber has the fields of subscription.Customer in the same order, for the same reason as customer.
type subscriber struct {
	Name  string `dynamodbav:"name,omitempty"`
	Email string `dynamodbav:"email,omitempty"`
	Phone string `dynamodbav:"phone,omitempty"`
}

type plan struct {
	Amount   int64          `dynamodbav:"amount"`
	Currency money.Currency `dynamodbav:"currency"`
	Name     string         `dynamodbav:"name,omitempty"`
	Tax      *tax           `dynamodbav:"tax,omitempty"`
}

type calendar struct {
	First    int64                 `dynamodbav:"first,omitempty"`
	Interval subscription.Interval `dynamodbav:"interval,omitempty"`
	Every    int                   `dynamodbav:"every,omitempty"`
	Anchor   int                   `dynamodbav:"anchor,omitempty"`
	Hour     int                   `dynamodbav:"hour,omitempty"`

	FirstPeriod subscription.FirstPeriod `dynamodbav:"first_period,omitempty"`
}

type key struct {
	N         int    `dynamodbav:"n,omitempty"`
	OpenedAt  int64  `dynamodbav:"opened_at,omitempty"`
	IssuedAt  int64  `dynamodbav:"issued_at,omitempty"`
	Account   string `dynamodbav:"account,omitempty"`
	Brand     string `dynamodbav:"brand,omitempty"`
	Masked    string `dynamodbav:"masked,omitempty"`
	SeenAt    int64  `dynamodbav:"seen_at,omitempty"`
	Asks      int    `dynamodbav:"asks,omitempty"`
	DeletedAt int64  `dynamodbav:"deleted_at,omitempty"`
}

type dunning struct {
	Since   int64                `dynamodbav:"since,omitempty"`
	Attempt int                  `dynamodbav:"attempt,omitempty"`
	Decline subscription.Decline `dynamodbav:"decline,omitempty"`
	Code    string               `dynamodbav:"code,omitempty"`
	Soft    bool                 `dynamodbav:"soft,omitempty"`
}

type cause struct {
	At      int64  `dynamodbav:"at,omitempty"`
	Cycle   int    `dynamodbav:"cycle,omitempty"`
	Event   string `dynamodbav:"event,omitempty"`
	Code    string `dynamodbav:"code,omitempty"`
	Message string `dynamodbav:"message,omitempty"`
}

func fromCause(c subscription.Cause) cause {
	return cause{At: Millis(c.At), Cycle: c.Cycle, Event: c.Event, Code: c.Code, Message: c.Message}
}

func (c cause) cause() subscription.Cause {
	return subscription.Cause{At: Time(c.At), Cycle: c.Cycle, Event: c.Event, Code: c.Code, Message: c.Message}
}

type consent struct {
	Kind      subscription.ConsentKind `dynamodbav:"kind,omitempty"`
	Before    *plan                    `dynamodbav:"before,omitempty"`
	After     plan                     `dynamodbav:"after"`
	Cycle     int                      `dynamodbav:"cycle,omitempty"`
	Token     string                   `dynamodbav:"token,omitempty"`
	Ends      bool                     `dynamodbav:"ends,omitempty"`
	NeededAt  int64                    `dynamodbav:"needed_at,omitempty"`
	GivenAt   int64                    `dynamodbav:"given_at,omitempty"`
	RefusedAt int64                    `dynamodbav:"refused_at,omitempty"`
	LapsedAt  int64                    `dynamodbav:"lapsed_at,omitempty"`
	Used      bool                     `dynamodbav:"used,omitempty"`
	Text      string                   `dynamodbav:"text,omitempty"`
	Language  string                   `dynamodbav:"language,omitempty"`
	Evidence  string                   `dynamodbav:"evidence,omitempty"`
}

func fromConsent(c subscription.Consent) consent {
	return consent{
		Kind: c.Kind, Before: optional(fromPlan(c.Before)), After: fromPlan(c.After), Cycle: c.Cycle, Token: c.Token, Ends: c.Ends,
		NeededAt: Millis(c.NeededAt), GivenAt: Millis(c.GivenAt), RefusedAt: Millis(c.RefusedAt), LapsedAt: Millis(c.LapsedAt), Used: c.Used,
		Text: c.Text, Language: c.Language, Evidence: c.Evidence,
	}
}

func (c consent) consent() subscription.Consent {
	return subscription.Consent{
		Kind: c.Kind, Before: value(c.Before).plan(), After: c.After.plan(), Cycle: c.Cycle, Token: c.Token, Ends: c.Ends,
		NeededAt: Time(c.NeededAt), GivenAt: Time(c.GivenAt), RefusedAt: Time(c.RefusedAt), LapsedAt: Time(c.LapsedAt), Used: c.Used,
		Text: c.Text, Language: c.Language, Evidence: c.Evidence,
	}
}

// gap has the fields of subscription.Gap in the same order, for the same reason as customer.
type gap struct {
	From int `dynamodbav:"from,omitempty"`
	To   int `dynamodbav:"to,omitempty"`
}

type subscriptionStep struct {
	At    int64               `dynamodbav:"at,omitempty"`
	From  subscription.Status `dynamodbav:"from,omitempty"`
	To    subscription.Status `dynamodbav:"to,omitempty"`
	Event string              `dynamodbav:"event,omitempty"`
	Note  string              `dynamodbav:"note,omitempty"`
	Rev   int64               `dynamodbav:"rev,omitempty"` // as an order's
}

// FromSubscription returns the stored form. It shares no memory with s.
func FromSubscription(s subscription.Subscription) Subscription {
	it := Subscription{
		V: SubscriptionVersion, ID: s.ID, Provider: s.Provider, Mode: s.Mode, CustomerID: s.CustomerID, Customer: optional(subscriber(s.Customer)),
		Language: s.Language, ReturnURL: s.ReturnURL, Account: s.Account, Request: s.Request, LinkToken: s.LinkToken, CreatedAt: Millis(s.CreatedAt),
		Plan: fromPlan(s.Plan), NextPlan: optional(fromPlan(s.NextPlan)), First: optional(fromPlan(s.First)),
		Calendar: calendar{
			First: Millis(s.Calendar.First), Interval: s.Calendar.Interval, Every: s.Calendar.Every, Anchor: s.Calendar.Anchor,
			Hour: s.Calendar.Hour, FirstPeriod: s.Calendar.FirstPeriod,
		},
		CatchUp: s.CatchUp, Charging: optional(charging(s.Charging)), AppScheme: s.AppScheme, Status: s.Status, Key: optional(fromKey(s.Key)), NextKey: optional(fromKey(s.NextKey)), Cycle: s.Cycle,
		Date: s.Date, ChargeAt: Millis(s.ChargeAt), Due: Millis(s.DueAt), DueAt: Millis(s.DueAt), AskAfter: Millis(s.AskAfter),
		HeardAt: Millis(s.HeardAt), CancelAtEnd: s.CancelAtEnd, EndCycle: s.EndCycle, Begun: Millis(s.Begun), Cause: optional(fromCause(s.Cause)),
		NoticeDays: s.NoticeDays, Noticed: Millis(s.Noticed),
		Offered: s.Offered, Imported: s.Imported, Deletes: s.DeletesImported, Revision: s.Revision, PausedAt: Millis(s.PausedAt),
		Dunning: optional(dunning{
			Since: Millis(s.Dunning.Since), Attempt: s.Dunning.Attempt, Decline: s.Dunning.Decline, Code: s.Dunning.Code, Soft: s.Dunning.Soft,
		}),
	}
	if s.Consent.Kind != "" {
		it.Consent = optional(fromConsent(s.Consent))
	}
	if it.DueAt != 0 {
		it.DueShard = Shard(s.ID)
	}
	it.list(s)
	for _, g := range s.Gaps {
		it.Gaps = append(it.Gaps, gap(g))
	}
	for _, step := range s.History {
		it.History = append(it.History, subscriptionStep{
			At: Millis(step.At), From: step.From, To: step.To, Event: step.Event, Note: step.Note,
			Rev: cmp.Or(step.Revision, s.Revision),
		})
	}
	return it
}

// Subscription returns the subscription, or an error when the item was written in another format. It shares no memory with it.
func (it Subscription) Subscription() (subscription.Subscription, error) {
	if it.V != SubscriptionVersion {
		return subscription.Subscription{}, fmt.Errorf("the stored subscription has format version %d, this program knows %d", it.V, SubscriptionVersion)
	}
	refused := value(it.Dunning)
	s := subscription.Subscription{
		ID: it.ID, Provider: it.Provider, Mode: it.Mode, CustomerID: it.CustomerID, Customer: subscription.Customer(value(it.Customer)),
		Language: it.Language, ReturnURL: it.ReturnURL, Account: it.Account, Request: it.Request, LinkToken: it.LinkToken, CreatedAt: Time(it.CreatedAt),
		Plan: it.Plan.plan(), NextPlan: value(it.NextPlan).plan(), First: value(it.First).plan(),
		Calendar: subscription.Calendar{
			First: Time(it.Calendar.First), Interval: it.Calendar.Interval, Every: it.Calendar.Every, Anchor: it.Calendar.Anchor,
			Hour: it.Calendar.Hour, FirstPeriod: it.Calendar.FirstPeriod,
		},
		CatchUp: it.CatchUp, Charging: subscription.Charging(value(it.Charging)), AppScheme: it.AppScheme, Status: it.Status, Key: value(it.Key).key(), NextKey: value(it.NextKey).key(), Cycle: it.Cycle,
		Date: it.Date, ChargeAt: Time(it.ChargeAt), DueAt: dueTime(it.Due, it.DueAt), AskAfter: Time(it.AskAfter),
		HeardAt: Time(it.HeardAt), CancelAtEnd: it.CancelAtEnd, EndCycle: it.EndCycle, Begun: Time(it.Begun), Cause: value(it.Cause).cause(),
		NoticeDays: it.NoticeDays, Noticed: Time(it.Noticed),
		Offered: it.Offered, Imported: it.Imported, DeletesImported: it.Deletes, Revision: it.Revision, PausedAt: Time(it.PausedAt),
		Dunning: subscription.Dunning{Since: Time(refused.Since), Attempt: refused.Attempt, Decline: refused.Decline, Code: refused.Code, Soft: refused.Soft},
	}
	if it.Consent != nil {
		s.Consent = it.Consent.consent()
	}
	for _, g := range it.Gaps {
		s.Gaps = append(s.Gaps, subscription.Gap(g))
	}
	for _, step := range it.History {
		s.History = append(s.History, subscription.Step{
			At: Time(step.At), From: step.From, To: step.To, Event: step.Event, Note: step.Note,
			Revision: cmp.Or(step.Rev, it.Revision),
		})
	}
	return s, nil
}

func fromPlan(p subscription.Plan) plan {
	return plan{Amount: p.Amount.Value, Currency: p.Amount.Currency, Name: p.Name, Tax: optional(tax(p.Tax))}
}

func (p plan) plan() subscription.Plan {
	return subscription.Plan{Amount: money.Amount{Value: p.Amount, Currency: p.Currency}, Name: p.Name, Tax: subscription.Tax(value(p.Tax))}
}

func fromKey(k subscription.Key) key {
	return key{
		N: k.N, OpenedAt: Millis(k.OpenedAt), IssuedAt: Millis(k.IssuedAt), Account: k.Account, Brand: k.Brand, Masked: k.Masked,
		SeenAt: Millis(k.SeenAt), Asks: k.Asks, DeletedAt: Millis(k.DeletedAt),
	}
}

func (k key) key() subscription.Key {
	return subscription.Key{
		N: k.N, OpenedAt: Time(k.OpenedAt), IssuedAt: Time(k.IssuedAt), Account: k.Account, Brand: k.Brand, Masked: k.Masked,
		SeenAt: Time(k.SeenAt), Asks: k.Asks, DeletedAt: Time(k.DeletedAt),
	}
}
