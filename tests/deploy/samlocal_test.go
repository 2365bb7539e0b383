package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tosspay-sam/sim/awssim"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/world"
	"tosspay-sam/tests/root"
)

// samProgram is SAM's command line. scripts/sam-local-test sets it, with `make sam-local` running beside the test.
var samProgram = flag.String("sam", "", "the program sam: run every event and four payments in Docker, beside make sam-local")

// TestSamLocal: the recipe of events/README.md, with the user's own tool: every event through `sam local invoke`, then payments through
// `sam local start-api`. What each event answers is the same table as TestBoot's.
func TestSamLocal(t *testing.T) {
	root.Chdir(t)
	if *samProgram == "" {
		t.Skip("SKIPPED: nothing is known about sam local: it needs Docker and five minutes. scripts/sam-local-test runs it.")
	}
	t.Run("env file forgotten", testSamForgotten)
	t.Run("events", testSamEvents)
	t.Run("payments", testSamPayments)
}

// samEnv is events/env.json.
func samEnv(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("events/env.json")
	var local map[string]map[string]string
	if err := errors.Join(err, json.Unmarshal(text, &local)); err != nil {
		t.Fatal(err)
	}
	return local["Parameters"]
}

// samWorld is the address of `make sam-local`, which serves the simulated scripts.
func samWorld(t *testing.T) string {
	t.Helper()
	world, _, found := strings.Cut(samEnv(t)["TOSS_SCRIPT_URL"], "/sim/")
	if !found {
		t.Fatal("events/env.json: TOSS_SCRIPT_URL is not of a simulator")
	}
	return world
}

// samInvoke sends an event as a user does, and returns what the function answered and what SAM and the function said.
func samInvoke(t *testing.T, name string, options ...string) (answer []byte, said string) {
	t.Helper()
	file := filepath.Join("events", name+".json")
	payload, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if ahead := scene.Ahead(payload, time.Now()); !bytes.Equal(ahead, payload) {
		if file = filepath.Join(t.TempDir(), name+".json"); os.WriteFile(file, ahead, 0o600) != nil {
			t.Fatal("the event with its date ahead cannot be written")
		}
	}
	arguments := append([]string{"local", "invoke", scene.Events[name].Function, "-e", file, "--skip-pull-image"}, options...)
	command := exec.CommandContext(t.Context(), *samProgram, arguments...)
	command.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	if err != nil {
		t.Logf("sam local invoke: %v", err)
	}
	var small bytes.Buffer // SAM writes the answer with spaces
	if err := json.Compact(&small, bytes.TrimSpace(out.Bytes())); err != nil {
		return out.Bytes(), errs.String()
	}
	return small.Bytes(), errs.String()
}

func samGet(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func samPost(t *testing.T, address, body string) string {
	t.Helper()
	response, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %d, %v: %s", address, response.StatusCode, err, answer)
	}
	return string(answer)
}

// samLedger is the money that moved: below zero when given back.
func samLedger(t *testing.T) map[string][]int64 {
	t.Helper()
	_, body := samGet(t, samWorld(t)+"/sim/ledger")
	var list struct{ Entries []ledger.Entry }
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	moved := map[string][]int64{}
	for _, e := range list.Entries {
		if e.Kind == ledger.Cancel {
			e.Amount = -e.Amount
		}
		moved[e.OrderID] = append(moved[e.OrderID], e.Amount)
	}
	return moved
}

// testSamForgotten: without the env file a container has the developer's own credentials and no address. It does not start, and says why.
func testSamForgotten(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "env.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said := samInvoke(t, "confirm-success", "--env-vars", empty)
	if !strings.Contains(said, `"level":"ERROR"`) || !strings.Contains(said, "--env-vars events/env.json") {
		t.Errorf("it must refuse, and name the fix:\n%s", said)
	}
}

func testSamEvents(t *testing.T) {
	env := samEnv(t)
	here := strings.NewReplacer(eventOrigin, env["PUBLIC_BASE_URL"], "https://js.tosspayments.com/v2/standard", env["TOSS_SCRIPT_URL"],
		"https://cdn.iamport.kr/v1/iamport.js", env["PORTONE_SCRIPT_URL"])
	for _, name := range slices.Sorted(maps.Keys(scene.Events)) {
		t.Run(name, func(t *testing.T) {
			samPost(t, samWorld(t)+"/sim/stage", `{"event":"`+name+`"}`)
			answer, said := samInvoke(t, name)
			if r, ok := chargeReplays[name]; ok {
				if string(answer) != r.says {
					t.Errorf("answered %s, want %s\n%s", answer, r.says, said)
				}
				checkSamLedger(t, map[string][]int64{eventCycle: {eventPlanAmount}})
				return
			}
			if r, ok := toldReplays[name]; ok {
				if string(answer) != r.says {
					t.Errorf("answered %s, want %s\n%s", answer, r.says, said)
				}
				checkSamTold(t, name)
				return
			}
			r := replays[name]
			r.door = doorOf(scene.Events[name].Function)
			var has []string
			for _, part := range r.has {
				has = append(has, here.Replace(part))
			}
			r.has = has
			var response events.APIGatewayV2HTTPResponse
			if err := json.Unmarshal(answer, &response); err != nil {
				t.Fatalf("%v: %s\n%s", err, answer, said)
			}
			r.checkResponse(t, response)
			want := map[string][]int64{}
			if len(r.moved) > 0 {
				want[r.about()] = r.moved
			}
			checkSamLedger(t, want)
			t.Logf("%d %s", response.StatusCode, strings.Join(r.has, " | "))
		})
	}
}

// checkSamTold: what the container put on the bus and the queue, and what the shop got: signed, as the specification's own library says.
func checkSamTold(t *testing.T, name string) {
	t.Helper()
	var seen struct {
		awssim.Seen
		Shop []struct {
			ID        string `json:"webhook-id"`
			Timestamp string `json:"webhook-timestamp"`
			Signature string `json:"webhook-signature"`
			Body      string
			Status    int
		}
	}
	_, body := samGet(t, samWorld(t)+"/sim/told")
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if name == "publish-batch" {
		checkPublished(t, seen.Seen)
		return
	}
	checkHidden(t, seen.Hidden, samEnv(t)["DELIVERY_QUEUE_URL"])
	library, err := standardwebhooks.NewWebhook(world.MerchantSecret)
	if err != nil {
		t.Fatal(err)
	}
	var answers []int
	for _, d := range seen.Shop {
		header := http.Header{}
		header.Set("webhook-id", d.ID)
		header.Set("webhook-timestamp", d.Timestamp)
		header.Set("webhook-signature", d.Signature)
		checkDelivery(t, library, []byte(d.Body), header)
		answers = append(answers, d.Status)
	}
	slices.Sort(answers) // they are sent side by side
	if want := []int{204, 410, 500}; !slices.Equal(answers, want) {
		t.Errorf("the shop answered %v, want %v", answers, want)
	}
	t.Logf("the shop got %d, all signed", len(answers))
}

func checkSamLedger(t *testing.T, want map[string][]int64) {
	t.Helper()
	if got := samLedger(t); !maps.EqualFunc(got, want, slices.Equal[[]int64]) {
		t.Errorf("the ledger has %v, want %v", got, want)
	}
}

// testSamPayments pays through the containers as buyers do: one order of each provider, one billing key, and a tick that charges it.
func testSamPayments(t *testing.T) {
	api, world := samEnv(t)["PUBLIC_BASE_URL"], samWorld(t)
	samPost(t, world+"/sim/stage", `{"event":"order-created"}`) // an empty table and ledger
	startSamAPI(t, api)

	order := samPost(t, api+"/orders",
		`{"orderId":"order-1001","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt","language":"en"}`)
	if status, page := samGet(t, word(t, order, "checkoutUrl")); status != http.StatusOK || !strings.Contains(page, "Review your order") {
		t.Errorf("the payment page: %d: %s", status, page)
	}
	buy(t, world+"/sim/toss/window", url.Values{
		"orderId": {"order-1001"}, "orderName": {"T-shirt"}, "amount": {"15000"}, "currency": {"KRW"},
		"successUrl": {word(t, order, "successUrl")}, "failUrl": {word(t, order, "failUrl")},
	}, "Payment complete")

	order = samPost(t, api+"/orders",
		`{"orderId":"order-1002","provider":"portone","amount":12000,"currency":"KRW","name":"T-shirt","language":"en"}`)
	buy(t, world+"/sim/portone/window", url.Values{
		"channelKey": {word(t, order, "channelKey")}, "merchant_uid": {"order-1002"}, "name": {"T-shirt"}, "amount": {"12000"}, "mode": {"redirect"},
		"m_redirect_url": {word(t, order, "m_redirect_url")}, "notice_url": {word(t, order, "notice_url")},
	}, "Payment complete")

	wanted := samPost(t, api+"/subscriptions", `{"subscriptionId":"member-1001","customerId":"cust-1001","language":"en",
		"plan":{"amount":9900,"currency":"KRW","name":"Coffee every month","interval":"month"}}`)
	buy(t, world+"/sim/portone/window", url.Values{
		"channelKey": {word(t, wanted, "channelKey")}, "merchant_uid": {word(t, wanted, "merchant_uid")}, "name": {"Coffee every month"},
		"customer_uid": {word(t, wanted, "customer_uid")}, "customer_id": {"cust-1001"}, "mode": {"redirect"},
		"m_redirect_url": {word(t, wanted, "m_redirect_url")}, "notice_url": {word(t, wanted, "notice_url")},
	}, "Your payment method is registered")

	if answer, said := samInvoke(t, "charge-tick"); string(answer) != `{"passed":1,"failed":0,"left":0,"more":false}` {
		t.Errorf("the tick answers %s\n%s", answer, said)
	}
	samInvoke(t, "charge-tick") // a second one finds nothing
	checkSamWebhooks(t, world)
	checkSamLedger(t, map[string][]int64{"order-1001": {15000}, "order-1002": {12000}, "member-1001--c1": {9900}})
	for _, id := range []string{"orders/order-1001", "orders/order-1002", "orders/member-1001--c1"} {
		if _, body := samGet(t, api+"/"+id); !strings.Contains(body, `"status":"paid"`) {
			t.Errorf("%s: %s", id, body)
		}
	}
	t.Logf("ledger: %v", samLedger(t))
}

// word is a text of a JSON answer, wherever it stands.
func word(t *testing.T, answer, name string) string {
	t.Helper()
	found := regexp.MustCompile(`"`+name+`":("[^"]*")`).FindAllStringSubmatch(answer, -1)
	if found == nil {
		t.Fatalf("no %s in %s", name, answer)
	}
	var text string
	if err := json.Unmarshal([]byte(found[len(found)-1][1]), &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// buy approves in a window and follows the buyer's way back to the page that must say so.
func buy(t *testing.T, window string, form url.Values, says string) {
	t.Helper()
	form.Set("outcome", "approve")
	response, err := http.PostForm(window, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(page), says) {
		t.Errorf("the buyer comes back to %s: %d, %v: %s", response.Request.URL, response.StatusCode, err, page)
	}
}

// checkSamWebhooks waits until every webhook that the providers sent was taken.
func checkSamWebhooks(t *testing.T, world string) {
	t.Helper()
	var list struct{ Deliveries []hooks.Record }
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		_, body := samGet(t, world+"/sim/webhooks")
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(list.Deliveries, func(r hooks.Record) bool { return r.LastStatus != http.StatusOK }) && len(list.Deliveries) >= 4 {
			return
		}
	}
	t.Errorf("webhooks that nobody took: %+v", list.Deliveries)
}

// startSamAPI serves the routes in containers until the test ends.
func startSamAPI(t *testing.T, api string) {
	t.Helper()
	command := exec.Command(*samProgram, "local", "start-api", "--skip-pull-image")
	command.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = command.Wait() // it ends by a signal, or what it said tells why
		close(exited)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGINT) // it removes its containers
		<-exited
		if t.Failed() {
			t.Logf("sam local start-api:\n%s", said.String())
		}
	})
	for end := time.Now().Add(2 * waitMax); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		response, err := http.Get(api + "/orders/none-0001")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusNotFound {
				return
			}
		}
		select {
		case <-exited:
			t.Fatalf("sam local start-api ended: %s", said.String())
		default:
		}
	}
	t.Fatal("sam local start-api does not answer")
}
