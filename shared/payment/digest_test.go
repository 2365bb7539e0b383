package payment_test

import "testing"

// TestSubscriptionDigestStays: the digest is stored, and says whether a request is the one that made a subscription. It must not change with a
// deployment for requests that do not use what is new in it.
func TestSubscriptionDigestStays(t *testing.T) {
	t.Parallel()
	e, err := newClub(t).start(t, planRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Subscription.Request; got != "c466c7c01db08938bdf78e4ecaac853a7a35181263099322fa89ef829eabd0b3" {
		t.Errorf("the digest of the plainest request is %s", got)
	}
}
