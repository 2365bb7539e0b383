// Command local runs the whole bundle on a laptop: every door through real API Gateway events, and the simulated provider beside them.
// It needs no AWS account, no Docker and no keys. See docs/local.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/portonesim"
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
	w, err := world.New(world.Options{
		Base: base, Store: orders, Transport: http.DefaultTransport, Log: log, ReturnURLs: o.returnURLs,
		PortOne: portonesim.Options{WebhookDelay: world.WebhookDelay},
	})
	if err != nil {
		return err
	}
	w.Progress = func(r world.Report) {
		log.Info("the clock is being advanced", "event", "advance.progress", "now", r.Now, "ticks", r.Ticks, "charges", r.Charges, "captures", r.Captures)
	}
	mountConsole(w)
	mountShop(w)
	running, stop := context.WithCancel(ctx)
	var lives sync.WaitGroup
	lives.Go(func() { w.Run(running, o.tick) })
	defer lives.Wait()
	defer stop()
	server := &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	greet(out, base, o)
	return serve(ctx, server, listener)
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
	case (o.store == "dynamodb") != (o.dynamoEndpoint != ""):
		return o, errors.New("-store dynamodb and -dynamodb-endpoint URL go together")
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
	return openDynamoDB(ctx, o.dynamoEndpoint)
}

func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	_ = server.Shutdown(end)
	return nil
}

func greet(out io.Writer, base string, o options) {
	fmt.Fprintf(out, `tosspay-sam on your laptop: %[1]s   (store: %[2]s, no real money, stop with Ctrl-C)

Open it in a browser (the shop; %[1]s/console shows subscriptions, money, faults and the clock), or:

  curl -s %[1]s/orders -H 'content-type: application/json' -d '{"orderId":"order-0001","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt","toss":{"useInternationalCardOnly":true}}'
  curl -s %[1]s/orders/order-0001
  curl -s %[1]s/sim/ledger
  curl -s %[1]s/sim/clock -d '{"advance":"31d"}'

The first prints a checkoutUrl: open it and pay in the simulated window. docs/local.md lists the faults you can cause.
`, base, o.store)
}
