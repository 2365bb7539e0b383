// Command restore puts the records of a table that was restored from a backup back into the stack's own table. See "Restore the table" in
// docs/operations.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "restore:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) error {
	var from, to string
	var overwrite bool
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&from, "from", "", "the table that was restored from the backup")
	flags.StringVar(&to, "to", "", "output TableName of the stack")
	flags.BoolVar(&overwrite, "overwrite", false, "put every record, also over a newer one: what was written since the backup is lost")
	flags.Usage = func() {
		fmt.Fprintln(errs, "Copies records from a restored table into the stack's. A record is written where the stack's table lacks it, or has an older\n"+
			"revision of it. It may be run again. Region and credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and so on.\n\nFlags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case from == "" || to == "":
		return errors.New("-from and -to are needed; `sam list stack-outputs` shows the stack's table")
	case from == to:
		return errors.New("-from and -to are the same table")
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	client := dynamodb.NewFromConfig(environment.AWS(getenv), func(o *dynamodb.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
	c, err := store.Copy(ctx, client, from, to, overwrite, func(c store.Copied) {
		fmt.Fprintf(errs, "%d records seen, %d written\n", c.Seen, c.Written)
	})
	fmt.Fprintf(out, "%d records, %d written, %d left alone: the stack's table has them as new or newer\n", c.Seen, c.Written, c.Newer)
	return err
}
