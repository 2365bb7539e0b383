package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/runtimeapi"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/tosssim"
)

// What the files in events/ speak of; see scene.
const (
	eventOrder        = scene.Order
	eventKey          = scene.Key
	eventPortOneOrder = scene.PortOneOrder
	eventImpUID       = scene.ImpUID
	eventSubscription = scene.Subscription
	eventLink         = scene.Link
	eventHookToken    = scene.HookToken
	eventOrigin       = scene.Origin
	eventAmount       = scene.Amount
	eventPlanAmount   = scene.PlanAmount
	eventEmail        = scene.Email
	eventPhone        = scene.Phone
	eventName         = scene.Name
	tossSecretID      = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:TossSecret-abc123"
	portoneSecretID   = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:PortOneSecret-abc123"
)

// doorOf is the folder of a function of the template.
func doorOf(function string) string { return strings.ToLower(strings.TrimSuffix(function, "Function")) }

// portoneSecret is what the PortOne secret of a stage holds.
const portoneSecret = `{"impKey":"` + portonesim.DefaultImpKey + `","impSecret":"` + portonesim.DefaultImpSecret + `"}`

// waitMax ends a wait for something that will not happen any more. It is far above what a busy machine needs.
const waitMax = time.Minute

// door is one function of the template.
type door struct {
	role      string
	variables []string // that the template gives it
	program   string   // built
	timeout   time.Duration
}

// buildDoors builds every function of the template as SAM's makefile builder does (aws_lambda_builders, workflows/custom_make: target
// build-<function>, with ARTIFACTS_DIR), but for this machine.
func buildDoors(t *testing.T) map[string]*door {
	t.Helper()
	// Read here, so that go test's cache knows on what the programs depend. To import it would not do: the linker leaves most of it out of the test.
	sources, err := filepath.Glob("functions/*/main.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	err = filepath.WalkDir("shared", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return filepath.SkipDir
		case !entry.IsDir() && !strings.HasSuffix(path, "_test.go"):
			sources = append(sources, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(sources, "Makefile", "go.mod", "go.sum") {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	in := readInfra(t, "", "")
	doors, out := map[string]*door{}, filepath.Join(t.TempDir(), ".aws-sam", "local")
	var builds []func()
	for name, f := range resources(in, "AWS::Serverless::Function") {
		d := &door{
			program: filepath.Join(out, name, "bootstrap"),
			role:    strings.TrimSuffix(target(at(f, "Properties", "Role")), ".Arn"),
		}
		for _, declared := range []any{at(in.template, "Globals", "Function"), at(f, "Properties")} {
			if seconds, err := strconv.Atoi(text(declared, "Timeout")); err == nil {
				d.timeout = time.Duration(seconds) * time.Second
			}
			variables, _ := at(declared, "Environment", "Variables").(node)
			for variable := range variables {
				d.variables = append(d.variables, variable)
			}
		}
		doors[strings.ToLower(strings.TrimSuffix(name, "Function"))] = d
		builds = append(builds, func() {
			command := exec.Command("make", "build-"+name)
			command.Env = append(os.Environ(), "ARTIFACTS_DIR="+filepath.Dir(d.program), "LAMBDA_GOARCH="+runtime.GOARCH)
			if output, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, output)
			}
		})
	}
	buildTogether(builds)
	if t.Failed() || len(doors) == 0 {
		t.Fatalf("%d functions, not all of them built", len(doors))
	}
	return doors
}

var building sync.Mutex

// buildTogether builds the first function alone: it leaves in Go's cache what all of them are made of, which builds side
// by side would each compile for themselves.
func buildTogether(builds []func()) {
	building.Lock()
	defer building.Unlock()
	var rest sync.WaitGroup
	for i, build := range builds {
		if i == 0 {
			build()
		} else {
			rest.Go(build)
		}
	}
	rest.Wait()
}

// stage is an account of its own for one test: table, providers, secrets and the functions' ways to them.
type stage struct {
	t       *testing.T
	doors   map[string]*door
	client  *dynamodb.Client
	table   string
	records *store.DynamoDB
	toss    *tosssim.Sim
	portone *portonesim.Sim
	ledger  *ledger.Ledger // of both providers
	scene   *scene.Stage
	release func() // ends every delay of Toss Payments, now and later

	tableURL, tossURL, portoneURL, secretURL string

	mu       sync.Mutex
	requests map[string]int   // to the table, by operation, without the prewarm
	warmed   map[string]int   // by the prewarm: the operation on the table, and HEAD to the provider
	webhooks []hooks.Delivery // that the providers sent; nobody has delivered them
	secrets  map[string]string
	version  int
	reads    map[string]int // of each secret
}

// newStage builds one. The keys default to the simulator's own.
func newStage(t *testing.T, doors map[string]*door, engine enginetest.Engine, keys ...tosssim.KeyPair) *stage {
	t.Helper()
	client := enginetest.Client(engine.Endpoint)
	delay := make(chan struct{})
	s := &stage{
		t: t, doors: doors, client: client, table: enginetest.Table(t, client), release: sync.OnceFunc(func() { close(delay) }),
		ledger: &ledger.Ledger{}, requests: map[string]int{}, warmed: map[string]int{}, secrets: map[string]string{}, reads: map[string]int{},
	}
	writes := 0
	s.records = store.New(client, s.table, func() string { writes++; return "stage-" + strconv.Itoa(writes) })
	sent := func(d hooks.Delivery) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.webhooks = append(s.webhooks, d)
	}
	s.portone = portonesim.New(portonesim.Options{Ledger: s.ledger, Webhooks: sent, NewID: scene.PortOneIDs()})
	s.toss = tosssim.New(tosssim.Options{
		Keys: keys, NewKey: scene.TossKeys(), Ledger: s.ledger, Webhooks: sent,
		WebhookURL: eventOrigin + "/webhooks/toss/" + eventHookToken,
		Sleep: func(ctx context.Context, _ time.Duration) error { // a delay fault lasts until the test says so
			select {
			case <-delay:
			case <-ctx.Done():
			}
			return nil
		},
	})
	s.scene = &scene.Stage{Records: s.records, Toss: s.toss, PortOne: s.portone, Invoke: s.invokeBefore}
	address, err := url.Parse(engine.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s.tableURL, s.secretURL = s.serve(s.tableDoor(address)), s.serve(http.HandlerFunc(s.secretDoor))
	s.tossURL, s.portoneURL = s.serve(s.tossDoor()), s.serve(s.portone)
	t.Cleanup(s.release) // before the servers close, which wait for their requests
	key := tosssim.DefaultSecretKey
	if len(keys) > 0 {
		key = keys[0].Secret
	}
	s.putSecret(tossSecretID, `{"secretKey":"`+key+`"}`)
	s.putSecret(portoneSecretID, portoneSecret)
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

// secretDoor is Secrets Manager with two secrets.
func (s *stage) secretDoor(w http.ResponseWriter, r *http.Request) {
	var in struct{ SecretId string }
	err := json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads[in.SecretId]++
	text := s.secrets[in.SecretId]
	if err != nil || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || text == "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{
		"ARN": in.SecretId, "Name": "any", "SecretString": text, "VersionId": fmt.Sprintf("00000000-0000-4000-8000-%012d", s.version),
	})
}

// putSecret is a rotation; an empty text is a secret that does not exist.
func (s *stage) putSecret(id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[id], s.version = text, s.version+1
}

// called counts the calls of both providers so far, by operation; those of PortOne are named so. Webhooks are not calls.
func (s *stage) called() map[string]int {
	calls := s.toss.Calls()
	for operation, times := range s.portone.Calls() {
		if operation != portonesim.OpWebhook {
			calls["portone "+operation] = times
		}
	}
	return calls
}

// forget drops what was counted during a set-up that ran functions.
func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.requests)
	clear(s.warmed)
	clear(s.reads)
}

// counts returns the requests to the table since the last call.
func (s *stage) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := s.requests
	s.requests = map[string]int{}
	return counted
}

func (s *stage) secretReads(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[id]
}

// lastWebhook is what the providers sent last, or nil.
func (s *stage) lastWebhook() *hooks.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.webhooks) == 0 {
		return nil
	}
	d := s.webhooks[len(s.webhooks)-1]
	return &d
}

// set brings the stage to where an event finds it; nil leaves it as it is.
func (s *stage) set(step scene.Step) {
	s.t.Helper()
	if step == nil {
		return
	}
	if err := step(s.context(), s.scene); err != nil {
		s.t.Fatal(err)
	}
}

// invokeBefore runs a function for what was so before, and forgets what it asked for.
func (s *stage) invokeBefore(_ context.Context, name string) error {
	_, payload := readEvent(s.t, name)
	if response := s.start(doorOf(scene.Events[name].Function), nil).invoke(payload); response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s was answered %d", name, response.StatusCode)
	}
	s.forget()
	return nil
}

// order reads the order of Toss Payments as the store has it.
func (s *stage) order() order.Order {
	s.t.Helper()
	return s.read(eventOrder)
}

func (s *stage) read(id string) order.Order {
	s.t.Helper()
	o, err := s.records.Get(s.context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

func (s *stage) subscription(id string) subscription.Subscription {
	s.t.Helper()
	found, err := s.records.GetSubscription(s.context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// letTimePass ends every lease on the order, as some seconds do.
func (s *stage) letTimePass(id string) {
	s.t.Helper()
	_, err := s.client.UpdateItem(s.context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table),
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "order#" + id}, "SK": &types.AttributeValueMemberS{Value: "order"},
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

// moved fails the test unless exactly these amounts were taken, or given back when below zero, under the numbers of the order.
func (s *stage) moved(id string, want ...int64) {
	s.t.Helper()
	var got []int64
	for _, e := range s.ledger.Entries() {
		amount := e.Amount
		if e.Kind == ledger.Cancel {
			amount = -amount
		}
		if e.OrderID != id {
			s.t.Errorf("the ledger has %+v, which is not of %s", e, id)
		}
		got = append(got, amount)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the ledger has %v, want %v", got, want)
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
// machine reaches it but the addresses, which are empty in an account.
func (s *stage) environment(name string, change map[string]string) []string {
	s.t.Helper()
	values := map[string]string{
		"MODE": "test", "TABLE_NAME": s.table, "LOG_LEVEL": "debug", "PUBLIC_BASE_URL": "", "TOSS_CLIENT_KEY": tosssim.DefaultClientKey,
		"RETURN_URL_ALLOW": "https://shop.example", "TOSS_SECRET_ID": tossSecretID, "LATE_MONEY": "reverse", "RESTORED_TO": "",
		"PORTONE_USER_CODE": portonesim.DefaultUserCode, "PORTONE_CHANNEL_KEY": portonesim.TestChannelKey, "PORTONE_MID": portonesim.TestMID,
		"PORTONE_BYPASS": "", "PORTONE_ISSUANCE_AMOUNT": "", "PORTONE_CONFIRM_GATE": "", "RENEWAL_NOTICE_DAYS": "0",
		"PORTONE_SECRET_ID": portoneSecretID, "WEBHOOK_TOKEN_SHA256": handler.DigestOf(eventHookToken), "TOSS_SOURCES": "", "PORTONE_SOURCES": "",
		"QUEUE_URL": "https://sqs.ap-northeast-2.amazonaws.com/123456789012/charge", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
		"EVENT_BUS": "tosspay-sam", "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:1", "DELIVERY_QUEUE_URL": deliveryQueue,
		"MERCHANT_WEBHOOK_URL": "https://shop.example/webhooks/payments", "MERCHANT_WEBHOOK_REACH": "public", "MERCHANT_WEBHOOK_SECRET_ID": webhookSecretID,
		"CHARGE_CONCURRENCY": "10", "CHARGE_BATCH_SIZE": "10",
		"DUNNING_SOFT_DAYS": "1,3,5,7", "DUNNING_TRANSIENT_HOURS": "1,3,6,24",
		"TOSS_BASE_URL": s.tossURL, "PORTONE_BASE_URL": s.portoneURL, "TOSS_SCRIPT_URL": "", "PORTONE_SCRIPT_URL": "",
		"AWS_ENDPOINT_URL_DYNAMODB": s.tableURL, "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.secretURL,
	}
	set := map[string]string{
		"_HANDLER": "bootstrap", "TZ": ":UTC", "LANG": "en_US.UTF-8", "LAMBDA_TASK_ROOT": filepath.Dir(s.doors[name].program),
		"AWS_REGION": "ap-northeast-2", "AWS_DEFAULT_REGION": "ap-northeast-2", "AWS_LAMBDA_FUNCTION_NAME": name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "local", "AWS_SESSION_TOKEN": "local",
	}
	for _, variable := range s.doors[name].variables {
		value, known := values[variable]
		if !known {
			s.t.Fatalf("template.yaml gives %s the variable %s; this test does not know what an account would put there", name, variable)
		}
		set[variable] = value
	}
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
	p := &process{t: s.t, name: name, api: runtimeapi.New(runtimeapi.Options{Timeout: s.doors[name].timeout}), exited: make(chan struct{})}
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
	answer := p.answer(payload)
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(answer, &response); err != nil {
		p.t.Fatalf("%s: %v: %s", p.name, err, answer)
	}
	return response
}

// answer gives the function an event and returns what it answers.
func (p *process) answer(payload []byte) []byte {
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
	return answer
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
	confidential = append(confidential, eventLink, eventHookToken, eventKey, eventImpUID, eventEmail, eventPhone, eventName, "<script",
		tosssim.DefaultSecretKey, portonesim.DefaultImpKey, portonesim.DefaultImpSecret, "ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE")
	for _, word := range confidential {
		if strings.Contains(p.stdout.String()+p.stderr.String(), word) {
			p.t.Errorf("%s: the log holds %q:\n%s", p.name, word, p.stdout.String())
		}
	}
	return lines
}
