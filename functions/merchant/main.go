// Command merchant is the merchant function: it reads its environment, builds its door and starts.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"tosspay-sam/shared/boot"
)

func main() {
	door, err := boot.MerchantDoor(os.Getenv, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(door)
}
