// Package charging wires the charge function. It is apart from the doors, which need no client of Amazon SQS.
package charging

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/subscription"
)

// Door builds the handler of the schedule's ticks and the queue's messages.
func Door(getenv func(string) string, logs io.Writer) (handler.ChargeDoor, error) {
	p, err := boot.WithSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	if url := getenv("QUEUE_URL"); url != "" {
		client := sqs.NewFromConfig(environment.AWS(getenv), func(o *sqs.Options) {
			o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_SQS"))
		})
		p.Queue = &queue.SQS{API: client, URL: url}
		if p.QueueWorkers, err = queueWorkers(getenv("CHARGE_CONCURRENCY"), getenv("CHARGE_BATCH_SIZE")); err != nil {
			return nil, err
		}
	}
	if p.Timetable, err = timetable(getenv("DUNNING_SOFT_DAYS"), getenv("DUNNING_TRANSIENT_HOURS")); err != nil {
		return nil, err
	}
	p.PrewarmCharge()
	return p.Charge(), nil
}

// queueWorkers is how many messages the queue's workers hold at once: MaximumConcurrency batches of BatchSize.
func queueWorkers(concurrency, batch string) (int, error) {
	c, errC := strconv.Atoi(concurrency)
	b, errB := strconv.Atoi(batch)
	switch {
	case errC != nil || c < 2 || c > 1000:
		return 0, errors.New("boot: CHARGE_CONCURRENCY must be 2 to 1000")
	case errB != nil || b < 1 || b > 10_000:
		return 0, errors.New("boot: CHARGE_BATCH_SIZE must be 1 to 10000")
	}
	return c * b, nil
}

// timetable reads comma-separated days and hours as template.yaml takes them, in any order: its patterns cannot see
// one, and a function that does not start charges nobody. Empty is the default of each.
func timetable(days, hours string) (subscription.Timetable, error) {
	t := subscription.DefaultTimetable()
	for _, part := range []struct {
		name, text string
		unit       time.Duration
		into       *[]time.Duration
	}{
		{"DUNNING_SOFT_DAYS", days, 24 * time.Hour, &t.Soft},
		{"DUNNING_TRANSIENT_HOURS", hours, time.Hour, &t.Transient},
	} {
		if part.text == "" {
			continue
		}
		var offsets []time.Duration
		for entry := range strings.SplitSeq(part.text, ",") {
			n, err := strconv.Atoi(entry)
			most := int(dunningMax / part.unit)
			offset := time.Duration(min(n, most)) * part.unit
			if err != nil || strconv.Itoa(n) != entry || n < 1 || n > most || len(offsets) == dunningTries {
				return t, fmt.Errorf("boot: %s must be up to %d whole numbers from 1 to %d separated by commas",
					part.name, dunningTries, most)
			}
			offsets = append(offsets, offset)
		}
		slices.Sort(offsets)
		*part.into = slices.Compact(offsets)
	}
	return t, nil
}

// Limits of a dunning timetable: a cycle's order waits no longer than 90 days, and nobody wants ten messages about one
// bill.
const (
	dunningMax   = 60 * 24 * time.Hour
	dunningTries = 10
)
