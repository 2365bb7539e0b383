// Command confirm is the confirm function: it reads its environment, builds its door and starts.
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/process"
)

func main() {
	process.Tune(os.Getenv, os.Setenv)
	door, err := boot.ConfirmDoor(os.Getenv, os.Stdout)
	if err != nil {
		environment.Refuse(os.Stdout, err)
		os.Exit(1)
	}
	lambda.Start(door)
}
