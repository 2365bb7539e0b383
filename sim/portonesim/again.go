package portonesim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"tosspay-sam/sim/simulator"
)

// tossMinimum is the smallest payment in won; below it Toss Pay declines.
const tossMinimum = 100

// The lower limits of a payment in instalments (schema of again).
const (
	quotaMin       = 2
	quotaAmountMin = 50_000
)

// scripted is the answer that a test wants the next charge to get.
type scripted struct {
	decline  string // fail_reason
	message  string // of an answer without a payment
	captured bool   // the money is taken all the same
}

// DeclineNext makes the next charge by again that would be paid fail with
// fail_reason reason: status 200, code 0, and a payment in failed.
func (s *Sim) DeclineNext(reason string) { s.addScript(scripted{decline: reason}) }

// Declines counts what DeclineNext still has to decline, by reason.
func (s *Sim) Declines() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	planned := map[string]int{}
	for _, next := range s.script {
		if next.decline != "" {
			planned[next.decline]++
		}
	}
	return planned
}

// ForgetDeclines takes back what DeclineNext has planned with a reason, or with
// any when it is empty, and returns how many charges that were.
func (s *Sim) ForgetDeclines(reason string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.script)
	s.script = slices.DeleteFunc(s.script, func(next scripted) bool {
		return next.decline != "" && (reason == "" || next.decline == reason)
	})
	return before - len(s.script)
}

// RefuseNext makes the next charge by again come to nothing with message:
// status 200, code -1, no payment, and no money moves.
func (s *Sim) RefuseNext(message string) { s.addScript(scripted{message: message}) }

// CaptureNextBut makes the next charge by again take the money and answer as
// RefuseNext does. That is the worst that a code other than 0 can mean.
func (s *Sim) CaptureNextBut(message string) {
	s.addScript(scripted{message: message, captured: true})
}

func (s *Sim) addScript(next scripted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, next)
}

// again is POST /subscribe/payments/again. Key and duplicates are looked up
// when the call arrives, the money is taken after the delay fault, and nothing
// holds a merchant_uid in between: of charges that run at the same time all
// take money, for the provider promises nothing else.
func (s *Sim) again(c *call) simulator.Reply {
	p, problem := readCharge(c)
	if problem != "" {
		s.Violate("again: %s", problem)
		c.pause()
		return badRequest()
	}
	next, refusal := s.beginCharge(p)
	c.pause()
	if refusal != nil {
		return *refusal
	}
	return s.finishCharge(p, next)
}

// readCharge reads the parameters that apply to tosspay_v2 into a payment.
func readCharge(c *call) (*payment, string) {
	p := readParams(c)
	amount := p.whole("amount")
	charge := &payment{
		owner: c.owner, channel: "api", usage: usagePayment,
		customerUID: p.required("customer_uid", 80), merchantUID: p.required("merchant_uid", 40), name: p.required("name", 40),
		currency: p.oneOf("currency", "KRW"), customData: p.text("custom_data", 0),
		buyer: p.buyer(),
	}
	if charge.currency == "" {
		charge.currency = "KRW"
	}
	if url := p.text("notice_url", 0); url != "" {
		charge.noticeURLs = []string{url}
		if !simulator.HasOrigin(url) {
			p.wrong("notice_url", "must be an http or https address")
		}
	}
	if amount == nil || *amount == 0 {
		p.wrong("amount", "must be above 0")
	} else {
		charge.amount = *amount
	}
	if quota := p.whole("card_quota"); quota != nil {
		charge.cardQuota = *quota
		if *quota != 0 && (*quota < quotaMin || charge.amount < quotaAmountMin) {
			p.wrong("card_quota", "must be 0, or from 2 for 50,000 won or more")
		}
	}
	charge.withVAT = p.whole("vat_amount") != nil
	p.whole("tax_free")
	p.text("browser_ip", 0)
	p.oneOf("product_type", "real", "digital")
	p.whole("product_count")
	p.oneOf("cash_receipt_type", "person", "company", "anonymous")
	p.bypass(map[string]any{"cashReceipt": false, "cashReceiptTradeOption": "", "sendFailPush": false})
	return charge, p.finish()
}

// buyer takes the buyer_ parameters.
func (p *params) buyer() buyer {
	return buyer{
		p.text("buyer_name", 16), p.text("buyer_email", 64), p.text("buyer_tel", 16),
		p.text("buyer_addr", 128), p.text("buyer_postcode", 8),
	}
}

// bypass checks what is passed on to Toss Pay: known is each name with a value
// of its type. It returns the values.
func (p *params) bypass(known map[string]any) map[string]any {
	outer := p.object("bypass")
	for _, name := range slices.Sorted(maps.Keys(outer)) {
		if name != "tosspay_v2" {
			p.wrong("bypass."+name, "is not known; parameters belong below tosspay_v2")
		}
	}
	values, isObject := outer["tosspay_v2"].(map[string]any)
	if outer["tosspay_v2"] != nil && !isObject {
		p.wrong("bypass.tosspay_v2", "must be an object")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		example, ok := known[name]
		switch {
		case !ok:
			p.wrong("bypass.tosspay_v2."+name, "is not known")
		case fmt.Sprintf("%T", example) != fmt.Sprintf("%T", values[name]):
			p.wrong("bypass.tosspay_v2."+name, fmt.Sprintf("must be a %T", example))
		}
	}
	option, ok := values["cashReceiptTradeOption"].(string)
	if ok && !slices.Contains([]string{"GENERAL", "CULTURE", "PUBLIC_TP"}, option) {
		p.wrong("bypass.tosspay_v2.cashReceiptTradeOption", "must be GENERAL, CULTURE or PUBLIC_TP")
	}
	return values
}

// beginCharge is the arrival of a charge: it completes p, or refuses it.
func (s *Sim) beginCharge(p *payment) (scripted, *simulator.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	holder := s.customers[customerUID{p.owner, p.customerUID}]
	if holder == nil {
		return scripted{}, new(refuse(http.StatusOK, 1, "등록되지 않은 구매자입니다."))
	}
	if s.isTaken(p.owner, p.merchantUID) {
		return scripted{}, new(refuse(http.StatusOK, 1, "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)"))
	}
	var next scripted
	if holder.broken != "" { // what Toss Pay says of the key comes before what a test wants
		next.decline = holder.broken
	} else if len(s.script) > 0 {
		next, s.script = s.script[0], s.script[1:]
	}
	if next.message != "" && !next.captured {
		return next, new(refuse(http.StatusOK, -1, next.message))
	}
	s.start(p, "imps_")
	p.sandbox, p.pgID, p.card = holder.sandbox, holder.pgID, holder.card
	if s.o.AgainShowsReady {
		s.add(p)
	}
	return next, nil
}

// finishCharge takes the money, or does what the script of a test says.
func (s *Sim) finishCharge(p *payment, next scripted) simulator.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.o.AgainShowsReady {
		s.add(p)
	}
	by := p.card
	p.card = nil
	switch {
	case next.decline != "":
		s.fail(p, next.decline)
	case p.amount < tossMinimum:
		s.fail(p, "최소 결제금액은 100원입니다.") // our words for CARD_MIN_AMOUNT_ERROR
	default:
		s.capture(p, by)
	}
	if next.captured {
		return refuse(http.StatusOK, -1, next.message)
	}
	return answerWith(s.view(p))
}

// isTaken reports whether a merchant_uid was paid or cancelled before. The
// caller holds mu.
func (s *Sim) isTaken(owner *account, merchantUID string) bool {
	return slices.ContainsFunc(s.orders[merchantUID], func(p *payment) bool {
		return p.owner == owner && p.isTaken()
	})
}
