// Command republish sends events again from the table: for the time in which the stream was not read, or its changes were dropped. Events have the
// ids they had, so that a consumer leaves out what it has got already. See docs/events.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"tosspay-sam/shared/boot/publishing"
	"tosspay-sam/shared/event"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "republish:", err)
		os.Exit(1)
	}
}

// errCut says that not everything could be told.
var errCut = errors.New("the histories of these records begin after -since, so events of theirs may be missing: compare them with your shop by hand")

func run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	r, scan := publishing.Republisher(getenv, o.to, errs)
	r.Since, r.Until, r.DryRun = o.since, o.until, o.dry
	told := time.Now()
	err = scan(ctx, func(c event.Change) error {
		if err := r.Visit(ctx, c); err != nil {
			return err
		}
		if now := time.Now(); now.Sub(told) > 10*time.Second {
			told = now
			fmt.Fprintf(errs, "%d records, %d events\n", r.Records, r.Sent)
		}
		return nil
	})
	fmt.Fprintf(out, "%d records, %d events from %s to %s%s\n", r.Records, r.Sent, o.since.Format(time.RFC3339), o.until.Format(time.RFC3339),
		map[bool]string{true: ", none sent: -dry-run"}[o.dry])
	for _, record := range r.Cut {
		fmt.Fprintln(out, "cut:", record)
	}
	if err == nil && len(r.Cut) > 0 {
		err = errCut
	}
	return err
}

type options struct {
	to           publishing.RepublishTo
	since, until time.Time
	dry          bool
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	var since, until string
	flags := flag.NewFlagSet("republish", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&since, "since", "", "from when on, RFC 3339 such as 2026-11-28T09:00:00Z, or 36h ago")
	flags.StringVar(&until, "until", "", "until when; empty: now")
	flags.StringVar(&o.to.Table, "table", "", "output TableName of the stack")
	flags.StringVar(&o.to.Bus, "bus", "", "output EventBusName")
	flags.StringVar(&o.to.Queue, "queue", "", "output DeliveryQueueUrl; empty: no webhooks")
	flags.BoolVar(&o.dry, "dry-run", false, "count, and send nothing")
	flags.Usage = func() {
		fmt.Fprintln(errs, "Sends events again from the table, with the ids they had. Region and credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and so on.\n\nFlags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	now := time.Now().UTC()
	var err error
	if o.since, err = moment(since, now); err != nil {
		return o, fmt.Errorf("-since %w", err)
	}
	if o.until = now; until != "" {
		if o.until, err = moment(until, now); err != nil {
			return o, fmt.Errorf("-until %w", err)
		}
	}
	switch {
	case o.to.Table == "" || o.to.Bus == "":
		return o, errors.New("-table and -bus are needed; `sam list stack-outputs` shows them")
	case !o.since.Before(o.until):
		return o, errors.New("-since must be before -until")
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// moment reads a time, or a duration before now.
func moment(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, errors.New("must be a time such as 2026-11-28T09:00:00Z, or a duration such as 36h")
	}
	return at.UTC(), nil
}
