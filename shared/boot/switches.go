package boot

import (
	"errors"
	"time"
)

// portoneSwitches reads the choices about requests that PortOne's documents describe in two ways
// (developers.portone.io, tosspay-v2 guide and V1 schema, 2026-08): how a charge's bypass is encoded, and whether the
// window that issues a billing key names an amount. Empty is the default of each: what the schema says, what other
// gateways document, and no question before a window captures, which PortOne's support must enable
// (developers.portone.io, confirm process V1).
func portoneSwitches(p PortOneParts, bypass, issuanceAmount, gate string) (PortOneParts, error) {
	switch bypass {
	case "", "string":
	case "object":
		p.BypassObject = true
	default:
		return p, errors.New("PortOneBypass must be string or object")
	}
	switch issuanceAmount {
	case "", "zero":
	case "none":
		p.OmitIssuanceAmount = true
	default:
		return p, errors.New("PortOneIssuanceAmount must be zero or none")
	}
	switch gate {
	case "", "off":
	case "on":
		p.AsksBefore = true
	default:
		return p, errors.New("PortOneConfirmGate must be empty, off or on")
	}
	return p, nil
}

// restoredTo reads the time to which the table was restored from a backup; empty: it never was.
func restoredTo(value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.After(now) {
		return time.Time{}, errors.New("boot: RestoredTo must be a time of the past, such as 2026-11-28T09:00:00Z")
	}
	return t, nil
}
