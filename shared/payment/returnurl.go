package payment

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// returnURLMax keeps the address within what every browser and proxy takes.
const returnURLMax = 500

var (
	errReturnURL = errors.New(
		"must be an absolute https address of at most 500 characters, without user name or fragment")
	errReturnURLList = errors.New("must be on this deployment's allow-list")
)

// ReturnURLs is the deployer's allow-list of addresses a buyer may be sent back to. The zero value allows none.
type ReturnURLs struct{ allowed []*url.URL }

// ParseReturnURLs reads a comma-separated list such as "https://shop.example,https://other.example/pay/": an origin
// allows every path, a path allows itself and what is below it.
func ParseReturnURLs(list string) (ReturnURLs, error) {
	var r ReturnURLs
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		u, err := parseReturnURL(entry)
		if err != nil || u.RawQuery != "" {
			return ReturnURLs{}, fmt.Errorf(
				"return address %q on the allow-list: must be https://host or https://host/path", entry)
		}
		r.allowed = append(r.allowed, u)
	}
	return r, nil
}

// Check returns nil when address is allowed, or an error in words for the merchant.
func (r ReturnURLs) Check(address string) error {
	u, err := parseReturnURL(address)
	if err != nil {
		return err
	}
	for _, a := range r.allowed {
		if strings.EqualFold(a.Host, u.Host) && underPath(a.Path, u.Path) {
			return nil
		}
	}
	return errReturnURLList
}

func parseReturnURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	// A backslash is a slash to a browser but not to url.Parse.
	if err != nil || len(s) > returnURLMax || strings.ContainsAny(s, "\\* \t\r\n") {
		return nil, errReturnURL
	}
	if u.Scheme != "https" || u.Host == "" || u.Hostname() == "" {
		return nil, errReturnURL
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, errReturnURL
	}
	return u, nil
}

func underPath(allowed, path string) bool {
	allowed = strings.TrimSuffix(allowed, "/")
	if strings.Contains(path, "/..") || strings.Contains(path, "/./") {
		return false
	}
	return allowed == "" || path == allowed || strings.HasPrefix(path, allowed+"/")
}
