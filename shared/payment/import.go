package payment

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// KeyRefusal is why a billing key is not imported. Its text may be shown to the merchant; Code is for programs.
type KeyRefusal struct{ Code, Problem string }

func (e *KeyRefusal) Error() string { return e.Problem }

// The refusals. PortOne shows no difference between a key that was deleted, one of another account and none at all.
var (
	ErrKeyUnknown = &KeyRefusal{"BILLING_KEY_UNKNOWN", "PortOne knows no such customer_uid with this deployment's " +
		"API keys: it was deleted, is another account's, or never was"}
	ErrKeyAccount = &KeyRefusal{"BILLING_KEY_OTHER_ACCOUNT",
		"the key belongs to another merchant id or payment gateway than this deployment charges"}
	ErrKeyMode = &KeyRefusal{"BILLING_KEY_OTHER_MODE",
		"a test channel's key cannot be imported into mode live, nor a live one into mode test"}
	ErrKeyCustomer = &KeyRefusal{"BILLING_KEY_OTHER_CUSTOMER",
		"PortOne has the key under another customer_id than customerId"}
	ErrKeyScheduled = &KeyRefusal{"BILLING_KEY_SCHEDULED", "PortOne is to charge the key by itself: " +
		"another system scheduled payments with it. Unschedule them, and send the same request again"}
	ErrKeyImported = &KeyRefusal{"BILLING_KEY_IMPORTED",
		"the key was imported before, from another request, or was issued here"}
)

// ErrKeyUnread says that the provider did not tell what a key is. Nothing is stored.
var ErrKeyUnread = errors.New("PortOne did not say what the key is; nothing was stored, send the same request again")

// importsMax is how often one key may be imported again; each use is a person's correction of a mistake.
const importsMax = 9

// ImportedID is the id of the subscription that the n-th import of a key gets, from 1. It is made of the key, so that
// the table's own condition on ids lets one key in only once, however many requests come at the same time.
func ImportedID(customerUID string, n int) string {
	text := "import " + customerUID
	if n > 1 {
		text += "\n" + strconv.Itoa(n) // no customer_uid has a line end
	}
	sum := sha256.Sum256([]byte(text))
	return "imp_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:20])
}

// takeIn is Start for a billing key that was issued elsewhere. Everything is checked, and the provider asked, before
// anything is stored; a dry run stores nothing. A *KeyRefusal says why the key is not taken.
//
// A key whose subscription has ended is taken in once more only if the request says so: an old list must not bring back
// who has left.
func (e *Enroller) takeIn(ctx context.Context, r NewSubscription) (Enrolled, error) {
	if err := r.checkImport(); err != nil {
		return Enrolled{}, err
	}
	for n := range importsMax {
		r.SubscriptionID = ImportedID(r.ImportBillingKey, n+1)
		stored, err := e.Subscriptions.GetSubscription(ctx, r.SubscriptionID)
		switch {
		case errors.Is(err, ErrNotFound):
			return e.takeNew(ctx, r)
		case err != nil:
			return Enrolled{}, fmt.Errorf("payment: import: %w", err)
		case stored.Request == r.digest(), !r.ImportAgain, !over(stored):
			return takenIn(stored, r)
		}
	}
	return Enrolled{}, ErrKeyImported
}

// over says that a subscription will never charge or delete its imported key any more.
func over(s subscription.Subscription) bool {
	return s.Status == subscription.Canceled && s.Final() && s.Keeps(1)
}

// takeNew takes a key in under an id that was not seen before.
func (e *Enroller) takeNew(ctx context.Context, r NewSubscription) (Enrolled, error) {
	if err := e.checkFirstCharge(r); err != nil {
		return Enrolled{}, err
	}
	if err := e.ownKey(ctx, r.ImportBillingKey); err != nil {
		return Enrolled{}, err
	}
	key, doubt, err := e.lookUp(ctx, r)
	if err != nil {
		return Enrolled{}, err
	}
	s := subscription.NewImported(e.draft(r), r.ImportBillingKey, r.DeleteImportedKey, key)
	_, notes := r.buyer()
	notes = append(notes, doubt...)
	if r.DryRun {
		return Enrolled{Subscription: s, Notes: notes, DryRun: true}, nil
	}
	stored, err := e.Subscriptions.CreateSubscription(ctx, s)
	switch {
	case errors.Is(err, ErrExists):
		return takenIn(stored, r)
	case err != nil:
		return Enrolled{}, fmt.Errorf("payment: import: %w", err)
	}
	return Enrolled{Subscription: stored, New: true, Notes: notes}, nil
}

// takenIn is the answer about a key that was imported before: the same request gets the same subscription, whatever
// became of it since.
func takenIn(stored subscription.Subscription, r NewSubscription) (Enrolled, error) {
	if stored.Request != r.digest() {
		return Enrolled{}, ErrKeyImported
	}
	_, notes := r.buyer()
	return Enrolled{Subscription: stored, Notes: notes}, nil
}

// ownKey refuses a key that a subscription of this deployment was made with: it would be charged twice.
func (e *Enroller) ownKey(ctx context.Context, name string) error {
	n, err := order.ParseNumber(name)
	if err != nil || n.Key == 0 {
		return nil
	}
	switch _, err := e.Subscriptions.GetSubscription(ctx, n.ID); {
	case errors.Is(err, ErrNotFound):
		return nil // another deployment's
	case err != nil:
		return fmt.Errorf("payment: import: %w", err)
	}
	return ErrKeyImported
}

// lookUp asks the provider what the key is, and refuses one that is not this deployment's to charge, or that the
// provider charges by itself.
func (e *Enroller) lookUp(ctx context.Context, r NewSubscription) (subscription.Key, []Note, error) {
	if err := ready(ctx, e.Ready); err != nil {
		return subscription.Key{}, nil, fmt.Errorf("payment: import: %w: %w", ErrNotReady, err)
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	a := e.Keys.BillingKey(calls, r.ImportBillingKey)
	logKeyAnswer(ctx, e.Log, r.SubscriptionID, 1, a, a.Verdict != provider.Unknown)
	switch {
	case a.Verdict == provider.Absent:
		return subscription.Key{}, nil, ErrKeyUnknown
	case a.Verdict != provider.Paid:
		return subscription.Key{}, nil, fmt.Errorf("payment: import: %w", ErrKeyUnread)
	}
	if err := e.takes(a.Key, r.CustomerID); err != nil {
		return subscription.Key{}, nil, err
	}
	doubt, err := e.unscheduled(ctx, calls, r)
	if err != nil {
		return subscription.Key{}, nil, err
	}
	key := keyOf(a, e.Now().UTC())
	if key.IssuedAt.IsZero() {
		key.IssuedAt = key.SeenAt // it exists; since when is only shown
	}
	return key, doubt, nil
}

// unscheduled refuses a key that the provider itself is to charge: each cycle would be paid twice. This is a net below
// the merchant's own care and sees 3 months ahead. An answer that is not what the schema says must not keep everybody
// out, so it lets the key in with a note; no answer at all does not.
func (e *Enroller) unscheduled(ctx, calls context.Context, r NewSubscription) ([]Note, error) {
	if e.Schedules == nil {
		return nil, nil
	}
	a := e.Schedules.Scheduled(calls, r.ImportBillingKey, e.Now())
	logKeyAnswer(ctx, e.Log, r.SubscriptionID, 1, provider.KeyAnswer{Answer: a}, a.Verdict != provider.Unknown)
	switch {
	case a.Verdict == provider.Absent:
		return nil, nil
	case a.Verdict == provider.Pending:
		return nil, ErrKeyScheduled
	case !a.Answered(), a.HTTP >= 500, a.HTTP == 429, a.Class == provider.ClassCredentials:
		return nil, fmt.Errorf("payment: import: %w", ErrKeyUnread)
	}
	return []Note{{"importBillingKey", "may have payments that another system scheduled: " +
		"PortOne's answer about them could not be read. Make sure that there are none"}}, nil
}

// takes says whose key it is. A configured merchant id alone decides; without one the gateway's word must be ours.
func (e *Enroller) takes(k provider.BillingKey, customerID string) error {
	switch {
	case e.Account != "" && k.Account != e.Account, e.Account == "" && k.OtherGateway != "":
		return ErrKeyAccount
	case k.Sandbox != (e.Mode == "test"):
		return ErrKeyMode
	case k.CustomerID != "" && k.CustomerID != customerID:
		return ErrKeyCustomer
	}
	return nil
}

// checkImport refuses what is wrong with an import at any time. A running subscription has its next date and its day of
// the month: neither is guessed.
func (r NewSubscription) checkImport() error {
	monthly := r.Interval == string(subscription.Month) || r.Interval == string(subscription.Year)
	switch {
	case !importable(r.ImportBillingKey):
		return &FieldError{"importBillingKey",
			`must be the customer_uid of a billing key: 1 to 80 visible ASCII characters without / \ ? # %`}
	case r.SubscriptionID != "":
		return &FieldError{"subscriptionId", "must be left out with importBillingKey: it is made of the key"}
	case r.FirstChargeAt.IsZero():
		return &FieldError{"firstChargeAt",
			"is needed with importBillingKey: the next date of the running subscription"}
	case monthly && r.AnchorDay == 0:
		return &FieldError{"plan.anchorDay",
			"is needed with importBillingKey: the day of the month that the running subscription is charged on"}
	case r.FirstPeriod != "" && r.FirstPeriod != subscription.FirstFullName:
		return &FieldError{"plan.firstPeriod",
			"must be full with importBillingKey: the running subscription has had its first period"}
	}
	return nil
}

// importable accepts what the provider's adapter does.
func importable(name string) bool {
	outside := func(b rune) bool { return b < '!' || b > '~' }
	if name == "" || name == "." || name == ".." {
		return false
	}
	return len(name) <= 80 && !strings.ContainsFunc(name, outside) && !strings.ContainsAny(name, `/\?#%`)
}
