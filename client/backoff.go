package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is the pause after a failed attempt: 0.2, 0.4, 0.8 s and so on, at most 5 s, and half of it by chance, so that many clients that
// failed together do not come back together.
func backoff(attempt int) time.Duration {
	d := min(200*time.Millisecond<<min(attempt-1, 5), 5*time.Second)
	return d/2 + rand.N(d/2+1)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
