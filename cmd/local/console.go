package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// readTime bounds the reads of one page.
const readTime = 20 * time.Second

// console shows the whole world on one page, and has its switches.
type console struct{ world *world.World }

type consoleView struct {
	Now               time.Time
	Jumps             []jump
	Subscriptions     []subscriptionRow
	MoreSubscriptions int
	moneyView
	Switches     []providerSwitches
	Targets      []string // "<provider> <operation>"
	Kinds        []string
	Faults       []fault.Fault
	Declines     []reasonGroup
	Declined     []declined
	Webhooks     []webhookRow
	MoreWebhooks int
	Error        string // of the page itself
	said
}

// said is what became of a wish, and which part of the page had it: it is shown there.
type said struct{ At, Note, Refused string }

// Here returns it for one part of the page.
func (s said) Here(part string) said {
	if s.At != part {
		return said{}
	}
	return s
}

// saidTo reads it from the page's address.
func saidTo(r *http.Request) said {
	query := r.URL.Query()
	return said{At: query.Get("at"), Note: query.Get("note"), Refused: query.Get("error")}
}

// reasonGroup are the codes of failed charges that ask the same of us.
type reasonGroup struct {
	Label string
	Codes []string
}

// declined is a decline that is planned.
type declined struct {
	Code  string
	Times int
}

// reasonGroups are the codes that a charge can be declined with, the usual ones first.
func reasonGroups() []reasonGroup {
	groups := []reasonGroup{{Label: "soft: in days"}, {Label: "transient: in hours"}, {Label: "hard: another means"}, {Label: "not known: asked again"}}
	for _, code := range world.DeclineReasons() {
		i := 3
		switch portone.ReasonOf(code) {
		case portone.ReasonSoft:
			i = 0
		case portone.ReasonTransient:
			i = 1
		case portone.ReasonHard, portone.ReasonKeyGone:
			i = 2
		case portone.ReasonMerchant, portone.ReasonAbandoned:
			continue // not a card's fault
		}
		groups[i].Codes = append(groups[i].Codes, code)
	}
	return groups
}

type jump struct{ Label, Value string }

// months is how a number of months is written in the clock's form, beside the durations that POST /sim/clock takes.
const months = " months"

var jumps = []jump{{"1 day", "1d"}, {"1 month", "1" + months}, {"13 months", "13" + months}}

// providerSwitches are the usual faults of a provider, one button each.
type providerSwitches struct {
	Label, Provider string
	Faults          []faultSwitch
}

type faultSwitch struct {
	Label, Operation, Kind, Delay string
	Times                         int
}

var switches = []providerSwitches{
	{"Toss", tosssim.Provider, switchesFor(tosssim.OpConfirm)},
	{"PortOne", portonesim.Provider, switchesFor(portonesim.OpAgain)},
}

// switchesFor a provider whose money moves by the operation.
func switchesFor(operation string) []faultSwitch {
	return []faultSwitch{
		{"is down", fault.Any, fault.InternalError, "", 1000},
		{"loses the next reply", operation, fault.LoseReply, "", 1},
		{"is slow once, 20 s", operation, fault.Delay, "20s", 1},
		{"is well", fault.Any, fault.None, "", 1},
	}
}

var faultTargets = []string{
	"toss " + tosssim.OpConfirm, "toss " + tosssim.OpFind, "toss " + tosssim.OpFindByOrder, "toss " + tosssim.OpCancel, "toss *",
	"portone " + portonesim.OpAgain, "portone " + portonesim.OpPayment, "portone " + portonesim.OpFindAll, "portone " + portonesim.OpCancel,
	"portone " + portonesim.OpToken, "portone " + portonesim.OpCustomer, "portone " + portonesim.OpDeleteCustomer,
	"portone " + portonesim.OpPrepare, "portone " + portonesim.OpWebhook, "portone *",
}

var faultKinds = []string{
	fault.LoseReply, fault.RefuseConnection, fault.Delay, fault.InternalError, fault.TooManyRequests, fault.Garbage, fault.None,
}

func mountConsole(w *world.World) {
	c := &console{world: w}
	w.Mux().HandleFunc("GET /console", c.show)
	w.Mux().HandleFunc("POST /console/clock", c.advance)
	w.Mux().HandleFunc("POST /console/faults", c.fault)
	w.Mux().HandleFunc("POST /console/declines", c.decline)
	w.Mux().HandleFunc("POST /console/webhooks", c.sendAgain)
	w.Mux().HandleFunc("POST /console/refunds", c.refund)
}

func (c *console) show(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readTime)
	defer cancel()
	v := consoleView{
		Now: c.world.Clock.Now(), Jumps: jumps, Switches: switches, Targets: faultTargets, Kinds: faultKinds, Faults: c.world.Faults.Pending(),
		Declines: reasonGroups(), said: saidTo(r),
	}
	planned := c.world.PortOne.Declines()
	for _, code := range slices.Sorted(maps.Keys(planned)) {
		v.Declined = append(v.Declined, declined{code, planned[code]})
	}
	ids := c.world.SubscriptionIDs()
	subscriptions, err := c.subscriptions(ctx, ids)
	if err == nil {
		v.moneyView, err = c.money(ctx, subscriptions)
	}
	if err != nil {
		v.Error = "The store could not be read: " + err.Error()
	}
	for _, s := range latest(subscriptions, shownMax) {
		v.Subscriptions = append(v.Subscriptions, subscriptionRow{s})
	}
	v.MoreSubscriptions = len(ids) - len(v.Subscriptions)
	records := c.world.Hooks.Records()
	for _, record := range latest(records, webhooksMax) {
		v.Webhooks = append(v.Webhooks, webhookRow{record})
	}
	v.MoreWebhooks = len(records) - len(v.Webhooks)
	render(w, "console.html", v)
}

// advance takes a duration, or a number of Korean calendar months.
func (c *console) advance(w http.ResponseWriter, r *http.Request) {
	d, err := c.duration(r.FormValue("advance"))
	if err != nil {
		c.back(w, r, "clock", "", err)
		return
	}
	report, err := c.world.Advance(r.Context(), d)
	c.back(w, r, "clock", fmt.Sprintf("The clock went on to %s: %s, %s, %s, %s given back, %s.", korean(report.Now), count(report.Ticks, "tick"),
		count(report.Charges, "charge"), count(report.Captures, "capture"), strconv.Itoa(report.Cancels), count(report.Webhooks, "webhook")), err)
}

func (c *console) duration(text string) (time.Duration, error) {
	number, found := strings.CutSuffix(text, months)
	if !found {
		return world.ParseDuration(text)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 120 {
		return 0, fmt.Errorf("months must be 1 to 120")
	}
	now := c.world.Clock.Now().In(subscription.Seoul)
	return now.AddDate(0, n, 0).Sub(now), nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (c *console) fault(w http.ResponseWriter, r *http.Request) {
	provider, operation, _ := strings.Cut(r.FormValue("target"), " ")
	f := fault.Fault{Provider: provider, Operation: operation, Kind: r.FormValue("fault")}
	var err error
	if f.Times, err = strconv.Atoi(r.FormValue("times")); err != nil || f.Times < 1 {
		c.back(w, r, "faults", "", fmt.Errorf("calls must be a whole number from 1"))
		return
	}
	if text := r.FormValue("delay"); text != "" && f.Kind == fault.Delay {
		if f.Delay, err = time.ParseDuration(text); err != nil {
			c.back(w, r, "faults", "", fmt.Errorf("the delay must be a duration such as 5s"))
			return
		}
	}
	note := "Planned: " + provider + " " + operation + " " + f.Kind + "."
	if f.Kind == fault.None {
		note = "Nothing is planned for " + provider + " " + operation + " any more."
	}
	c.back(w, r, "faults", note, c.world.Faults.Set(f))
}

func (c *console) decline(w http.ResponseWriter, r *http.Request) {
	reason := r.FormValue("reason")
	if r.FormValue("undo") != "" {
		c.back(w, r, "cards", "Not declined any more: "+cmp.Or(reason, "all charges")+".", c.world.DeclineNext(reason, 0))
		return
	}
	times, err := strconv.Atoi(r.FormValue("times"))
	if err != nil || times < 1 {
		c.back(w, r, "cards", "", errors.New("calls must be a whole number from 1"))
		return
	}
	err = c.world.DeclineNext(reason, times)
	c.back(w, r, "cards", "Declined next, if it would be paid: "+count(times, "charge")+" with "+reason+".", err)
}

func (c *console) sendAgain(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.Atoi(r.FormValue("index"))
	if err != nil {
		index = -1 // which is refused
	}
	statuses, err := c.world.Hooks.Replay(r.Context(), index, 1)
	c.back(w, r, "webhooks", fmt.Sprintf("Sent again: %v.", statuses), err)
}

// refund is one in the provider's own console.
func (c *console) refund(w http.ResponseWriter, r *http.Request) {
	id := r.FormValue("orderId")
	err := c.world.ConsoleRefund(r.Context(), id, 0)
	c.back(w, r, "money", "Refunded in the provider's console: "+id+". Its webhook tells us.", err)
}

// back returns to the part of the page that had a wish, with what became of it.
func (c *console) back(w http.ResponseWriter, r *http.Request, section, note string, err error) {
	query := url.Values{"at": {section}, "note": {note}}
	if err != nil {
		query = url.Values{"at": {section}, "error": {err.Error()}}
	}
	http.Redirect(w, r, "/console?"+query.Encode()+"#"+section, http.StatusSeeOther)
}

func (c *console) subscriptions(ctx context.Context, ids []string) ([]subscription.Subscription, error) {
	var found []subscription.Subscription
	for _, id := range ids[max(0, len(ids)-comparedMax):] {
		s, err := c.world.Store.GetSubscription(ctx, id)
		if err != nil {
			return found, err
		}
		found = append(found, s)
	}
	return found, nil
}

// subscriptionRow writes a subscription for a reader.
type subscriptionRow struct{ subscription.Subscription }

// Plan is what a cycle costs.
func (s subscriptionRow) Plan() string {
	return s.Subscription.Plan.Name + ", " + won(s.Subscription.Plan.Amount.Value)
}

// Every is the interval in words.
func (s subscriptionRow) Every() string {
	if s.Calendar.Every == 1 {
		return "every " + string(s.Calendar.Interval)
	}
	return fmt.Sprintf("every %d %ss", s.Calendar.Every, s.Calendar.Interval)
}

// Tone of the status.
func (s subscriptionRow) Tone() string {
	switch s.Status {
	case subscription.Active:
		return "good"
	case subscription.PastDue, subscription.Enrolling, subscription.Paused:
		return "warn"
	}
	return "bad"
}

// Next is when it is charged next.
func (s subscriptionRow) Next() string { return korean(s.ChargeAt) }

// Anchor is the day of the month, when the next date may be another.
func (s subscriptionRow) Anchor() string {
	switch {
	case s.ChargeAt.IsZero(): // canceled, paused or suspended: there is no such day
		return ""
	case s.CancelAtEnd:
		return "ends then, without a charge"
	case s.Calendar.Anchor > 28 && s.Subscription.Dunning.Since.IsZero(): // a timetable knows no days of the month
		return fmt.Sprintf("on day %d", s.Calendar.Anchor)
	}
	return ""
}

// Means is the card or account behind the key.
func (s subscriptionRow) Means() string {
	switch {
	case s.Subscription.Key.IssuedAt.IsZero() && s.Status == subscription.Canceled:
		return "none"
	case s.Subscription.Key.IssuedAt.IsZero():
		return "none yet"
	}
	return strings.TrimSpace(s.Subscription.Key.Brand + " " + s.Subscription.Key.Masked)
}

// Key is our name of the billing key.
func (s subscriptionRow) Key() string {
	if !s.Subscription.Key.DeletedAt.IsZero() {
		return "deleted"
	}
	return s.KeyName(s.Subscription.Key.N)
}

// Dunning is what became of a refused cycle.
func (s subscriptionRow) Dunning() string {
	d := s.Subscription.Dunning
	switch {
	case d.Since.IsZero():
	case s.Status == subscription.Canceled:
		return fmt.Sprintf("%s (%s)", d.Code, d.Decline)
	default:
		return fmt.Sprintf("%s (%s), attempt %d is next", d.Code, d.Decline, d.Attempt)
	}
	return "–"
}

// PayURL is the page that registers a means, while there is one to register. The page of one that has ended only says so.
func (s subscriptionRow) PayURL() string {
	if s.Status == subscription.Canceled {
		return ""
	}
	if issuing := s.Issuing(); issuing != nil {
		return "/pay/" + s.KeyName(issuing.N) + "/" + s.LinkToken
	}
	return ""
}

// webhookRow writes a delivery for a reader.
type webhookRow struct{ hooks.Record }

// Short is the body without its length.
func (r webhookRow) Short() string {
	const limit = 160
	if text := []rune(r.Body); len(text) > limit {
		return string(text[:limit]) + "…"
	}
	return r.Body
}

// Answer is what we answered last.
func (r webhookRow) Answer() string {
	switch {
	case r.LastAt == nil:
		return "not sent yet"
	case r.LastStatus == 0:
		return "no answer"
	}
	return strconv.Itoa(r.LastStatus)
}
