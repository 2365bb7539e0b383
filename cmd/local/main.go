// Command local runs the whole bundle on a laptop: every door through real API Gateway events, and the simulated provider beside them.
// It needs no AWS account, no Docker and no keys. See docs/local.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, store, dynamoEndpoint, logLevel, returnURLs string
	merchantWebhook                                   string
	confirmGate                                       bool
	containers, functions                             string
	noticeDays                                        int
	tick                                              time.Duration
}

// tickMin and tickMax bound -tick: more often is no use, and less often forgets for too long.
const (
	tickMin = time.Second
	tickMax = time.Hour
)

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, o.addr)
	if err != nil {
		return err
	}
	base := "http://" + listener.Addr().String()
	orders, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	log := telemetry.New(errs, o.logLevel)
	all := &stages{life: ctx, tick: o.tick, begin: func() (*world.World, error) { return begin(o, base, orders, log) }}
	defer all.stop()
	handlers := map[net.Listener]http.Handler{listener: all}
	if o.containers != "" {
		if err := all.admit(ctx, o, handlers); err != nil {
			return err
		}
	}
	if err := all.next(nil); err != nil {
		return err
	}
	greet(out, base, o)
	return serve(ctx, handlers, slog.NewLogLogger(log.Handler(), slog.LevelDebug))
}

// begin makes a world over the store.
func begin(o options, base string, orders payment.Store, log *slog.Logger) (*world.World, error) {
	options := world.Options{
		Base: base, Store: orders, Transport: http.DefaultTransport, Log: log, ReturnURLs: o.returnURLs,
		Tells: true, MerchantWebhook: o.merchantWebhook, ConfirmGate: o.confirmGate, NoticeDays: o.noticeDays,
		PortOne: portonesim.Options{WebhookDelay: world.WebhookDelay},
	}
	if o.containers != "" { // the world of events/
		options.Functions, options.Token = o.functions, scene.HookToken
		options.Toss.NewKey, options.PortOne.NewID = scene.TossKeys(), scene.PortOneIDs()
	}
	w, err := world.New(options)
	if err != nil {
		return nil, err
	}
	w.Progress = func(r world.Report) {
		log.Info("the clock is being advanced", "event", "advance.progress", "now", r.Now, "ticks", r.Ticks, "charges", r.Charges, "captures", r.Captures)
	}
	return w, nil
}

// admit lets the containers of `sam local` in, by an address of their own.
func (s *stages) admit(ctx context.Context, o options, handlers map[net.Listener]http.Handler) error {
	address, err := url.Parse(o.dynamoEndpoint)
	if err != nil {
		return fmt.Errorf("-dynamodb-endpoint: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.containers)
	if err != nil {
		return fmt.Errorf("-containers: %w", err)
	}
	client := engine(o.dynamoEndpoint)
	s.clear = func(ctx context.Context) error { return clearTable(ctx, client, samTable) }
	s.tick = 0 // the schedule is `sam local invoke ChargeFunction`
	handlers[listener] = containers(s, address, &s.told)
	return nil
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:3000", "loopback address to serve on; port 0 chooses a free one")
	flags.StringVar(&o.store, "store", "memory", "memory, or dynamodb with -dynamodb-endpoint")
	flags.StringVar(&o.dynamoEndpoint, "dynamodb-endpoint", "", "URL of a DynamoDB-compatible engine; the table is made when it is missing")
	flags.StringVar(&o.logLevel, "log", "info", "debug, info, warn or error; the log is JSON on standard error")
	flags.StringVar(&o.returnURLs, "return-urls", "https://shop.example", "comma-separated https addresses a returnUrl may have")
	flags.StringVar(&o.containers, "containers", "",
		"let containers of sam local in at this address: 127.0.0.1:3011, or docker0:3011 with Docker on Linux")
	flags.StringVar(&o.functions, "functions", "http://127.0.0.1:3012", "with -containers: where sam local start-api serves")
	flags.StringVar(&o.merchantWebhook, "merchant-webhook", "", "URL of your own server, http or https, that is sent signed webhooks about orders and subscriptions")
	flags.IntVar(&o.noticeDays, "notice-days", 0, "days before a subscription's charge on which it is announced, up to 60; 0: not at all")
	flags.BoolVar(&o.confirmGate, "confirm-gate", false, "PortOne asks before an order's window captures, as with PortOneConfirmGate=on")
	flags.DurationVar(&o.tick, "tick", time.Minute, "how often the schedule runs in real time, 1s to 1h; 0 leaves it to POST /sim/clock")
	flags.Usage = func() {
		fmt.Fprintln(errs, "Runs the bundle and the simulated provider on one loopback port. Nothing leaves this machine.\n\nFlags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	case o.store != "memory" && o.store != "dynamodb":
		return o, fmt.Errorf("-store must be memory or dynamodb, not %q", o.store)
	case o.tick != 0 && (o.tick < tickMin || o.tick > tickMax):
		return o, fmt.Errorf("-tick must be 0 or %s to %s, not %s", tickMin, tickMax, o.tick)
	case o.noticeDays < 0 || o.noticeDays > subscription.NoticeDaysMax:
		return o, fmt.Errorf("-notice-days must be 0 to %d, not %d", subscription.NoticeDaysMax, o.noticeDays)
	case (o.store == "dynamodb") != (o.dynamoEndpoint != ""):
		return o, errors.New("-store dynamodb and -dynamodb-endpoint URL go together")
	case o.merchantWebhook != "" && o.store != "memory":
		return o, errors.New("-merchant-webhook needs -store memory: another store tells nobody here of its changes")
	case o.merchantWebhook != "":
		if err := deliver.CheckURL(o.merchantWebhook, true); err != nil {
			return o, fmt.Errorf("-merchant-webhook %w", err)
		}
	case o.containers != "" && o.store != "dynamodb":
		return o, errors.New("-containers needs -store dynamodb: containers reach no memory of this process")
	case o.containers != "":
		var err error
		o.containers, err = containersAddr(o.containers)
		return o, err
	}
	return o, nil
}

// listen refuses every address that other machines can reach: the private routes are open here.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: must be host:port, such as 127.0.0.1:3000", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("-addr %q: must be a loopback address such as 127.0.0.1: the private routes are open in this mode", addr)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another port with -addr 127.0.0.1:PORT", err)
	}
	return listener, nil
}

func openStore(ctx context.Context, o options) (payment.Store, error) {
	if o.store == "memory" {
		return memstore.New(), nil
	}
	if o.containers != "" {
		return openDynamoDB(ctx, o.dynamoEndpoint, samTable)
	}
	return openDynamoDB(ctx, o.dynamoEndpoint, localTable)
}

func serve(ctx context.Context, handlers map[net.Listener]http.Handler, errs *log.Logger) error {
	failed := make(chan error, len(handlers))
	var servers []*http.Server
	for listener, handler := range handlers {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ErrorLog: errs}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	for _, server := range servers {
		_ = server.Shutdown(end)
	}
	return nil
}

func greet(out io.Writer, base string, o options) {
	if o.containers != "" {
		greetSAM(out, base, o)
		return
	}
	fmt.Fprintf(out, `tosspay-sam on your laptop: %[1]s   (store: %[2]s, no real money, stop with Ctrl-C)

Open it in a browser (the shop; %[1]s/console shows subscriptions, money, faults and the clock), or:

  curl -s %[1]s/orders -H 'content-type: application/json' -d '{"orderId":"order-0001","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt","toss":{"useInternationalCardOnly":true}}'
  curl -s %[1]s/orders/order-0001
  curl -s %[1]s/sim/ledger
  curl -s %[1]s/sim/events
  curl -s %[1]s/sim/clock -d '{"advance":"31d"}'

The first prints a checkoutUrl: open it and pay in the simulated window. docs/local.md lists the faults you can cause.
`, base, o.store)
	if o.merchantWebhook != "" {
		fmt.Fprintf(out, "\nWhat happens is sent to %s, signed with WEBHOOK_SECRET=%s\n", o.merchantWebhook, world.MerchantSecret)
	}
}

func greetSAM(out io.Writer, base string, o options) {
	fmt.Fprintf(out, `The world of sam local: %[1]s   (no real money, stop with Ctrl-C). In another terminal, one behaviour:

  curl -s %[1]s/sim/stage -d '{"event":"confirm-success"}'     # an empty table, and what that event needs; events/README.md lists them
  sam local invoke ConfirmFunction -e events/confirm-success.json

or every route at %[2]s, with containers that stay:

  sam local start-api

%[1]s/console shows the table beside the money that moved; it and %[1]s/sim/ledger tell what the containers have done.
`, base, o.functions)
}
