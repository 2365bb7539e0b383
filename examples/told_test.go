package examples_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/world"
)

// TestShopsAreTold: each shop beside `make run` is told what it cannot see: a payment whose buyer never came back, of a card and of Toss Pay; refunds made
// in the provider's own console, a part and the rest; and a subscription that is suspended.
func TestShopsAreTold(t *testing.T) {
	t.Parallel()
	local := filepath.Join(t.TempDir(), "local")
	if out, err := exec.Command("go", "build", "-o", local, "../cmd/local").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(l.tool); err != nil {
				missing(t, l.tool+" is not on this machine")
			}
			base := "http://" + freeAddress(t)
			s := open(t, l.command(t), []string{"TOSSPAY_API=" + base, "WEBHOOK_SECRET=" + world.MerchantSecret, "RETURN_URL=" + thanks})
			runLocal(t, local, strings.TrimPrefix(base, "http://"), s.url+"/webhook")
			toldOfMoney(t, api{base, base}, s)
			toldOfASubscription(t, api{base, base}, s)
		})
	}
}

// toldOfMoney: nobody opens the shop's GET /thanks.
func toldOfMoney(t *testing.T, a api, s shop) {
	t.Helper()
	card := s.buy(t, a)
	s.isTold(t, "order/"+card, "paid", 1)
	const tossPay = "toss-pay-1"
	made := a.call(t, "/orders", `{"orderId":"`+tossPay+`","provider":"portone","amount":15000,"currency":"KRW","name":"T-shirt"}`)
	a.tossPay(t, made, "close-popup") // and not even our page hears of it
	s.isTold(t, "order/"+tossPay, "paid", 1)
	if got := s.shipped(t); !slices.Equal(sorted(got), sorted([]string{card, tossPay})) {
		t.Errorf("shipped %v, want what is paid: %s, %s", got, card, tossPay)
	}

	for _, id := range []string{card, tossPay} {
		a.call(t, "/sim/refund", `{"orderId":"`+id+`","amount":5000}`)
		s.isTold(t, "order/"+id, "refunded", 1)
		if got := s.shipped(t); !slices.Contains(got, id) {
			t.Errorf("%s is not shipped any more, and 10,000 won of it are paid", id)
		}
		a.call(t, "/sim/refund", `{"orderId":"`+id+`"}`)
		s.isTold(t, "order/"+id, "refunded", 2)
		if got := s.shipped(t); slices.Contains(got, id) {
			t.Errorf("%s is shipped, and all of it was refunded", id)
		}
	}
}

func toldOfASubscription(t *testing.T, a api, s shop) {
	t.Helper()
	link := s.post(t, "/subscribe").Header.Get("Location")
	name, _, _ := strings.Cut(strings.TrimPrefix(link, a.base+"/pay/"), "/")
	id, _, _ := strings.Cut(name, "--")
	page := a.get(t, link)
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	a.tossPay(t, data, "close-popup")
	s.isTold(t, "subscription/"+id, "activated", 1)
	a.call(t, "/sim/clock", `{"advance":"1h"}`)
	s.isTold(t, "subscription/"+id, "charged", 1)
	if got := s.list(t, "/members"); !slices.Equal(got, []string{id}) {
		t.Errorf("members %v, want %s", got, id)
	}
	a.call(t, "/sim/decline", `{"reason":"CARD_EXCEED_LIMIT","times":20}`)
	a.call(t, "/sim/clock", `{"advance":"60d"}`)
	s.isTold(t, "subscription/"+id, "suspended", 1)
	if got := s.list(t, "/members"); len(got) != 0 {
		t.Errorf("members %v, and the only one is suspended", got)
	}
}

// isTold waits until the shop has had so many events of one kind about a record. More are an error.
func (s shop) isTold(t *testing.T, record, word string, want int) {
	t.Helper()
	var all []string
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all = s.list(t, "/told")
		got := 0
		for _, id := range all {
			if strings.HasPrefix(id, record+"/") && strings.HasSuffix(id, "/"+word) {
				got++
			}
		}
		if got > want {
			break
		}
		if got == want {
			return
		}
	}
	t.Fatalf("told %v, want %d of %s %s", all, want, record, word)
}

func (s shop) list(t *testing.T, path string) (ids []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.get(t, path)), &ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

func (a api) call(t *testing.T, path, body string) string {
	t.Helper()
	response, err := http.Post(a.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got := text(t, response)
	if response.StatusCode > 299 {
		t.Fatalf("%s %s: %d %s", path, body, response.StatusCode, got)
	}
	return got
}

func (a api) get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, response)
}

// tossPay presses a button of Toss Pay's simulated window, as its script would open it.
func (a api) tossPay(t *testing.T, made, outcome string) {
	t.Helper()
	var opened struct{ Window map[string]any }
	if err := json.Unmarshal([]byte(made), &opened); err != nil || opened.Window == nil {
		t.Fatalf("no window in %s", made)
	}
	form := url.Values{"mode": {"popup"}, "outcome": {outcome}}
	for name, value := range opened.Window {
		switch value.(type) {
		case string, float64:
			form.Set(name, fmt.Sprint(value))
		default:
			object, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			form.Set(name, string(object))
		}
	}
	response, err := http.PostForm(a.base+"/sim/portone/window", form)
	if err != nil {
		t.Fatal(err)
	}
	if page := text(t, response); response.StatusCode > 299 {
		t.Fatalf("the window: %d %s", response.StatusCode, page)
	}
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// runLocal is `make run`, whose schedule runs only when the clock is moved.
func runLocal(t *testing.T, program, addr, webhook string) {
	t.Helper()
	run := exec.Command(program, "-addr", addr, "-tick", "0", "-merchant-webhook", webhook)
	out, err := run.StdoutPipe()
	if err == nil {
		err = run.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	})
	greeting := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		greeting <- line
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case line := <-greeting:
		if !strings.Contains(line, addr) {
			t.Fatalf("the local run did not start: %q", line)
		}
	case <-time.After(waitMax):
		t.Fatal("the local run does not start")
	}
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }
