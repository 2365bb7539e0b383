package boot

import (
	"fmt"
	"strconv"

	"tosspay-sam/shared/subscription"
)

// noticeDays reads how many days before a charge it is announced. Empty is 0: not at all.
func noticeDays(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > subscription.NoticeDaysMax {
		return 0, fmt.Errorf(
			"boot: RENEWAL_NOTICE_DAYS must be a whole number from 0 to %d", subscription.NoticeDaysMax)
	}
	return n, nil
}
