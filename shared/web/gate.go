package web

// GateReason says why a payment window was not let through to take money.
type GateReason string

// The reasons.
const (
	GateNumber      GateReason = "number"      // of an attempt that is over, or of none
	GateAmount      GateReason = "amount"      // not the order's
	GatePaid        GateReason = "paid"        // already
	GateOver        GateReason = "over"        // the order has expired or ended
	GateProcessing  GateReason = "processing"  // money may be taken by another window
	GateUnavailable GateReason = "unavailable" // nobody knows: the order could not be read or written
)

// GateReasons lists all of them.
func GateReasons() []GateReason {
	return []GateReason{GateNumber, GateAmount, GatePaid, GateOver, GateProcessing, GateUnavailable}
}

// Gate is the sentence that the provider's window shows to a buyer whose payment was not let through. It is plain text.
func Gate(l Language, r GateReason) string { return l.catalog().Gate[r] }
