package environment_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/boot/environment"
)

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		if err := environment.Wait(t.Context(), time.Minute); err != nil || time.Since(started) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started = time.Now()
		if err := environment.Wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}
