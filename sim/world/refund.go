package world

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"tosspay-sam/shared/handler"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
)

// ConsoleRefund gives back amount won of an order's payment, or all that is left of it for 0, as the merchant can in the provider's own console: our code
// does not know of it until the provider's webhook comes, or somebody asks.
func (w *World) ConsoleRefund(ctx context.Context, orderID string, amount int64) error {
	ctx, cancel := context.WithTimeout(ctx, handler.DoorTime)
	defer cancel()
	o, err := w.Store.Get(ctx, orderID)
	switch {
	case err != nil:
		return err
	case o.Capture.Key == "":
		return errors.New("no payment pays the order")
	case o.Provider == portonesim.Provider:
		return w.PortOne.ConsoleCancel(o.Capture.Key, amount)
	case o.Provider == tosssim.Provider:
		return w.Toss.ConsoleCancel(o.Capture.Key, amount)
	}
	return fmt.Errorf("there is no console of %s", o.Provider)
}

// consoleRefund takes {"orderId":"order-0001","amount":5000}.
func (w *World) consoleRefund(out http.ResponseWriter, r *http.Request) {
	var in struct {
		OrderID string `json:"orderId"`
		Amount  int64  `json:"amount"`
	}
	if err := readControl(out, r, &in); err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_JSON", `the body must be {"orderId": "order-0001", "amount": 5000}: `+err.Error())
		return
	}
	if err := w.ConsoleRefund(r.Context(), in.OrderID, in.Amount); err != nil {
		refuse(out, http.StatusBadRequest, "NOT_REFUNDED", err.Error())
		return
	}
	out.WriteHeader(http.StatusNoContent)
}
