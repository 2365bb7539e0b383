package web

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
)

// provider is what differs between payment windows.
type provider struct {
	opener  string   // the script that opens one, a static/<name>.js
	scripts []string // hosts from which the provider's script may load further scripts
	hosts   []string // hosts it talks to, shows images of, frames and submits forms to
	// anyFrame allows frames from every https host.
	anyFrame bool
	// accept looks at the object the window is opened with. It returns where the buyer can ask for the
	// result of a window that ended without a word ("" = such a thing does not happen), and false when
	// the object does not do what the page says, which would be a payment or a registration.
	accept func(window map[string]json.RawMessage, issuance bool) (checkURL string, ok bool)
}

// providerFor returns how to open a provider's window. A new provider is a static/<name>.js that
// defines the same three functions as static/toss.js, and a case here.
func providerFor(name string) (provider, bool) {
	switch name {
	case "toss":
		// Both domains are in the provider's own allow-list for firewalls
		// (docs.tosspayments.com/reference/using-api/http-protocol, 2026-11).
		hosts := []string{"https://*.tosspayments.com", "https://*.toss.im"}
		return provider{opener: tossOpener, scripts: hosts, hosts: hosts, anyFrame: true, accept: acceptToss}, true
	case "portone":
		// PortOne publishes no list. These are its own domains and, since the window is Toss Pay's,
		// those of Toss. Scripts come from its own alone, and none but these may be framed: the window
		// is a popup or a redirect (developers.portone.io, tosspay_v2, 2026-11), where a bank's page is
		// not in a frame of ours.
		own := []string{"https://cdn.iamport.kr", "https://*.iamport.kr", "https://*.iamport.co", "https://*.portone.io"}
		hosts := slices.Concat(own, []string{"https://*.toss.im", "https://*.tosspayments.com"})
		return provider{opener: portoneOpener, scripts: own, hosts: hosts, accept: acceptPortone}, true
	default:
		return provider{}, false
	}
}

// acceptToss refuses issuances: static/toss.js asks for a payment, whatever the page says.
func acceptToss(_ map[string]json.RawMessage, issuance bool) (string, bool) {
	return "", !issuance
}

// acceptPortone wants an address to return to, as the popup's end is ours to deliver, and a
// customer_uid in an issuance and nowhere else, because it turns a payment into an issuance
// (developers.portone.io, V1 SDK, request_pay, 2026-11).
func acceptPortone(window map[string]json.RawMessage, issuance bool) (string, bool) {
	if _, issues := window["customer_uid"]; issues != issuance {
		return "", false
	}
	number, hasNumber := stringField(window, "merchant_uid")
	address, _ := stringField(window, "m_redirect_url")
	link, err := url.Parse(safeLink(address))
	if err != nil || link.Path == "" || !hasNumber {
		return "", false
	}
	query := link.Query()
	query.Set("merchant_uid", number)
	link.RawQuery = query.Encode()
	return link.String(), true
}

// stringField returns a member that is a string and not empty.
func stringField(object map[string]json.RawMessage, name string) (value string, ok bool) {
	err := json.Unmarshal(object[name], &value)
	return value, err == nil && value != ""
}

// windowObject reads the object a window is opened with. Names are compared exactly, as the provider
// does; decoding into a struct would also take "Merchant_UID".
func windowObject(raw json.RawMessage) (object map[string]json.RawMessage, ok bool) {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil, false
	}
	err := json.Unmarshal(raw, &object)
	return object, err == nil
}
