package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// pagePolicy is the Content-Security-Policy of every page without a payment button: one style sheet,
// named by its hash, and an empty icon. Hashes instead of nonces keep the pages free of randomness.
func pagePolicy() string { return quietPolicy("'none'") }

// formPolicy is the same for a page with a form that is sent to its own address.
func formPolicy() string { return quietPolicy("'self'") }

func quietPolicy(forms string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"style-src " + hashSource(pageStyle),
		"img-src data:",
		"base-uri 'none'",
		"form-action " + forms,
		"frame-ancestors 'none'",
	}, "; ")
}

// checkoutPolicy is the Content-Security-Policy of the payment page: our own script by hash, and the
// provider's script with what it needs. Two directives are wider than they look necessary, and a
// narrower value would stop real payments:
//   - frame-src may allow any https page, for a provider whose window is a frame: a card's 3-D Secure
//     step may navigate it to the server of any bank in the world.
//   - style-src has 'unsafe-inline', as the provider's script styles its own overlay in our page.
//
// Scripts, the part that could read or alter the payment, stay closed.
func checkoutPolicy(p provider, script, origin string) string {
	scripts := strings.Join(append([]string{origin}, p.scripts...), " ")
	trusted := strings.Join(append([]string{origin}, p.hosts...), " ")
	frames := trusted
	if p.anyFrame {
		frames = "https: " + origin
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + hashSource(script) + " " + scripts,
		"style-src 'unsafe-inline' " + trusted,
		"img-src data: " + trusted,
		"font-src data: " + trusted,
		"connect-src " + trusted,
		"frame-src " + frames,
		"base-uri 'none'",
		"form-action " + trusted,
		"frame-ancestors 'none'",
	}, "; ")
}

// hashSource names an inline script or style sheet in a policy (W3C CSP Level 3, hash-source).
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// plainHost keeps a configured URL from writing its own policy: a host may legally contain ";".
var plainHost = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`) })

// scriptOrigin returns the policy source of the provider script's URL. The URL must be https, or
// http on the loopback interface for the simulator, or a path on our own host.
func scriptOrigin(scriptURL string) (origin string, ok bool) {
	u, err := url.Parse(scriptURL)
	if err != nil || safeLink(scriptURL) == "" {
		return "", false
	}
	if u.Host == "" {
		return "'self'", true
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", false
	}
	if plainHost().MatchString(u.Host) {
		return u.Scheme + "://" + u.Host, true
	}
	// A policy cannot name an IPv6 address; the simulator is on the page's own host then.
	return "'self'", loopback(u.Hostname())
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
