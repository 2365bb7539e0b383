// Command minimal is the smallest handler with the provider's key in its environment. It is built with the functions' flags and never deployed.
package main

import (
	"context"
	"os"

	"tosspay-sam/tools/coldpath/least"
)

func main() {
	least.Start(func(context.Context) (string, error) { return os.Getenv("TOSS_SECRET_KEY"), nil })
}
