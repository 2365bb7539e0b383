package transport

import (
	"net"
	"net/url"
	"strings"
	"unicode/utf8"
)

// IsOrigin accepts an https address, or an http one of this machine or of plainHost, so that a key or a buyer never crosses a network unencrypted.
// A path is allowed: a proxy or the laptop's simulator may live under one.
func IsOrigin(address, plainHost string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#") {
		return false
	}
	host := u.Hostname()
	here := host == "localhost" || host == plainHost || net.ParseIP(host).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// IsBase accepts an address that a page's path is appended to: an origin without a final slash.
func IsBase(address string) bool { return IsOrigin(address, "") && !strings.HasSuffix(address, "/") }

// IsVisible accepts 1 to limit characters from ! to ~: no space, no control, nothing that a header or a log line could trip over.
func IsVisible(s string, limit int) bool {
	for _, b := range []byte(s) {
		if b < '!' || b > '~' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}

// IsName accepts least to most of A-Z a-z 0-9 _ -, which our numbers are made of: nothing that could end or leave its place in an address.
func IsName(s string, least, most int) bool {
	for _, b := range []byte(s) {
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return false
		}
	}
	return len(s) >= least && len(s) <= most
}

// IsWithin accepts valid UTF-8 of least to most characters.
func IsWithin(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= least && n <= most
}

// AtMost leaves a text out that is longer than limit bytes.
func AtMost(s string, limit int) string {
	if len(s) > limit {
		return ""
	}
	return s
}

// Link leaves out an address that a page could not link to safely.
func Link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return AtMost(address, 2048)
}
