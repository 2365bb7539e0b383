package portone

import (
	"testing"

	"tosspay-sam/shared/provider"
)

// TestNothingHidesWhatMayStillCapture: beside a payment that tells more, one that is not decided or cannot be read is still told of.
func TestNothingHidesWhatMayStillCapture(t *testing.T) {
	t.Parallel()
	answer := func(v provider.Verdict, key string, edits ...func(*provider.Payment)) provider.Answer {
		a := provider.Answer{Verdict: v, Payment: provider.Payment{Key: key}}
		for _, edit := range edits {
			edit(&a.Payment)
		}
		return a
	}
	open := func(p *provider.Payment) { p.Open = true }
	test := func(p *provider.Payment) { p.Sandbox = true }
	ready, back, failed := answer(provider.Pending, "ready", open), answer(provider.Refunded, "back"), answer(provider.Declined, "failed")
	for name, tc := range map[string]struct {
		list []provider.Answer
		best string
		want bool
	}{
		"begun and given back":            {[]provider.Answer{ready, back}, "back", true},
		"given back and begun":            {[]provider.Answer{back, ready}, "back", true},
		"begun between two":               {[]provider.Answer{failed, ready, back}, "back", true},
		"unreadable and test money":       {[]provider.Answer{answer(provider.Unknown, "?"), answer(provider.Paid, "test", test)}, "test", true},
		"begun and test money, two of it": {[]provider.Answer{answer(provider.Paid, "test", test), ready, answer(provider.Paid, "more", test)}, "test", true},
		"failed and given back":           {[]provider.Answer{failed, back}, "back", false},
		"begun alone":                     {[]provider.Answer{ready}, "ready", false},
		"begun and failed":                {[]provider.Answer{ready, failed}, "ready", false},
	} {
		var best provider.Answer
		for i, a := range tc.list {
			best = better(best, a, i > 0)
		}
		if best.Payment.Key != tc.best || best.Undecided != tc.want {
			t.Errorf("%s: %q, undecided %v; want %q, %v", name, best.Payment.Key, best.Undecided, tc.best, tc.want)
		}
	}
}

// TestUnfinishedIsUndecided: a capture was seen, and a page after it could not be read, which may hold another.
func TestUnfinishedIsUndecided(t *testing.T) {
	t.Parallel()
	a := unfinished(provider.Answer{Verdict: provider.Paid, Payment: provider.Payment{Key: "imp_1"}}, provider.Answer{Code: provider.NoAnswer}, 20)
	if a.Payment.Key != "imp_1" || !a.Undecided {
		t.Errorf("%+v", a)
	}
}

// TestFailedAndOpenIsUnsure: a payment that failed for a reason that leaves it open is told of beside one that tells more.
func TestFailedAndOpenIsUnsure(t *testing.T) {
	t.Parallel()
	verdict, _, _ := failureOf("TRANSACTION_PENDING_ERROR")
	failed := provider.Answer{Verdict: verdict, Payment: provider.Payment{Key: "imp_1", Status: "failed"}}
	for _, v := range []provider.Verdict{provider.Paid, provider.PartlyRefunded, provider.Refunded} {
		other := provider.Answer{Verdict: v, Payment: provider.Payment{Key: "imp_2"}}
		for _, best := range []provider.Answer{better(failed, other, true), better(other, failed, true)} {
			if best.Payment.Key != "imp_2" || !best.Unsure || best.Undecided {
				t.Errorf("beside %s: %+v", v, best)
			}
		}
	}
}
