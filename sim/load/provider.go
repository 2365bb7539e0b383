package load

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// The provider's latency: half of the charges take less than a second, one in a thousand between 5 s and 60 s.
const (
	chargeMedian = time.Second
	chargeSigma  = 0.35
	tailShare    = 0.001
	tailMin      = 5 * time.Second
	tailMax      = 60 * time.Second
	lookupMedian = 150 * time.Millisecond
)

// declined is the provider's code of a refused charge.
const declined = "COMMON_NOT_ENOUGH_CASH"

// gateway is the provider and the oracle: it knows what was captured, whatever our table says. It refuses a number that was paid when the
// charge arrives, and promises nothing for two at once.
type gateway struct {
	config   Config
	chance   chance
	captures []uint8 // of each subscription's cycle
	refused  []uint8 // attempts of it that were refused

	mu            sync.Mutex
	second        int64
	inSecond      int
	charges       int64
	busy          int64 // answered 429
	lookups       int64
	lost          int64
	fastestSecond int
	began         time.Time
}

func newGateway(c Config, chance chance) *gateway {
	return &gateway{
		config: c, chance: chance, captures: make([]uint8, c.Subscriptions), refused: make([]uint8, c.Subscriptions), began: time.Now(),
	}
}

// Charge implements payment.Charger.
func (g *gateway) Charge(ctx context.Context, c provider.Charge) provider.Answer {
	index, _ := indexOf(c.Number)
	attempt := attemptOf(c.Number)
	a := provider.Answer{Call: "charge", Sent: true}
	if busy, again := g.arrive(index); busy || again {
		_ = environment.Wait(ctx, g.chance.logNormal("refuse", uint64(index), 0, lookupMedian, chargeSigma))
		if busy {
			a.HTTP, a.Code = 429, "UNLISTED_MESSAGE"
			return a
		}
		a.HTTP, a.Code, a.Class = 200, "ALREADY_ORDERED", provider.ClassAlready
		return a
	}
	if environment.Wait(ctx, g.latency(index, attempt)) != nil {
		a.Code = provider.NoAnswer // the money is taken all the same
		ctx = context.WithoutCancel(ctx)
	}
	a.HTTP = 200
	if g.chance.float("decline", uint64(index), attempt) < g.config.Declines {
		g.mu.Lock()
		g.refused[index]++
		g.mu.Unlock()
		a.Verdict, a.Class, a.Code = provider.Declined, provider.ClassLater, declined
		a.Payment = paymentOf(index, c.Number, "failed", c.Amount)
		return showing(a, c.BillingKey)
	}
	g.mu.Lock()
	g.captures[index]++
	g.mu.Unlock()
	if g.chance.float("lost", uint64(index), attempt) < g.config.Lost || a.Code == provider.NoAnswer {
		g.mu.Lock()
		g.lost++
		g.mu.Unlock()
		_ = environment.Wait(ctx, time.Minute+10*time.Second)
		return provider.Answer{Call: "charge", Sent: true, Code: provider.NoAnswer}
	}
	a.Verdict, a.Payment = provider.Paid, paymentOf(index, c.Number, "paid", c.Amount)
	return showing(a, c.BillingKey)
}

// arrive counts a charge against the provider's rate, and says whether its number was paid before.
func (g *gateway) arrive(index uint32) (busy, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.charges++
	if second := int64(time.Since(g.began) / time.Second); second != g.second {
		g.second, g.inSecond = second, 0
	}
	g.inSecond++
	if g.inSecond > g.config.Rate {
		g.busy++
		return true, false
	}
	g.fastestSecond = max(g.fastestSecond, g.inSecond)
	return false, g.captures[index] > 0
}

// latency of a charge.
func (g *gateway) latency(index uint32, attempt uint64) time.Duration {
	if g.chance.float("tail", uint64(index), attempt) < tailShare {
		share := g.chance.float("tail'", uint64(index), attempt)
		return time.Duration(float64(tailMin) * math.Pow(float64(tailMax)/float64(tailMin), share)).Round(time.Millisecond)
	}
	return min(tailMax, g.chance.logNormal("charge", uint64(index), attempt, chargeMedian, chargeSigma))
}

// Find implements payment.Finder.
func (g *gateway) Find(ctx context.Context, r provider.Ref) provider.Answer {
	index, _ := indexOf(r.Number)
	_ = environment.Wait(ctx, g.chance.logNormal("find", uint64(index), 0, lookupMedian, chargeSigma))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lookups++
	a := provider.Answer{Call: "find-by-order", Sent: true, HTTP: 200, Verdict: provider.Absent, Class: provider.ClassAbsent}
	if g.captures[index] > 0 {
		a.Verdict, a.Class, a.Payment = provider.Paid, provider.ClassUnknown, paymentOf(index, r.Number, "paid", 9900)
		a = showing(a, subscription.Subscription{ID: subscriptionID(index)}.KeyName(1))
	}
	a.Complete = true
	return a
}

// showing is an answer that shows its one payment, which was charged with a billing key.
func showing(a provider.Answer, key string) provider.Answer {
	a.Payment.BillingKey = key
	a.All = []provider.Shown{{Payment: a.Payment, Verdict: a.Verdict, Code: a.Code}}
	return a
}

func paymentOf(index uint32, number, status string, amount int64) provider.Payment {
	return provider.Payment{
		Key: "imps_" + strconv.FormatUint(uint64(index), 10), Number: number, Status: status, Amount: amount, Balance: amount, Currency: "KRW",
		Method: "tosspay",
	}
}

// attemptOf is the attempt in a number such as load-00000042--c13--2.
func attemptOf(number string) uint64 {
	_, rest, _ := strings.Cut(number, cycleMark)
	_, text, _ := strings.Cut(rest, "--")
	attempt, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 1
	}
	return attempt
}

// audit compares what was captured with what was due: exactly one capture of each cycle, or a refusal.
func (g *gateway) audit() (captured, doubles, missed, refused int64) {
	for i, n := range g.captures {
		captured += int64(n)
		switch {
		case n > 1:
			doubles++
		case n == 0 && g.refused[i] > 0:
			refused++
		case n == 0:
			missed++
		}
	}
	return captured, doubles, missed, refused
}
