package tosspaysam_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/runtimeapi"
	"tosspay-sam/sim/tosssim"
)

// What the files in events/ speak of. All of them are about one order, so that one pair of id and link token has to be replaced to send
// them to an order of one's own.
const (
	eventOrder   = "order-0001"
	eventLink    = "EXAMPLELINKTOKEN2345ABCDEF"
	eventKey     = "tviva20261121120000EXAMPLE"
	eventOrigin  = "https://abcdefghij.execute-api.ap-northeast-2.amazonaws.com"
	eventAmount  = 15000
	eventEmail   = "minji.kim@example.com"
	eventPhone   = "01012345678"
	eventName    = "Minji Kim"
	bootSecretID = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:TossSecret-abc123"
)

// waitMax ends a wait for something that will not happen any more. It is far above what a busy machine needs.
const waitMax = time.Minute

// door is one function of the template.
type door struct {
	role      string
	dir       string   // with main.go
	variables []string // that the template gives it
	program   string   // built
}

// buildDoors builds every function of the template as SAM's go1.x builder does (aws_lambda_builders, workflows/go_modules: in the folder
// of CodeUri, `go build -trimpath -o bootstrap CodeUri`), with the flags of scripts/build, but for this machine.
func buildDoors(t *testing.T) map[string]*door {
	t.Helper()
	script, err := os.ReadFile("scripts/build")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^GOFLAGS="([^"]+)" CGO_ENABLED=0 `).FindSubmatch(script)
	if flags == nil {
		t.Fatal("scripts/build sets no GOFLAGS and CGO_ENABLED=0 any more: bring this test up to date")
	}
	environment := append(os.Environ(), "GOFLAGS="+string(flags[1]), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	in := readInfra(t, "", "")
	doors, out := map[string]*door{}, t.TempDir()
	var all sync.WaitGroup
	for name, f := range resources(in, "AWS::Serverless::Function") {
		source, err := filepath.Abs(text(f, "Properties", "CodeUri"))
		if err != nil {
			t.Fatal(err)
		}
		d := &door{
			dir: source, program: filepath.Join(out, name, "bootstrap"),
			role: strings.TrimSuffix(target(at(f, "Properties", "Role")), ".Arn"),
		}
		for _, declared := range []any{at(in.template, "Globals", "Function"), at(f, "Properties")} {
			variables, _ := at(declared, "Environment", "Variables").(node)
			for variable := range variables {
				d.variables = append(d.variables, variable)
			}
		}
		doors[filepath.Base(source)] = d
		all.Go(func() {
			command := exec.Command("go", "build", "-trimpath", "-o", d.program, d.dir)
			command.Dir, command.Env = d.dir, environment
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, output)
			}
		})
	}
	all.Wait()
	if t.Failed() || len(doors) == 0 {
		t.Fatalf("%d functions, not all of them built", len(doors))
	}
	return doors
}

// stage is an account of its own for one test: table, provider, secret and the functions' ways to them.
type stage struct {
	t        *testing.T
	doors    map[string]*door
	client   *dynamodb.Client
	table    string
	orders   *store.DynamoDB
	toss     *tosssim.Sim
	returned *url.URL // where the provider's window sent the buyer
	release  func()   // ends every delay of the provider, now and later

	tableURL, tossURL, secretURL string

	mu       sync.Mutex
	requests map[string]int // to the table, by operation, without the prewarm
	warmed   map[string]int // by the prewarm: the operation on the table, and HEAD to the provider
	secret   string
	version  int
	reads    int // of the secret
}

// newStage builds one. The keys default to the simulator's own.
func newStage(t *testing.T, doors map[string]*door, engine enginetest.Engine, keys ...tosssim.KeyPair) *stage {
	t.Helper()
	client := enginetest.Client(engine.Endpoint)
	delay := make(chan struct{})
	s := &stage{
		t: t, doors: doors, client: client, table: enginetest.Table(t, client), release: sync.OnceFunc(func() { close(delay) }),
		requests: map[string]int{}, warmed: map[string]int{},
	}
	writes := 0
	s.orders = store.New(client, s.table, func() string { writes++; return "stage-" + strconv.Itoa(writes) })
	s.toss = tosssim.New(tosssim.Options{
		Keys: keys, NewKey: func() string { return eventKey },
		Sleep: func(ctx context.Context, _ time.Duration) error { // a delay fault lasts until the test says so
			select {
			case <-delay:
			case <-ctx.Done():
			}
			return nil
		},
	})
	address, err := url.Parse(engine.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s.tableURL, s.tossURL, s.secretURL = s.serve(s.tableDoor(address)), s.serve(s.tossDoor()), s.serve(http.HandlerFunc(s.secretDoor))
	t.Cleanup(s.release) // before the servers close, which wait for their requests
	key := tosssim.DefaultSecretKey
	if len(keys) > 0 {
		key = keys[0].Secret
	}
	s.putSecret(`{"secretKey":"` + key + `"}`)
	return s
}

func (s *stage) serve(h http.Handler) string {
	server := httptest.NewServer(h)
	s.t.Cleanup(server.Close)
	return server.URL
}

// tableDoor passes requests on to the engine and counts them.
func (s *stage) tableDoor(engine *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(engine) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the function has died
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		s.mu.Lock()
		if bytes.Contains(body, []byte(`order#prewarm`)) {
			s.warmed[operation]++
		} else {
			s.requests[operation]++
		}
		s.mu.Unlock()
		proxy.ServeHTTP(w, r)
	})
}

// tossDoor answers the prewarm itself: the simulator takes every path it does not know for a slip of ours.
func (s *stage) tossDoor() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path == "/" {
			s.mu.Lock()
			s.warmed["HEAD"]++
			s.mu.Unlock()
			return
		}
		s.toss.ServeHTTP(w, r)
	})
}

// secretDoor is Secrets Manager with one secret.
func (s *stage) secretDoor(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string }
	err := json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || in.SecretId != bootSecretID || s.secret == "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"ARN": bootSecretID, "Name": "TossSecret", "SecretString": s.secret, "VersionId": fmt.Sprintf("00000000-0000-4000-8000-%012d", s.version),
	})
}

// putSecret is a rotation; an empty text is a secret that does not exist.
func (s *stage) putSecret(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret, s.version = text, s.version+1
}

// counts returns the requests to the table since the last call.
func (s *stage) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := s.requests
	s.requests = map[string]int{}
	return counted
}

func (s *stage) secretReads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// seed stores the order that the events speak of, open.
func (s *stage) seed(mode string) order.Order {
	s.t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	o, err := s.orders.Create(s.context(), order.New(order.Order{
		ID: eventOrder, Provider: "toss", Mode: mode, Amount: money.Amount{Value: eventAmount, Currency: money.KRW}, Name: "T-shirt",
		Customer: order.Customer{ID: "cust-1001", Name: eventName, Email: eventEmail, Phone: eventPhone}, Language: "en",
		ReturnURL: "https://shop.example/orders/done", Toss: order.TossOptions{InternationalCardOnly: true}, Request: "seeded",
		LinkToken: eventLink, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// pay opens the provider's window of the order with the very object the merchant's route returns, and leaves it in one of the
// simulator's ways. What the window says to the buyer's browser is kept in returned.
func (s *stage) pay(o order.Order, clientKey, outcome, tamperAmount string) {
	s.t.Helper()
	window, err := toss.Windows{ClientKey: clientKey}.Window(o, eventOrigin)
	var request toss.RequestPayment
	if err := errors.Join(err, json.Unmarshal(window.Params, &request)); err != nil {
		s.t.Fatal(err)
	}
	form := url.Values{
		"clientKey": {window.ClientKey}, "orderId": {request.OrderID}, "orderName": {request.OrderName},
		"amount": {strconv.FormatInt(request.Amount.Value, 10)}, "currency": {request.Amount.Currency}, "language": {request.Card.Language},
		"successUrl": {request.SuccessURL}, "failUrl": {request.FailURL}, "outcome": {outcome}, "tamperAmount": {tamperAmount},
	}
	r := httptest.NewRequest(http.MethodPost, "/window", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.toss.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		s.t.Fatalf("the window answers %d: %s", w.Code, w.Body)
	}
	if s.returned, err = url.Parse(w.Header().Get("Location")); err != nil {
		s.t.Fatal(err)
	}
}

// order reads the order as the store has it.
func (s *stage) order() order.Order {
	s.t.Helper()
	o, err := s.orders.Get(s.context(), eventOrder)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// letTimePass ends every lease on the order, as some seconds do.
func (s *stage) letTimePass() {
	s.t.Helper()
	_, err := s.client.UpdateItem(s.context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table),
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "order#" + eventOrder}, "SK": &types.AttributeValueMemberS{Value: "order"},
		},
		UpdateExpression: aws.String("REMOVE ask_after"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// fail makes calls of the provider's operation go wrong.
func (s *stage) fail(operation, kind string, times int) {
	s.t.Helper()
	f := fault.Fault{Provider: tosssim.Provider, Operation: operation, Kind: kind, Times: times}
	if kind == fault.Delay {
		f.Delay = 2 * time.Second
	}
	if err := s.toss.Faults.Set(f); err != nil {
		s.t.Fatal(err)
	}
}

// captures fails the test unless exactly these amounts were taken for the order, and nothing was given back.
func (s *stage) captures(want ...int64) {
	s.t.Helper()
	got := s.toss.Ledger.Entries()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && got[i].Kind == ledger.Capture && got[i].Amount == want[i] && got[i].OrderID == eventOrder
	}
	if !ok {
		s.t.Errorf("the ledger has %+v, want captures of %v", got, want)
	}
}

func (s *stage) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	s.t.Cleanup(cancel)
	return ctx
}

// eventually waits for what the process, or the provider for it, is about to do.
func (s *stage) eventually(p *process, what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(waitMax); !holds(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.exited:
			s.t.Fatalf("the function exited before %s: %s", what, p.stderr.String())
		default:
		}
		if time.Now().After(end) {
			s.t.Fatalf("never happened: %s", what)
		}
	}
}

// process is one execution environment of a function.
type process struct {
	t              *testing.T
	name           string
	api            *runtimeapi.API
	command        *exec.Cmd
	stdout, stderr bytes.Buffer // to be read when it has exited
	exited         chan struct{}
}

// environment is what an account gives a function: the template's variables, each with a value, and Lambda's own. Nothing else of this
// machine reaches it but the three addresses, which are empty in an account.
func (s *stage) environment(name string, change map[string]string) []string {
	s.t.Helper()
	values := map[string]string{
		"MODE": "test", "TABLE_NAME": s.table, "LOG_LEVEL": "debug", "PUBLIC_BASE_URL": "", "TOSS_CLIENT_KEY": tosssim.DefaultClientKey,
		"RETURN_URL_ALLOW": "https://shop.example", "TOSS_SECRET_ID": bootSecretID,
	}
	addresses := map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": s.tableURL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.secretURL, "TOSS_BASE_URL": s.tossURL,
	}
	set := map[string]string{
		"_HANDLER": "bootstrap", "TZ": ":UTC", "LANG": "en_US.UTF-8", "LAMBDA_TASK_ROOT": filepath.Dir(s.doors[name].program),
		"AWS_REGION": "ap-northeast-2", "AWS_DEFAULT_REGION": "ap-northeast-2", "AWS_LAMBDA_FUNCTION_NAME": name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local",
	}
	for _, variable := range s.doors[name].variables {
		value, known := values[variable]
		if _, address := addresses[variable]; !known && !address {
			s.t.Fatalf("template.yaml gives %s the variable %s; this test does not know what an account would put there", name, variable)
		}
		set[variable] = value
	}
	maps.Copy(set, addresses)
	maps.Copy(set, change)
	var list []string
	for variable, value := range set {
		list = append(list, variable+"="+value)
	}
	return list
}

// start runs a function until the test ends, and then reads its logs.
func (s *stage) start(name string, change map[string]string) *process {
	s.t.Helper()
	p := &process{t: s.t, name: name, api: runtimeapi.New(runtimeapi.Options{}), exited: make(chan struct{})}
	address := strings.TrimPrefix(s.serve(p.api), "http://")
	p.command = exec.Command(s.doors[name].program)
	p.command.Env = append(s.environment(name, change), "AWS_LAMBDA_RUNTIME_API="+address)
	p.command.Dir = filepath.Dir(s.doors[name].program)
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	if err := p.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // every process here ends by a signal or reports its failure on stderr
		close(p.exited)
	}()
	s.t.Cleanup(p.kill)
	return p
}

// kill is what Lambda does to a function that is out of time or memory.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have exited
	<-p.exited
}

// invoke gives the function an event and returns its response as API Gateway reads it.
func (p *process) invoke(payload []byte) events.APIGatewayV2HTTPResponse {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	answer, err := p.api.Invoke(ctx, payload)
	if err != nil {
		p.kill()
		p.t.Fatalf("%s: %v\n%s%s", p.name, err, p.stdout.String(), p.stderr.String())
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		p.t.Fatalf("%s: %v: %s", p.name, err, answer)
	}
	return response
}

// logs ends the process and returns its log lines. Each must be one JSON object, because alarms look into them, and none may hold what
// belongs to a buyer or opens anything.
func (p *process) logs(confidential ...string) []map[string]any {
	p.t.Helper()
	p.kill()
	if p.stderr.Len() > 0 {
		p.t.Errorf("%s wrote to stderr: %s", p.name, p.stderr.String())
	}
	var lines []map[string]any
	for text := range strings.Lines(p.stdout.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil || line["level"] == nil || line["time"] == nil {
			p.t.Errorf("%s: a log line that is no JSON object with time and level: %s", p.name, text)
		}
		lines = append(lines, line)
	}
	confidential = append(confidential, eventLink, eventKey, eventEmail, eventPhone, eventName,
		tosssim.DefaultSecretKey, "ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE")
	for _, word := range confidential {
		if strings.Contains(p.stdout.String()+p.stderr.String(), word) {
			p.t.Errorf("%s: the log holds %q:\n%s", p.name, word, p.stdout.String())
		}
	}
	return lines
}
