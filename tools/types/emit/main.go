// Command emit prints the payment window's parameters for a handful of representative orders, one JSON object a line, composed by the
// code that the merchant's route uses. scripts/types checks them against the SDK's own TypeScript types.
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider/toss"
)

func main() {
	if err := emit(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func emit(w io.Writer) error {
	windows := toss.Windows{ClientKey: "test_ck_emit"}
	for _, o := range orders() {
		window, err := windows.Window(o, "https://pay.example.com")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", window.Params); err != nil {
			return err
		}
	}
	return nil
}

// orders covers every field of the object, present and absent.
func orders() []order.Order {
	guest := order.New(order.Order{
		ID: "order-0001", Provider: "toss", Mode: "test", Name: "T-shirt and two more", LinkToken: "link-token",
		Amount: money.Amount{Value: 15000, Currency: money.KRW},
	})
	again := guest
	again.Attempt.N = 2
	international := guest
	international.Toss.InternationalCardOnly = true
	all := []order.Order{guest, again, international}
	for _, language := range []string{"ko", "en", "ja", "zh"} {
		o := international
		o.Language = language
		o.Customer = order.Customer{ID: "customer-1", Name: "홍길동", Email: "buyer@example.com", Phone: "01012345678"}
		all = append(all, o)
	}
	return all
}
