package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tosspay-sam/client"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

var imports = flag.Int("imports", 300, "how many subscriptions TestImportedAndChargedOnce moves in; the acceptance is 10000")

// start of every world here.
var start = time.Date(2027, 1, 31, 8, 0, 0, 0, korea)

// served is a world behind a real port, with billing keys old-1 to old-n that another system had issued.
func served(t *testing.T, n int) (*world.World, string) {
	t.Helper()
	w := testbed.Open(t, testbed.Quiet, testbed.Clocked(start)).World
	for i := range n {
		if err := w.PortOne.AddKey(portonesim.Key{CustomerUID: fmt.Sprint("old-", i+1), CustomerID: fmt.Sprint("customer-", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return w, server.URL
}

// command runs the command on a file of these lines and returns its report without the head, and what it said.
func command(t *testing.T, url, text string, args ...string) (rows [][]string, said string, err error) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.csv")
	var errs bytes.Buffer
	args = append([]string{"-url", url + "/subscriptions", "-in", "-", "-report", report, "-rate", "0", "-concurrency", "16"}, args...)
	err = run(t.Context(), args, func(string) string { return "" }, strings.NewReader(text), &errs)
	file, readErr := os.ReadFile(report)
	if readErr != nil {
		return nil, errs.String(), err
	}
	rows, readErr = csv.NewReader(bytes.NewReader(file)).ReadAll()
	if readErr != nil || len(rows) == 0 || strings.Join(rows[0], ",") != "line,id,result,reason" {
		t.Fatalf("the report is %q, %v", file, readErr)
	}
	return rows[1:], errs.String(), err
}

func count(rows [][]string) map[string]int {
	counts := map[string]int{}
	for _, row := range rows {
		counts[row[2]]++
	}
	return counts
}

const head = "importBillingKey,customerId,firstChargeAt,amount,name,interval,anchorDay\n"

// TestImportedAndChargedOnce is the acceptance: rehearsed, imported, imported again, and when the clock has passed every date the simulator's ledger
// has one capture for each subscription, on its date and of its amount. It prints the seconds.
func TestImportedAndChargedOnce(t *testing.T) {
	n := *imports
	w, url := served(t, n)
	var file strings.Builder
	file.WriteString("\ufeff" + strings.ReplaceAll(head, "\n", "\r\n"))
	dates, amounts := make([]time.Time, n), make([]int64, n)
	for i := range n {
		day := i%20 + 1
		dates[i], amounts[i] = time.Date(2027, 2, day, i%24, 0, 0, 0, korea), int64(1000+i)
		fmt.Fprintf(&file, "old-%d,customer-%d,%s,%d,Milk,month,%d\r\n", i+1, i+1, dates[i].Format("2006-01-02 15:04"), amounts[i], day)
	}
	began := time.Now()
	rows, said, err := command(t, url, file.String(), "-dry-run")
	if err != nil || count(rows)["valid"] != n {
		t.Fatalf("dry run: %v %v\n%s", count(rows), err, said)
	}
	rehearsed := time.Since(began)
	if rows, _, err := command(t, url, strings.Join(strings.SplitAfter(file.String(), "\n")[:2], ""), "-dry-run"); err != nil || count(rows)["valid"] != 1 {
		t.Fatalf("the dry run stored something: %v %v", rows, err)
	}
	began = time.Now()
	if rows, said, err = command(t, url, file.String()); err != nil || count(rows)["imported"] != n {
		t.Fatalf("%v %v\n%s", count(rows), err, said)
	}
	took := time.Since(began)
	ids := map[string]int{} // to the line
	for i, row := range rows {
		ids[row[1]] = i
		if row[0] != strconv.Itoa(i+2) {
			t.Fatalf("row %d is of line %s", i, row[0])
		}
	}
	began = time.Now()
	if rows, said, err = command(t, url, file.String()); err != nil || count(rows)["already"] != n {
		t.Fatalf("the second run: %v %v\n%s", count(rows), err, said)
	}
	again := time.Since(began)
	began = time.Now()
	if _, err := w.Advance(t.Context(), 21*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	charged := time.Since(began)
	taken := map[int]int{}
	for _, e := range w.Ledger.Entries() {
		id, cycle, _ := strings.Cut(e.OrderID, "--")
		i, known := ids[id]
		if late := e.At.Sub(dates[i]); !known || e.Kind != "capture" || cycle != "c1" || e.Amount != amounts[i] || late < 0 || late > 10*time.Minute {
			t.Errorf("%+v, want %d on %s", e, amounts[i], dates[i])
		}
		taken[i]++
	}
	for i := range n {
		if taken[i] != 1 {
			t.Errorf("subscription %d was charged %d times", i, taken[i])
		}
	}
	if v := w.PortOne.Violations(); v != nil {
		t.Error(v)
	}
	if took > time.Minute && n <= 10_000 {
		t.Errorf("%d imports took %s, want a minute at most", n, took)
	}
	t.Logf("%d subscriptions: dry run %.1f s, import %.1f s, second run %.1f s, charged over 21 days in %.1f s", n, rehearsed.Seconds(), took.Seconds(), again.Seconds(), charged.Seconds())
}

// TestReport: each line gets its own answer, whatever is wrong with the others, and the exit status says that some are not in.
func TestReport(t *testing.T) {
	t.Parallel()
	w, url := served(t, 6)
	text := head +
		"old-1,customer-1,2027-02-25T09:00:00+09:00,9900,Milk,month,25\n" +
		"old-1,customer-1,2027-02-25T09:00:00+09:00,9900,Milk,month,25\n" +
		"old-9,customer-9,2027-02-25,9900,Milk,month,25\n" +
		"old-2,customer-3,2027-02-25,9900,Milk,month,25\n" +
		"old-3,customer-3,2026-02-25,9900,Milk,month,25\n" +
		"old-3,customer-3,soon,9900,Milk,month,25\n" +
		"old-4,customer-4,2027-02-25,\"9,900\",Milk,month,25\n" +
		"old-5,customer-5,2027-02-25,0,Milk,month,25\n" +
		"\"old-6\",customer-6,2027-02-25,9900,\"Milk\nand more\",month,25\n" +
		"old-6,customer-6,2027-02-25,9900\n" +
		",customer-6,2027-02-25,9900,Milk,month,25\n"
	want := []string{
		"2 imported ", "3 refused importBillingKey is that of line 2, too", "4 refused BILLING_KEY_UNKNOWN", "5 refused BILLING_KEY_OTHER_CUSTOMER",
		"6 refused INVALID_FIELD: firstChargeAt", "7 refused importBillingKey is that of line 6", "8 refused amount must be a whole number", "9 refused INVALID_FIELD: plan.amount",
		"10 refused INVALID_FIELD: plan.name", "12 refused the line has 4 fields", "13 refused importBillingKey is missing",
	}
	rows, said, err := command(t, url, text)
	if err == nil || !strings.Contains(err.Error(), "refused: 10, unknown: 0") || !strings.Contains(said, "11 of 11 lines: 1 imported, 10 refused") {
		t.Errorf("%v\n%s", err, said)
	}
	for i, row := range rows {
		if got := row[0] + " " + row[2] + " " + row[3]; i >= len(want) || !strings.HasPrefix(got, want[i]) {
			t.Errorf("row %d is %q, want %q", i, got, want[min(i, len(want)-1)])
		}
	}
	if len(rows) != len(want) {
		t.Errorf("%d rows", len(rows))
	}
	if calls := w.PortOne.Calls()[portonesim.OpCustomer]; calls != 3 {
		t.Errorf("%d lookups, want those of lines 2, 4 and 5", calls)
	}
	changed := strings.Replace(strings.Join(strings.SplitAfter(text, "\n")[:2], ""), "9900", "9000", 1)
	if rows, _, err := command(t, url, changed); err == nil || !strings.HasPrefix(rows[0][3], "BILLING_KEY_IMPORTED") {
		t.Errorf("another amount for a key that is in: %v %v", rows, err)
	}
}

// TestFilesThatAreRefused: nothing of them is sent.
func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	w, url := served(t, 1)
	row := "old-1,customer-1,2027-02-25,9900,Milk,month,25\n"
	for name, c := range map[string]struct{ text, says string }{
		"empty":             {"", "the line of column names"},
		"a misspelt column": {strings.Replace(head, "anchorDay", "anchorday", 1) + row, `"anchorday", which is none of ours`},
		"a column twice":    {strings.Replace(head, "anchorDay", "amount", 1) + row, "column amount comes twice"},
		"a missing column":  {"importBillingKey,customerId\nold-1,customer-1\n", "column firstChargeAt is missing"},
		"not UTF-8":         {head + "old-1,customer-1,2027-02-25,9900,\xbf\xec\xc0\xaf,month,25\n", "not UTF-8"},
		"an open quote":     {head + row + "\"old-2,customer-2\n", "quote"},
	} {
		rows, _, err := command(t, url, c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) || rows != nil {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if calls := w.PortOne.Calls()[portonesim.OpCustomer]; calls != 0 {
		t.Errorf("%d lookups", calls)
	}
}

// TestColumns: every column reaches the request.
func TestColumns(t *testing.T) {
	t.Parallel()
	lines, err := read(strings.NewReader("importBillingKey,customerId,firstChargeAt,amount,name,interval,anchorDay,every,chargeHour,catchUp,language,returnUrl," +
		"taxFreeAmount,vatAmount,customerName,customerEmail,customerPhone,deleteImportedKey,importAgain," +
		"cashReceiptType,cashReceipt,cashReceiptTradeOption,sendFailPush,cardQuota\n" +
		"key, c-1 ,2026-12-25,9900,우유,month,25,2,9,each,ko,https://shop.example/,100,890,홍길동,a@example.com,010-1234-5678,true,true,person,false,CULTURE,true,3\n"))
	if err != nil || len(lines) != 1 || lines[0].wrong != nil {
		t.Fatalf("%+v, %v", lines, err)
	}
	first, hour, vat, receipt := time.Date(2026, 12, 25, 9, 0, 0, 0, korea), 9, int64(890), false
	want := client.NewSubscription{
		ImportBillingKey: "key", CustomerID: "c-1", FirstChargeAt: &first, Language: "ko", ReturnURL: "https://shop.example/", DeleteImportedKey: true, ImportAgain: true,
		Customer: &client.Customer{Name: "홍길동", Email: "a@example.com", Phone: "010-1234-5678"},
		PortOne:  &client.ChargeOptions{CashReceiptType: "person", CashReceipt: &receipt, CashReceiptTradeOption: "CULTURE", SendFailPush: true, CardQuota: 3},
		Plan: client.NewPlan{
			Amount: 9900, Currency: "KRW", Name: "우유", Interval: "month", AnchorDay: 25, Every: 2, ChargeHour: &hour, CatchUp: "each", TaxFreeAmount: 100, VATAmount: &vat,
		},
	}
	if got, want := asJSON(t, lines[0].request), asJSON(t, want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(columns) != 24 {
		t.Errorf("%d columns: add the new one here and to the usage", len(columns))
	}
	for _, c := range columns {
		if !strings.Contains(usage, c.name) {
			t.Errorf("-help does not name column %s", c.name)
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestResumed: a run that PortOne's outage stopped imports the rest when it is run again, and nothing twice.
func TestResumed(t *testing.T) {
	t.Parallel()
	const n = 80
	w, url := served(t, n)
	text := strings.Builder{}
	text.WriteString(head)
	for i := range n {
		fmt.Fprintf(&text, "old-%d,customer-%d,2027-02-25,9900,Milk,month,25\n", i+1, i+1)
	}
	api, err := client.New(client.Options{BaseURL: url, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	limit := newLimiter(0)
	send := func() (map[result]int, error) {
		var file bytes.Buffer
		m := &mover{api: api, limit: limit, workers: 1, out: newReport(&file), errs: io.Discard, began: time.Now()}
		err := m.move(t.Context(), lines)
		rows, _ := csv.NewReader(&file).ReadAll()
		counts := map[result]int{}
		for _, row := range rows[1:] {
			counts[result(row[2])]++
		}
		return counts, err
	}
	m := fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpCustomer, Kind: fault.InternalError, Times: silentMax}
	lines = lines[:30]
	if counts, err := send(); err != nil || counts[imported] != 30 {
		t.Fatal(counts, err)
	}
	if lines, err = read(strings.NewReader(text.String())); err != nil {
		t.Fatal(err)
	}
	if err := w.Faults.Set(m); err != nil {
		t.Fatal(err)
	}
	counts, err := send()
	if !errors.Is(err, errSilent) || counts[already] != 30 || counts[unknown] != silentMax || counts[notSent] != n-30-silentMax {
		t.Fatalf("in an outage: %v %v", counts, err)
	}
	if counts, err = send(); err != nil || counts[already] != 30 || counts[imported] != n-30 {
		t.Fatalf("afterwards: %v %v", counts, err)
	}
	limit = newLimiter(20)
	began := time.Now()
	if counts, err = send(); err != nil || counts[already] != n || time.Since(began) > 2*time.Second {
		t.Errorf("%d lines that cost PortOne nothing took %s at 20 lookups a second: %v %v", n, time.Since(began), counts, err)
	}
}

// TestRateIsOfLookups: lines that are in already, which cost PortOne nothing, do not use the rate up.
func TestRateIsOfLookups(t *testing.T) {
	t.Parallel()
	l := newLimiter(20)
	began := time.Now()
	for range 100 {
		if err := l.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.back()
	}
	free := time.Since(began)
	began = time.Now()
	for range 5 {
		if err := l.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 190*time.Millisecond || free > took {
		t.Errorf("100 without a lookup took %s, 5 lookups at 20 a second %s", free, took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l.wait(ctx) == nil {
		t.Error("an interrupted wait goes on")
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"":                                  "-url, -in and -report are needed",
		"-url http://127.0.0.1 -in a":       "-url, -in and -report are needed",
		"-url https://x -in a -report a":    "-report would replace -in",
		"-url https://x.example -rate 0":    "-url, -in and -report",
		"-url https://x -in a -report b -x": "not defined",
		"-url https://x.example -in a -report b -rate 0":           "-rate 0 is for the local run",
		"-url https://x.example -in a -report b -rate 2000":        "-rate must be",
		"-url https://x.example -in a -report b -concurrency 1000": "-concurrency must be",
		"-url https://x.example -in a -report b more":              "unexpected argument",
		"-url https://x.example -in a -report b":                   "AWS_REGION, AWS_ACCESS_KEY_ID",
		"-url http://x.example -in a -report b":                    "AWS_REGION, AWS_ACCESS_KEY_ID",
	} {
		err := run(t.Context(), strings.Fields(args), func(string) string { return "" }, http.NoBody, io.Discard)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", args, err, says)
		}
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"-help"}, os.Getenv, http.NoBody, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-dry-run") {
		t.Errorf("%v: %s", err, help.String())
	}
}
