package world_test
import ("testing";"time";"sync";"tosspay-sam/sim/fault";"tosspay-sam/sim/portonesim")
func TestDbg(t *testing.T) {
	fakeTime(t, func(t *testing.T) {
		c := newTown(t)
		console, key, _ := c.paidOrder("portone", "order-1")
		time.Sleep(time.Minute)
		c.fault(fault.Fault{Provider: "portone", Operation: portonesim.OpPayment, Kind: fault.Delay, Moment: fault.After, Delay: 5*time.Second})
		var both sync.WaitGroup
		both.Go(func() { c.hook("portone", portoneHook(key, "order-1", "paid")) })
		time.Sleep(200 * time.Millisecond)
		if err := console(key, 0); err != nil { t.Fatal(err) }
		c.mail()
		t.Log(c.read("order-1"))
		both.Wait()
		time.Sleep(time.Minute)
		t.Log(c.read("order-1"))
		t.Log(c.logs.String())
	})
}
