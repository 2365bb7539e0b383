package portonesim

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"tosspay-sam/sim/simulator"
)

// outcomes are the buttons of the window, the usual one first. close-popup
// approves and then closes without telling the page.
var outcomes = []string{"approve", "fail", "cancel", "close-popup"}

// parseWindow checks the parameters of IMP.request_pay as the script passes
// them on: numbers and strings as they are, objects as JSON, a list of
// notice_url as several. Everything else comes from the script itself: userCode,
// mode and origin.
func (s *Sim) parseWindow(form url.Values) (*windowRequest, error) {
	form = cloneForm(form)
	req := &windowRequest{noticeURLs: form["notice_url"]}
	form.Del("notice_url")
	p := &params{values: map[string]any{}}
	p.fill(form)

	req.session, req.origin = p.text("session", 32), p.text("origin", 0)
	req.MerchantUID, req.Name = p.required("merchant_uid", 40), p.required("name", 40)
	req.Currency, req.Language = p.oneOf("currency", currencies...), windowLanguage(p.text("language", 0))
	req.PayMethod = p.oneOf("pay_method", payMethods...)
	req.buyer, req.customData = p.buyer(), p.text("custom_data", 0)
	req.returnURL, req.confirmURL = p.text("m_redirect_url", 0), p.text("confirm_url", 0)
	p.text("app_scheme", 0)
	if req.Currency == "" {
		req.Currency = "KRW"
	}
	if amount := p.whole("amount"); amount != nil {
		req.Amount = *amount
	}
	req.withVAT = p.whole("vat_amount") != nil
	p.whole("tax_free")
	s.readChannel(req, p)
	req.readIssuance(p)
	req.readMode(p)
	s.readBypass(req, p)
	for _, address := range req.noticeURLs {
		if !simulator.HasOrigin(address) {
			p.wrong("notice_url", "must be an http or https address")
		}
	}
	if req.confirmURL != "" && !simulator.HasOrigin(req.confirmURL) {
		p.wrong("confirm_url", "must be an http or https address")
	}
	if problem := p.finish(); problem != "" {
		return nil, errors.New(problem)
	}
	return req, nil
}

func cloneForm(form url.Values) url.Values {
	clone := url.Values{}
	for name, values := range form {
		clone[name] = slices.Clone(values)
	}
	return clone
}

// readChannel finds the merchant and the MID: by channelKey, or by the older pg
// ("tosspay_v2" or "tosspay_v2.{MID}"). Every merchant also has the provider's
// test channel.
func (s *Sim) readChannel(req *windowRequest, p *params) {
	userCode, channel, pg := p.text("userCode", 0), p.text("channelKey", 55), p.text("pg", 0)
	for _, a := range s.accounts {
		if userCode == "" || userCode == a.UserCode {
			req.owner = a
			break
		}
	}
	if req.owner == nil {
		p.wrong("userCode", "is not known")
		return
	}
	req.pgID, req.sandbox = req.owner.MID, s.o.Sandbox
	mid, hasMID := strings.CutPrefix(pg, "tosspay_v2.")
	switch {
	case channel == TestChannelKey, channel == "" && hasMID && mid == TestMID:
		req.pgID, req.sandbox = TestMID, true
	case channel != "" && channel != req.owner.ChannelKey:
		p.wrong("channelKey", "is not known")
	case channel == "" && hasMID && mid != req.owner.MID:
		p.wrong("pg", "has a MID that is not known")
	case channel == "" && !hasMID && pg != "" && pg != "tosspay_v2":
		p.wrong("pg", "must be tosspay_v2 or tosspay_v2.{MID}")
	}
}

// readIssuance tells the two kinds of window apart: with customer_uid it issues
// a billing key, without it pays.
func (req *windowRequest) readIssuance(p *params) {
	req.CustomerUID, req.CustomerID = p.text("customer_uid", 80), p.text("customer_id", 50)
	switch {
	case req.CustomerUID == "" && req.CustomerID != "":
		p.wrong("customer_id", "needs a customer_uid")
	case req.CustomerUID == "" && req.Amount < 1:
		p.wrong("amount", "must be above 0")
	case req.CustomerUID != "" && req.CustomerID == "":
		p.wrong("customer_id", "is required with customer_uid")
	case req.CustomerUID != "" && req.PayMethod != "" && req.PayMethod != "tosspay":
		p.wrong("pay_method", "must be tosspay with customer_uid")
	case req.CustomerUID != "" && req.returnURL == "":
		p.wrong("m_redirect_url", "is required with customer_uid")
	}
}

// readMode: popup, as on a PC, or redirect, as on a phone. Without a mode, as
// scripts call the window, it is what m_redirect_url allows.
func (req *windowRequest) readMode(p *params) {
	mode := p.oneOf("mode", "popup", "redirect")
	req.redirect = mode == "redirect" || mode == "" && req.returnURL != ""
	switch {
	case req.returnURL != "" && !simulator.HasOrigin(req.returnURL):
		p.wrong("m_redirect_url", "must be an http or https address")
	case req.redirect && req.returnURL == "":
		p.wrong("m_redirect_url", "is required where there are no popups")
	case req.origin != "" && !simulator.HasOrigin(req.origin):
		p.wrong("origin", "must be an http or https address")
	}
}

// readBypass reads the parameters of Toss Pay itself and of the card.
func (s *Sim) readBypass(req *windowRequest, p *params) {
	card := p.object("card")
	for name, value := range card {
		if _, isBool := value.(bool); name != "useInstallment" || !isBool {
			p.wrong("card."+name, "must be useInstallment, true or false")
		}
	}
	values := p.bypass(map[string]any{"expiredTime": "", "cashReceiptTradeOption": "", "encryptedUserCi": ""})
	text, ok := values["expiredTime"].(string)
	if !ok {
		return
	}
	at, err := time.ParseInLocation(expiredForm, text, time.FixedZone("KST", 9*60*60))
	now := s.o.Now()
	switch {
	case err != nil:
		p.wrong("bypass.tosspay_v2.expiredTime", "must look like "+expiredForm)
	case req.session == "" && (at.Before(now) || at.After(now.Add(windowMax))):
		p.wrong("bypass.tosspay_v2.expiredTime", "must be within 60 minutes from now, in Korean time")
	}
	req.expiresAt = at
}

// windowLanguage is ko unless one of the other three is asked for.
func windowLanguage(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(name), "-")
	if _, ok := windowTexts[name]; ok {
		return name
	}
	return "ko"
}
