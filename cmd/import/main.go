// Command import moves running subscriptions in: it reads a CSV of billing keys that PortOne has already, and calls POST /subscriptions for each line.
// Run twice it imports once. See docs/import.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"tosspay-sam/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "import:", err)
		os.Exit(1)
	}
}

const usage = `Moves running subscriptions in: one CSV line for each billing key that PortOne has already. No buyer is asked.

  go run ./cmd/import -url https://abcdefghij.execute-api.ap-northeast-2.amazonaws.com/subscriptions -in keys.csv -report report.csv -dry-run

Rehearse with -dry-run until the report has no line "refused", then run without it. Run twice it imports once: the second run
says "already". After an interruption, or lines that are "unknown", run the same file again.

Columns, by name in the first line, in any order. UTF-8, with or without a byte order mark; LF or CRLF.
  importBillingKey   customer_uid at PortOne (needed)
  customerId         your id of the customer; PortOne's customer_id of the key if it has one (needed)
  firstChargeAt      the next charge: 2026-12-25T09:00:00+09:00, or 2026-12-25 09:00 or 2026-12-25 in Korea (needed)
  amount             whole won, without commas (needed)
  name               of the plan, at most 40 bytes (needed)
  interval           day, week, month or year (needed)
  anchorDay          day of the month, 1 to 31 (needed for month and year)
  every, chargeHour, catchUp, language, returnUrl, taxFreeAmount, vatAmount, customerName, customerEmail, customerPhone,
  cashReceiptType, cashReceipt, cashReceiptTradeOption, sendFailPush, cardQuota
                     as in api/openapi.yaml; empty: absent
  deleteImportedKey  true: the key is deleted at PortOne when the subscription ends; empty or false: it stays
  importAgain        true: the key is taken in once more after its subscription has ended, to correct a mistake

Report, a CSV in the order of the lines: line, id (of the subscription), result, reason.
  imported  it is active now                       already  an earlier run, or the same line, imported it
  valid     -dry-run: it would be imported         refused  the reason says why; nothing was stored
  unknown   no answer, after retries: run again    not-sent the run stopped before it

The exit status is 0 when every line is imported, already or valid.

Region and credentials come from AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the local run
(http://127.0.0.1:3000) needs none.

Flags:
`

type options struct {
	url, in, report string
	dry             bool
	rate            float64
	workers         int
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.url, "url", "", "the API's address: output SubscriptionsUrl, or http://127.0.0.1:3000")
	flags.StringVar(&o.in, "in", "", "the CSV to read; - is standard input")
	flags.StringVar(&o.report, "report", "", "the CSV to write; one that exists is replaced")
	flags.BoolVar(&o.dry, "dry-run", false, "check every line, with a lookup at PortOne, and store nothing")
	flags.Float64Var(&o.rate, "rate", 5,
		"lines looked up a second, 0.1 to 1000; each costs PortOne two calls, and it publishes no limit, so ask before you raise it. 0: no limit, for the local run")
	flags.IntVar(&o.workers, "concurrency", 4, "requests at the same time, 1 to 64")
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.url = strings.TrimSuffix(o.url, "/subscriptions")
	switch {
	case o.url == "" || o.in == "" || o.report == "":
		return o, errors.New("-url, -in and -report are needed; -help says what they are")
	case o.in == o.report:
		return o, errors.New("-report would replace -in")
	case o.rate != 0 && (o.rate < 0.1 || o.rate > 1000):
		return o, errors.New("-rate must be 0, or 0.1 to 1000")
	case o.rate == 0 && !here(o.url):
		return o, errors.New("-rate 0 is for the local run: PortOne is asked for each line")
	case o.workers < 1 || o.workers > 64:
		return o, errors.New("-concurrency must be 1 to 64")
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// here says that an address is this machine's.
func here(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

func run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, errs io.Writer) (err error) {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	api, err := connect(o, getenv)
	if err != nil {
		return err
	}
	lines, err := open(o.in, in)
	if err != nil {
		return err
	}
	file, err := os.Create(o.report)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	m := &mover{api: api, limit: newLimiter(o.rate), dry: o.dry, workers: o.workers, out: newReport(file), errs: errs, began: time.Now()}
	return m.move(ctx, lines)
}

func connect(o options, getenv func(string) string) (*client.Client, error) {
	settings := client.Options{BaseURL: o.url, Region: getenv("AWS_REGION")}
	if !here(o.url) {
		keys := aws.Credentials{
			AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
		}
		if keys.AccessKeyID == "" || keys.SecretAccessKey == "" || settings.Region == "" {
			return nil, errors.New("AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed to sign the requests")
		}
		settings.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
	}
	return client.New(settings)
}

func open(name string, standard io.Reader) ([]line, error) {
	if name == "-" {
		return read(standard)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines, err := read(file)
	if err != nil {
		err = fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "parse error on "))
	}
	return lines, err
}
