package payment

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

var learning = order.New(order.Order{ID: "order-1", Amount: money.Amount{Value: 15000, Currency: money.KRW}, CreatedAt: time.Unix(0, 0)})

// TestLearnedPayments: every payment that was shown goes along, in the ledger's words; what took and can take nothing does not.
func TestLearnedPayments(t *testing.T) {
	t.Parallel()
	shown := func(v provider.Verdict, edits ...func(*provider.Payment)) provider.Shown {
		p := provider.Payment{Key: "key-1", Number: "order-1--2", Amount: 15000, Balance: 15000, Currency: "KRW", Account: "tosspay_v2.mid-1"}
		for _, edit := range edits {
			edit(&p)
		}
		return provider.Shown{Payment: p, Verdict: v}
	}
	for _, tc := range []struct {
		name    string
		shown   provider.Shown
		state   ledger.State // 0: it does not go along
		balance int64
	}{
		{"paid", shown(provider.Paid), ledger.Captured, 15000},
		{"partly refunded", shown(provider.PartlyRefunded, func(p *provider.Payment) { p.Balance = 5000 }), ledger.Captured, 5000},
		{"refunded", shown(provider.Refunded, func(p *provider.Payment) { p.Balance = 0 }), ledger.Captured, 0},
		{"declined", shown(provider.Declined), ledger.Declined, 0},
		{"ready", shown(provider.Pending, func(p *provider.Payment) { p.Status, p.Open = "ready", true }), ledger.Begun, 0},
		{"authenticated", shown(provider.Pending, func(p *provider.Payment) { p.Status = "IN_PROGRESS" }), ledger.Begun, 0},
		{"failed, and open", shown(provider.Pending, func(p *provider.Payment) { p.Status = "failed at another" }), ledger.Doubtful, 0},
		{"unreadable", shown(provider.Unknown), 0, 0},
		{"an issuance", shown(provider.Unknown, func(p *provider.Payment) { p.Issuance = true }), 0, 0},
		{"another order's", shown(provider.Paid, func(p *provider.Payment) { p.Number = "order-9" }), 0, 0},
	} {
		for _, key := range []string{"key-1", ""} {
			a := provider.Answer{Verdict: tc.shown.Verdict, Payment: tc.shown.Payment, All: []provider.Shown{tc.shown}, Complete: key == ""}
			l := learned(learning, ledger.Step{Do: ledger.LookUp, Key: key, Attempt: 2}, a)
			if went := len(l.Payments) == 1; went != (tc.state != 0) || l.Complete != a.Complete {
				t.Errorf("%s: %+v", tc.name, l)
				continue
			}
			if l.Elsewhere != (key != "" && tc.name == "another order's") || l.Readable == (tc.name == "unreadable") {
				t.Errorf("%s: elsewhere %v, readable %v", tc.name, l.Elsewhere, l.Readable)
			}
			if tc.state == 0 {
				continue
			}
			p := l.Payments[0]
			if p.State != tc.state || p.Balance != tc.balance || p.Attempt != 2 || p.Merchant != "mid-1" || p.Amount != 15000 {
				t.Errorf("%s: %+v", tc.name, p)
			}
		}
	}
}

// TestReplies: what the provider says to the request itself.
func TestReplies(t *testing.T) {
	t.Parallel()
	answer := func(v provider.Verdict, http int, c provider.Class) provider.Answer {
		return provider.Answer{Verdict: v, HTTP: http, Class: c}
	}
	for name, tc := range map[string]struct {
		kind ledger.Kind
		a    provider.Answer
		want ledger.Reply
	}{
		"captured":                        {ledger.Confirm, answer(provider.Paid, 200, 0), ledger.Accepted},
		"no answer":                       {ledger.Confirm, answer(provider.Unknown, 0, 0), ledger.NoReply},
		"another is at work":              {ledger.Confirm, answer(provider.Pending, 409, provider.ClassProcessing), ledger.Busy},
		"500":                             {ledger.Confirm, answer(provider.Unknown, 500, provider.ClassUnknown), ledger.Unusable},
		"our key":                         {ledger.Confirm, answer(provider.Unknown, 401, provider.ClassCredentials), ledger.Untouched},
		"before":                          {ledger.Confirm, answer(provider.Unknown, 400, provider.ClassAlready), ledger.Already},
		"a listed refusal":                {ledger.Confirm, answer(provider.Declined, 403, provider.ClassBuyer), ledger.Refused},
		"no such session":                 {ledger.Confirm, answer(provider.Absent, 404, provider.ClassAbsent), ledger.Refused},
		"a charge of an unknown key":      {ledger.Charge, answer(provider.Absent, 200, provider.ClassAbsent), ledger.Unusable},
		"a charge that failed":            {ledger.Charge, answer(provider.Declined, 200, provider.ClassLater), ledger.Refused},
		"a charge that may still capture": {ledger.Charge, answer(provider.Pending, 200, 0), ledger.Unusable},
		"refunded":                        {ledger.Cancel, answer(provider.Refunded, 200, 0), ledger.Accepted},
		"refunded in part":                {ledger.Cancel, answer(provider.PartlyRefunded, 200, 0), ledger.Accepted},
		"a refund that shows no refund":   {ledger.Cancel, answer(provider.Paid, 200, 0), ledger.Unusable},
		"a refund at another time":        {ledger.Cancel, answer(provider.Unknown, 403, provider.ClassLater), ledger.Untouched},
		"a refund that is refused":        {ledger.Cancel, answer(provider.Unknown, 403, provider.ClassMerchant), ledger.Refused},
	} {
		l := learned(learning, ledger.Step{Do: ledger.Send, Request: ledger.Request{Kind: tc.kind, Attempt: 1, Key: "key-1"}}, tc.a)
		if l.Reply != tc.want || l.To == nil || l.To.Key != "key-1" {
			t.Errorf("%s: reply %d, want %d", name, l.Reply, tc.want)
		}
	}
}
