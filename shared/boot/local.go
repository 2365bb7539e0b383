package boot

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"tosspay-sam/shared/boot/environment"
)

// containerHost is the machine itself, seen from one of its containers (Docker Desktop; on Linux `--add-host`).
// Top-level domain internal is reserved, so that the name leads nowhere else.
const containerHost = "host.docker.internal"

// checkAddresses refuses addresses that a key, a buyer or a developer's own account must not meet, and names the
// variable.
func (p Parts) checkAddresses(getenv func(string) string) error {
	if err := environment.NotForgotten(getenv); err != nil {
		return err
	}
	bases := map[string]string{"TOSS_BASE_URL": p.Toss.BaseURL, "PORTONE_BASE_URL": p.PortOne.BaseURL}
	for name, address := range bases {
		if address != "" && !strings.HasPrefix(address, "https://") && !p.isHere(address) {
			return fmt.Errorf(
				"boot: %s must be https; http is for this machine alone (loopback, or %s in `sam local` and mode test)",
				name, containerHost,
			)
		}
	}
	scripts := map[string]string{"TOSS_SCRIPT_URL": p.Toss.Script, "PORTONE_SCRIPT_URL": p.PortOne.Script}
	for name, address := range scripts {
		if address != "" && !(environment.InSAMLocal(getenv) && p.isHere(address)) {
			return fmt.Errorf("boot: %s is for `sam local` alone, with a loopback address:"+
				" a payment page takes its script from the provider", name)
		}
	}
	return p.checkPublicBase(getenv("AWS_ENDPOINT_URL_DYNAMODB"))
}

// checkPublicBase: a buyer's browser comes over https, unless nothing that it leads to is anywhere but here.
func (p Parts) checkPublicBase(table string) error {
	switch {
	case p.PublicBase == "":
		return nil
	case strings.HasSuffix(p.PublicBase, "/"):
		return errors.New("boot: PUBLIC_BASE_URL must have no final slash")
	case strings.HasPrefix(p.PublicBase, "https://"):
		return nil
	}
	here := p.isHere(table) && p.isHere(p.Toss.BaseURL) && (p.isHere(p.PortOne.BaseURL) || !p.offersPortOne())
	if !isLoopback(p.PublicBase) || !here {
		return errors.New("boot: PUBLIC_BASE_URL must start with https://;" +
			" http://127.0.0.1:PORT needs a table and providers of this machine")
	}
	return nil
}

// isHere reports whether an http address is this machine's own.
func (p Parts) isHere(address string) bool {
	return isLoopback(address) || p.PlainHost != "" && plainHost(address) == p.PlainHost
}

func isLoopback(address string) bool {
	host := plainHost(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// plainHost is the host of an http address; empty for any other.
func plainHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return ""
	}
	return u.Hostname()
}
