package scene

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
)

// Step brings a stage to where an event finds it.
type Step func(context.Context, *Stage) error

// Event is a file of events/, without .json.
type Event struct {
	Function string // of template.yaml
	Given    Step   // what is so before it; nil: nothing
	After    string // the event that came just before it, if it needs one
}

// The functions of template.yaml.
const (
	merchant = "MerchantFunction"
	checkout = "CheckoutFunction"
	confirm  = "ConfirmFunction"
	webhook  = "WebhookFunction"
	charge   = "ChargeFunction"
	publish  = "PublishFunction"
	deliver  = "DeliverFunction"
)

// Events has every file of events/ by name.
var Events = map[string]Event{
	"publish-batch": {publish, nil, ""},
	"deliver-batch": {deliver, nil, ""},

	"order-created":            {merchant, nil, ""},
	"order-created-again":      {merchant, nil, "order-created"},
	"order-odd-buyer":          {merchant, nil, ""},
	"order-refused-double":     {merchant, nil, ""},
	"order-conflict":           {merchant, nil, "order-created"},
	"order-refused-field":      {merchant, nil, ""},
	"order-refused-amount":     {merchant, nil, ""},
	"order-refused-currency":   {merchant, nil, ""},
	"order-refused-return-url": {merchant, nil, ""},
	"order-read":               {merchant, Paid, ""},
	"order-list":               {merchant, Paid, ""},
	"order-read-unknown":       {merchant, nil, ""},
	"checkout-page":            {checkout, Open, ""},
	"checkout-paid":            {checkout, Paid, ""},
	"checkout-status":          {checkout, Open, ""},
	"checkout-unknown-link":    {checkout, Open, ""},
	"confirm-success":          {confirm, Approved, ""},
	"confirm-odd-query":        {confirm, Approved, ""},
	"confirm-twice":            {confirm, Approved, "confirm-success"},
	"confirm-tampered-amount":  {confirm, Tampered, ""},
	"confirm-declined":         {confirm, Declined, ""},
	"confirm-checking":         {confirm, Unanswered, ""},
	"confirm-unknown-link":     {confirm, Approved, ""},
	"confirm-malformed":        {confirm, Approved, ""},
	"fail-cancelled":           {confirm, Left("cancel"), ""},
	"fail-aborted":             {confirm, Left("abort"), ""},
	"fail-rejected":            {confirm, Left("reject"), ""},

	"refund-whole":                 {merchant, Paid, ""},
	"refund-again":                 {merchant, Paid, "refund-whole"},
	"refund-part":                  {merchant, Paid, ""},
	"refund-over-balance":          {merchant, Paid, ""},
	"resolve-not-in-review":        {merchant, Paid, ""},
	"portone-order-created":        {merchant, nil, ""},
	"portone-order-extras":         {merchant, nil, ""},
	"portone-order-refused-method": {merchant, nil, ""},
	"portone-checkout-page":        {checkout, OpenPortOne, ""},
	"return-mobile":                {confirm, BoughtPortOne("redirect", "approve"), ""},
	"return-popup":                 {confirm, BoughtPortOne("popup", "approve"), ""},
	"return-number-only":           {confirm, BoughtPortOne("popup", "close-popup"), ""},
	"return-cancelled":             {confirm, BoughtPortOne("redirect", "cancel"), ""},
	"return-forged":                {confirm, OpenPortOne, ""},
	"return-other-amount":          {confirm, BoughtForLess, ""},
	"gate-approved":                {confirm, OpenPortOne, ""},
	"gate-again":                   {confirm, OpenPortOne, "gate-approved"},
	"gate-other-amount":            {confirm, OpenPortOne, ""},

	"subscription-created":          {merchant, nil, ""},
	"subscription-conflict":         {merchant, nil, "subscription-created"},
	"subscription-refused-customer": {merchant, nil, ""},
	"subscription-import-refused":   {merchant, nil, ""},
	"subscription-imported":         {merchant, Elsewhere, ""},
	"subscription-read":             {merchant, IssuedBy("redirect", "approve"), ""},
	"subscription-list":             {merchant, IssuedBy("redirect", "approve"), ""},
	"subscription-checkout-page":    {checkout, Enrolling, ""},
	"return-issued":                 {confirm, IssuedBy("redirect", "approve"), ""},
	"return-not-issued":             {confirm, IssuedBy("redirect", "cancel"), ""},
	"subscription-paused":           {merchant, Active, ""},
	"subscription-resumed":          {merchant, Paused, ""},
	"subscription-cancelled":        {merchant, Active, ""},
	"subscription-cancel-refused":   {merchant, Active, ""},
	"subscription-plan":             {merchant, Active, ""},
	"subscription-plan-rise":        {merchant, Active, ""},
	"subscription-renewed":          {merchant, Active, ""},
	"consent-page":                  {confirm, Asked, ""},
	"consent-given":                 {confirm, Asked, ""},

	"charge-tick":    {charge, Due, ""},
	"charge-batch":   {charge, Due, ""},
	"charge-redrive": {charge, Due, "charge-batch"},

	"webhook-portone-paid":          {webhook, BoughtPortOne("popup", "close-popup"), ""},
	"webhook-portone-form":          {webhook, BoughtPortOne("popup", "close-popup"), ""},
	"webhook-portone-odd":           {webhook, BoughtPortOne("popup", "close-popup"), ""},
	"webhook-portone-duplicate":     {webhook, BoughtPortOne("popup", "close-popup"), "webhook-portone-paid"},
	"webhook-portone-issued":        {webhook, IssuedBy("popup", "close-popup"), ""},
	"webhook-portone-cancelled":     {webhook, CancelledAtPortOne, ""},
	"webhook-portone-forged":        {webhook, OpenPortOne, ""},
	"webhook-portone-unknown-order": {webhook, OpenPortOne, ""},
	"webhook-portone-malformed":     {webhook, BoughtPortOne("popup", "close-popup"), ""},
	"webhook-wrong-token":           {webhook, BoughtPortOne("popup", "close-popup"), ""},
	"webhook-toss-paid":             {webhook, Unheard, ""},
	"webhook-toss-cancelled":        {webhook, CancelledAtToss, ""},
	"webhook-toss-deposit":          {webhook, Approved, ""},
	"webhook-toss-unknown-event":    {webhook, Approved, ""},
}

// Set brings an empty stage to where the event finds it.
func (s *Stage) Set(ctx context.Context, name string) error {
	e, known := Events[name]
	if !known {
		return fmt.Errorf("there is no events/%s.json", name)
	}
	if e.Given != nil {
		if err := e.Given(ctx, s); err != nil {
			return err
		}
	}
	if e.After != "" {
		return s.Invoke(ctx, e.After)
	}
	return nil
}

// Open: the order of Toss Payments waits for its buyer.
func Open(ctx context.Context, s *Stage) error {
	_, err := s.Seed(ctx, "test")
	return err
}

// Approved: its buyer has paid in the window and is on the way back.
func Approved(ctx context.Context, s *Stage) error { return s.left(ctx, "approve", "") }

// Tampered: and has changed the amount in the address.
func Tampered(ctx context.Context, s *Stage) error { return s.left(ctx, "approve", "100") }

// Left: its buyer has left the window in another way.
func Left(outcome string) Step {
	return func(ctx context.Context, s *Stage) error { return s.left(ctx, outcome, "") }
}

func (s *Stage) left(ctx context.Context, outcome, tamperAmount string) error {
	o, err := s.Seed(ctx, "test")
	if err != nil {
		return err
	}
	return s.Pay(o, tosssim.DefaultClientKey, outcome, tamperAmount)
}

// Declined: the card company will refuse the confirm.
func Declined(ctx context.Context, s *Stage) error {
	err := Approved(ctx, s)
	s.Toss.DeclineNext("REJECT_CARD_PAYMENT")
	return err
}

// Unanswered: Toss Payments gives no usable answer.
func Unanswered(ctx context.Context, s *Stage) error {
	down := fault.Fault{Provider: tosssim.Provider, Operation: fault.Any, Kind: fault.InternalError, Times: 100}
	return errors.Join(Approved(ctx, s), s.Toss.Faults.Set(down))
}

// Paid: the order is paid, as the pure rules make it so.
func Paid(ctx context.Context, s *Stage) error {
	o, err := s.Seed(ctx, "test")
	if err != nil {
		return err
	}
	if o, err = s.claim(ctx, o); err != nil {
		return err
	}
	return s.record(ctx, o)
}

// claim brings an open order to processing.
func (s *Stage) claim(ctx context.Context, o order.Order) (order.Order, error) {
	return s.Records.Claim(ctx, order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: 1, Amount: o.Amount, Key: Key, At: o.CreatedAt, AskAfter: o.CreatedAt,
	})
}

// record brings a claimed order to paid.
func (s *Stage) record(ctx context.Context, o order.Order) error {
	l := o.Ledger
	l.Timing = ledger.Timing(toss.Timing())
	l = l.Learn(ledger.Answer{
		Account: o.Ledger.Account, Began: o.CreatedAt, At: o.CreatedAt, Readable: true, Payments: []ledger.Payment{{
			Key: Key, Attempt: 1, State: ledger.Captured, Amount: Amount, Balance: Amount, Currency: string(money.KRW), Test: true,
			ApprovedAt: o.CreatedAt, TransactionKey: "EXAMPLETRANSACTION", Method: "카드",
		}},
	}).Decide()
	l.Revision++
	_, err := s.Records.Save(ctx, o.With(l, o.CreatedAt))
	return err
}

// Unheard: Toss Payments took the money, and its answer was lost.
func Unheard(ctx context.Context, s *Stage) error {
	if err := Approved(ctx, s); err != nil {
		return err
	}
	o, err := s.Records.Get(ctx, Order)
	if err != nil {
		return err
	}
	if _, err := s.claim(ctx, o); err != nil {
		return err
	}
	body := `{"paymentKey":"` + Key + `","orderId":"` + Order + `","amount":15000}`
	r := httptest.NewRequest(http.MethodPost, "/v1/payments/confirm", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "the-request-before")
	r.SetBasicAuth(tosssim.DefaultSecretKey, "")
	w := httptest.NewRecorder()
	s.Toss.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Errorf("the provider answers %d: %s", w.Code, w.Body)
	}
	return nil
}

// CancelledAtToss: paid, then given back in the provider's console.
func CancelledAtToss(ctx context.Context, s *Stage) error {
	if err := Unheard(ctx, s); err != nil {
		return err
	}
	o, err := s.Records.Get(ctx, Order)
	return errors.Join(err, s.record(ctx, o), s.Toss.ConsoleCancel(Key, 0))
}

// OpenPortOne: the order of PortOne waits for its buyer.
func OpenPortOne(ctx context.Context, s *Stage) error {
	_, err := s.SeedPortOne(ctx)
	return err
}

// BoughtPortOne: its buyer has left the window, and PortOne knows how.
func BoughtPortOne(mode, outcome string) Step {
	return func(ctx context.Context, s *Stage) error { return s.bought(ctx, mode, outcome, "") }
}

// BoughtForLess: its buyer has paid another amount.
func BoughtForLess(ctx context.Context, s *Stage) error {
	return s.bought(ctx, "redirect", "approve", "100")
}

func (s *Stage) bought(ctx context.Context, mode, outcome, tamperAmount string) error {
	o, err := s.SeedPortOne(ctx)
	if err != nil {
		return err
	}
	return s.PayPortOne(o, mode, outcome, tamperAmount)
}

// CancelledAtPortOne: paid by webhook, then given back in the provider's console.
func CancelledAtPortOne(ctx context.Context, s *Stage) error {
	if err := s.bought(ctx, "popup", "close-popup", ""); err != nil {
		return err
	}
	if err := s.Invoke(ctx, "webhook-portone-paid"); err != nil {
		return err
	}
	return s.PortOne.ConsoleCancel(ImpUID, 0)
}

// Enrolling: the subscription waits for a means of payment.
func Enrolling(ctx context.Context, s *Stage) error {
	_, err := s.SeedSubscription(ctx)
	return err
}

// Elsewhere: PortOne has a billing key that another system's window issued.
func Elsewhere(_ context.Context, s *Stage) error {
	return s.PortOne.AddKey(portonesim.Key{CustomerUID: Imported, CustomerID: "cust-1001", Test: true})
}

// importDate is the date of the running subscription that subscription-imported.json brings.
var importDate = regexp.MustCompile(`(firstChargeAt\\":\\")(\d{4})(-\d\d-\d\dT\d\d:00:00\+09:00)`)

// Ahead is an event with its date in the next year in which it lies ahead: an import with a date that has passed is refused, and a file has one date.
func Ahead(event []byte, now time.Time) []byte {
	return importDate.ReplaceAllFunc(event, func(text []byte) []byte {
		part := importDate.FindSubmatch(text)
		year, _ := strconv.Atoi(string(part[2]))
		for {
			date := fmt.Sprintf("%04d%s", year, part[3])
			if at, err := time.Parse(time.RFC3339, date); err != nil || at.After(now.Add(time.Minute)) {
				return []byte(string(part[1]) + date)
			}
			year++
		}
	})
}

// IssuedBy: its buyer has left the window that issues a key.
func IssuedBy(mode, outcome string) Step {
	return func(ctx context.Context, s *Stage) error {
		of, err := s.SeedSubscription(ctx)
		if err != nil {
			return err
		}
		return s.Issue(of, mode, outcome)
	}
}

// Active: the key was issued and recorded, and the first cycle is due.
func Active(ctx context.Context, s *Stage) error {
	if err := IssuedBy("redirect", "approve")(ctx, s); err != nil {
		return err
	}
	now := now()
	return s.Change(ctx, func(of subscription.Subscription) subscription.Subscription {
		return of.Issued(subscription.Key{
			N: 1, IssuedAt: now, SeenAt: now, Account: PortOneWindows().Account(), Brand: "신한카드", Masked: "559410*********4",
		}, now)
	})
}

// Paused: and then it was paused.
func Paused(ctx context.Context, s *Stage) error {
	if err := Active(ctx, s); err != nil {
		return err
	}
	return s.Change(ctx, func(of subscription.Subscription) subscription.Subscription {
		of, _ = of.Pause(now()) // a refusal leaves it active, and its event shows that
		return of
	})
}

// Asked: its price is to rise, and the buyer is asked.
func Asked(ctx context.Context, s *Stage) error {
	if err := Active(ctx, s); err != nil {
		return err
	}
	return s.Change(ctx, func(of subscription.Subscription) subscription.Subscription {
		dearer := subscription.Plan{Amount: money.Amount{Value: 12900, Currency: money.KRW}, Name: of.Plan.Name}
		of, _ = of.ChangeWithConsent(subscription.Consent{Kind: subscription.PriceRise, After: dearer, Token: Link}, "", now())
		return of
	})
}

// Due: the subscription's first cycle is due, and there is an order that is not.
func Due(ctx context.Context, s *Stage) error { return errors.Join(Active(ctx, s), Paid(ctx, s)) }

// Change stores a step of the subscription, as the pure rules make it.
func (s *Stage) Change(ctx context.Context, step func(subscription.Subscription) subscription.Subscription) error {
	of, err := s.Records.GetSubscription(ctx, Subscription)
	if err != nil {
		return err
	}
	_, err = s.Records.SaveSubscription(ctx, step(of))
	return err
}
