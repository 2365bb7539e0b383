// Command emit prints the parameters of the payment windows for representative orders and billing-key issuances, one JSON object a line,
// composed by the code that the merchant's routes use. scripts/types checks them against the SDKs' own TypeScript types.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
)

const base = "https://pay.example.com"

func main() {
	if err := emit(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func emit(w io.Writer) error {
	for _, compose := range []func(io.Writer) error{emitToss, emitPortOne, emitIssuances} {
		if err := compose(w); err != nil {
			return err
		}
	}
	return nil
}

func line(w io.Writer, window provider.Window, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", window.Params)
	return err
}

func emitToss(w io.Writer) error {
	windows := toss.Windows{ClientKey: "test_ck_emit"}
	for _, o := range orders() {
		window, err := windows.Window(o, provider.Place{Base: base})
		if err := line(w, window, err); err != nil {
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
	again.Attempt = 2
	international := guest
	international.Toss.InternationalCardOnly = true
	extras := guest
	extras.Extras = allExtras
	extras.Toss.WindowTarget = "self"
	all := []order.Order{guest, again, international, extras}
	for _, language := range []string{"ko", "en", "ja", "zh"} {
		o := international
		o.Language = language
		o.Customer = customer
		all = append(all, o)
	}
	return all
}

// allExtras are those of both providers; Toss Payments is not told the VAT.
var allExtras = order.Extras{Tax: order.Tax{Free: 5000, VAT: 909, GivenVAT: true}, AppScheme: "myshop://", Metadata: `{"cart":"7"}`}

var customer = order.Customer{ID: "customer-1", Name: "홍길동", Email: "buyer@example.com", Phone: "01012345678"}

// channels are the two ways to name the channel, with and without what a deployment or an order may leave out.
var channels = []struct {
	windows  portone.Windows
	customer order.Customer
}{
	{portone.Windows{UserCode: "imp00000000", ChannelKey: "channel-key-0000", MID: "tosstest", Now: time.Now}, customer},
	{portone.Windows{UserCode: "imp00000000", MID: "tosstest", Now: time.Now}, order.Customer{}},
}

// emitPortOne composes the one-time window with every combination of the merchant's choices that is allowed.
func emitPortOne(w io.Writer) error {
	for _, c := range channels {
		o := order.New(order.Order{
			ID: "order-0002", Provider: "portone", Mode: "test", Name: "T-shirt and two more", LinkToken: "link-token", Customer: c.customer,
			Amount: money.Amount{Value: 15000, Currency: money.KRW},
		})
		for _, options := range combinations() {
			if options.Validate(time.Now()) != nil {
				continue
			}
			window, err := c.windows.WindowOf(o, options, provider.Place{Base: base})
			if err := line(w, window, err); err != nil {
				return err
			}
		}
		o.Extras = allExtras
		asking := c.windows
		asking.AsksBefore = true
		window, err := asking.WindowOf(o, portone.Options{}, provider.Place{Base: base, Language: "en"})
		if err := line(w, window, err); err != nil {
			return err
		}
	}
	return nil
}

func combinations() []portone.Options {
	var all []portone.Options
	for _, method := range []string{"", "tosspay", "tosspay_card", "tosspay_money"} {
		for _, installment := range []bool{false, true} {
			for _, receipt := range []string{"", "GENERAL", "CULTURE", "PUBLIC_TP"} {
				for _, minutes := range []int{0, 30} {
					all = append(all, portone.Options{
						PayMethod: method, UseInstallment: installment, CashReceiptTradeOption: receipt, ExpiredMinutes: minutes,
					})
				}
			}
		}
	}
	return all
}

// emitIssuances composes the window that issues a billing key, with amount 0 and without amount.
func emitIssuances(w io.Writer) error {
	for _, c := range channels {
		for _, omit := range []bool{false, true} {
			windows := c.windows
			windows.OmitIssuanceAmount = omit
			window, err := windows.IssuanceWindow(portone.Issuance{
				ID: "member-0001--key1", LinkToken: "link-token", Mode: "test", CustomerUID: "member-0001--key1", CustomerID: "customer-1",
				Name: "Coffee every month", Customer: provider.Buyer{Name: c.customer.Name, Email: c.customer.Email, Phone: c.customer.Phone},
			}, provider.Place{Base: base})
			if err := line(w, window, err); err != nil {
				return err
			}
		}
	}
	return nil
}
