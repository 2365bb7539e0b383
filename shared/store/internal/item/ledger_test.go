package item

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

// filled sets every field of a struct to something that is not its zero value.
func filled(r *rand.Rand, v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprint("text-", r.IntN(1000)))
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(1 + r.Int64N(1000))
		case reflect.Uint8:
			f.SetUint(1 + r.Uint64N(3))
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"r1", "r2"}))
		case reflect.Struct:
			f.Set(reflect.ValueOf(time.UnixMilli(1 + r.Int64N(1<<40)).UTC()))
		}
	}
}

func stored(t *testing.T, o ledger.Order) ledger.Order {
	t.Helper()
	all, err := attributevalue.MarshalMap(FromLedger(o))
	if err != nil {
		t.Fatal(err)
	}
	var it Ledger
	if err := attributevalue.UnmarshalMap(all, &it); err != nil {
		t.Fatal(err)
	}
	back, err := it.Ledger(o.Terms, o.Revision)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestLedgerIsStoredWhole: every field of every part comes back, set or not; a field that is added and forgotten here fails.
func TestLedgerIsStoredWhole(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 300 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		o := ledger.Order{
			Terms: ledger.Terms{ID: "order-1", Account: ledger.Account{Merchant: "mid", KeyDigest: "digest"}, Currency: "KRW"},
			End:   ledger.EndReview, Why: "why", LearnedAt: time.UnixMilli(5).UTC(), Revision: 7,
		}
		var resolution ledger.Resolution
		filled(r, reflect.ValueOf(&resolution).Elem())
		o.Resolutions = []ledger.Resolution{resolution, {Key: "k"}}
		var a ledger.Attempt
		var q ledger.Request
		var p ledger.Payment
		filled(r, reflect.ValueOf(&a).Elem())
		filled(r, reflect.ValueOf(&q).Elem())
		filled(r, reflect.ValueOf(&p).Elem())
		for kind := ledger.Return; kind <= ledger.Cancel; kind++ {
			q.Kind = kind
			o.Requests = append(o.Requests, q, ledger.Request{Kind: kind, Attempt: 1, At: q.At, Since: q.At})
		}
		for state := ledger.Begun; state <= ledger.Captured; state++ {
			p.State = state
			usual := ledger.Payment{Key: "k", Attempt: 1, State: state, Currency: "KRW", Merchant: "mid"}
			o.Payments = append(o.Payments, p, usual)
		}
		o.Attempts = []ledger.Attempt{a, {}}
		if back := stored(t, o); !reflect.DeepEqual(back, o) {
			t.Fatalf("seed %d round %d:\n%+v\n%+v", seed, round, back, o)
		}
	}
}

// TestUnknownWordsAreRefused: a record half understood must not be written back.
func TestUnknownWordsAreRefused(t *testing.T) {
	t.Parallel()
	for _, it := range []Ledger{
		{Requests: []ledgerRequest{{Kind: "wish"}}}, {Requests: []ledgerRequest{{Kind: "confirm", Outcome: "maybe"}}},
		{Payments: []ledgerPayment{{State: "lost"}}}, {Payments: []ledgerPayment{{State: "captured", Role: "mine"}}},
	} {
		if _, err := it.Ledger(ledger.Terms{}, 1); err == nil {
			t.Errorf("%+v was read", it)
		}
	}
}

// size is what DynamoDB counts of an attribute's value (docs.aws.amazon.com, Item sizes and formats).
func size(v types.AttributeValue) (n int) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(strings.Trim(v.Value, "-0"))+1)/2 + 1
	case *types.AttributeValueMemberBOOL, *types.AttributeValueMemberNULL:
		return 1
	case *types.AttributeValueMemberL:
		n = 3
		for _, e := range v.Value {
			n += 1 + size(e)
		}
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + sizeOf(v.Value)
	}
	return n
}

func sizeOf(all map[string]types.AttributeValue) (n int) {
	for name, v := range all {
		n += len(name) + size(v)
	}
	return n
}

// sold is the item of an order with a customer and a return address that a foreign card has paid, its history and events apart: the attributes
// an order's item has beside its ledger, and the ledger.
func sold(t *testing.T, o ledger.Order) int {
	t.Helper()
	base := Order{
		V: 1, ID: o.ID, Provider: "toss", Mode: "live", Amount: o.Amount, Currency: "KRW", Name: "T-shirt, black, size L", Language: "en",
		Customer:  &customer{ID: "customer-0001", Name: "Minjun Kim", Email: "minjun.kim@example.com", Phone: "01012345678"},
		ReturnURL: "https://shop.example/orders/20261128-000001", Request: strings.Repeat("d", 43), LinkToken: strings.Repeat("t", 26),
		CreatedAt: Millis(o.CreatedAt), ExpiresAt: Millis(o.ExpiresAt), Status: "paid", List: "2026-11-28#5", Buyer: "order#customer-0001", Revision: 3,
	}
	all, err := attributevalue.MarshalMap(base)
	if err != nil {
		t.Fatal(err)
	}
	all["PK"], all["SK"] = &types.AttributeValueMemberS{Value: "order#" + o.ID}, &types.AttributeValueMemberS{Value: "order"}
	all["write_token"] = &types.AttributeValueMemberS{Value: strings.Repeat("w", 26)}
	part, err := attributevalue.MarshalMap(FromLedger(o))
	if err != nil {
		t.Fatal(err)
	}
	return sizeOf(all) + sizeOf(part)
}

// TestLedgerItemSize: an order paid in one attempt, with customer and return address, is one write unit with room for
// three entries of history of 50 bytes;
// each refused attempt adds at most 200 bytes.
func TestLedgerItemSize(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795000000123).UTC()
	account := ledger.Account{Provider: "toss", Merchant: "tvivarepublica4", KeyDigest: strings.Repeat("k", 16), Live: true}
	timing := ledger.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute}
	o := ledger.New(ledger.Terms{
		ID: "20261128-000001", Account: account, Amount: 163020, Currency: "KRW", CreatedAt: at, ExpiresAt: at.Add(time.Hour), Timing: timing,
	})
	confirm := func(captured bool, method string) {
		r := ledger.Request{Kind: ledger.Confirm, Attempt: o.Current(), Key: strings.Repeat("K", 50) + fmt.Sprint(o.Current()), Amount: o.Amount, At: at}
		var err error
		if o, err = o.Intend(r); err != nil {
			t.Fatal(err)
		}
		r = o.Requests[len(o.Requests)-1]
		p := ledger.Payment{
			Key: r.Key, Attempt: r.Attempt, State: ledger.Declined, Amount: o.Amount, Currency: "KRW", Merchant: account.Merchant, Method: "카드",
			WholeOnly: true,
		}
		a := ledger.Answer{Account: account, Began: at, At: at.Add(time.Second), Readable: true, To: &r, Reply: ledger.Refused, Code: "REJECT_CARD_PAYMENT"}
		if captured {
			p.State, p.Balance, p.ApprovedAt, p.TransactionKey = ledger.Captured, o.Amount, at, strings.Repeat("T", 32)
			p.Method = method
			p.ReceiptURL = "https://dashboard.tosspayments.com/receipt/redirection?transactionId=tviva20231201000506vM4Q2&ref=PX"
			a.Reply, a.Code = ledger.Accepted, ""
			a.Payments = []ledger.Payment{p}
		}
		o = o.Learn(a)
		if !captured {
			o = o.Learn(ledger.Answer{Account: account, Key: r.Key, Began: at.Add(time.Second), At: at.Add(2 * time.Second), Readable: true, Payments: []ledger.Payment{p}})
		}
		o = o.Decide()
	}
	once := o
	for _, method := range []string{
		"카드", "카드|4M|Mastercard|52000000****109*", "간편결제|15|카카오뱅크|12345678****000*||토스페이", "카드|71|롯데|12345678****000*|12", "간편결제|||||토스페이|163020",
	} {
		o = once
		confirm(true, method)
		if n := sold(t, o); o.Status() != ledger.Paid || n > 1024-3*50 {
			t.Errorf("%s: %s: %d bytes, want at most %d", method, o.Status(), n, 1024-3*50)
		} else {
			t.Log(n, "bytes, paid with", method)
		}
	}
	o = once
	before := sold(t, o)
	for range 3 {
		confirm(false, "")
		now := sold(t, o)
		if o.Status() != ledger.Open || now-before > 200 {
			t.Errorf("%s at %d: a refused attempt adds %d bytes", o.Status(), o.Current(), now-before)
		} else {
			t.Log("a refused attempt adds", now-before)
		}
		before = now
	}
}

// itemSize is the size of an order's item as a store writes it, keys and write token included.
func itemSize(t *testing.T, o order.Order) int {
	t.Helper()
	all, err := attributevalue.MarshalMap(FromOrder(o))
	if err != nil {
		t.Fatal(err)
	}
	all["PK"], all["SK"] = &types.AttributeValueMemberS{Value: "order#" + o.ID}, &types.AttributeValueMemberS{Value: "order"}
	all["write_token"] = &types.AttributeValueMemberS{Value: strings.Repeat("w", 26)}
	return sizeOf(all)
}

// answered is the order after the provider's answer to its only open request: the money is taken.
func answered(t *testing.T, o order.Order, p ledger.Payment, began time.Time) order.Order {
	t.Helper()
	l := o.Ledger
	r := l.Requests[len(l.Requests)-1]
	p.Attempt, p.State, p.Amount, p.Balance, p.Currency = r.Attempt, ledger.Captured, l.Amount, l.Amount, l.Currency
	p.ApprovedAt = began
	l = l.Learn(ledger.Answer{
		Account: l.Account, Began: began, At: began.Add(time.Second), Readable: true, To: &r, Reply: ledger.Accepted, Payments: []ledger.Payment{p},
	}).Decide()
	l.Revision++
	return o.With(l, began.Add(time.Second))
}

// TestItemSizes: a whole order record, its history with it, is one write unit when it is paid in its first attempt, and so is a paid cycle's.
func TestItemSizes(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795000000123).UTC()
	customer := order.Customer{ID: "customer-0001", Name: "Minjun Kim", Email: "minjun.kim@example.com", Phone: "01012345678"}
	base := order.Order{
		ID: "20261128-000001", Provider: "toss", Mode: "live", Account: strings.Repeat("k", 16),
		Amount: money.Amount{Value: 163020, Currency: money.KRW}, Name: "T-shirt, black, size L", Language: "en", Customer: customer,
		ReturnURL: "https://shop.example/orders/20261128-000001", Request: strings.Repeat("d", 43), LinkToken: strings.Repeat("t", 26),
		CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	o := order.New(base)
	timing := ledger.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute}
	o.Ledger.Timing = timing
	claimed, err := o.Claim(order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: 1, Amount: o.Amount, Key: strings.Repeat("K", 51),
		At: at.Add(time.Minute), AskAfter: at.Add(75 * time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	paid := answered(t, claimed, ledger.Payment{
		Key: strings.Repeat("K", 51), Merchant: "tvivarepublica4", Method: "카드", WholeOnly: true, TransactionKey: strings.Repeat("T", 32),
		ReceiptURL: "https://dashboard.tosspayments.com/receipt/redirection?transactionId=tviva20231201000506vM4Q2&ref=PX",
	}, at.Add(time.Minute))

	base.ID, base.Provider, base.BillingKey, base.ReturnURL = "membership-000001--c12", "portone", "membership-000001--key1", ""
	base.LinkToken, base.Request = "", ""
	charged := order.NewCycle(base, ledger.Timing{}, at.Add(time.Minute))
	cycle := answered(t, charged, ledger.Payment{
		Key: "imp_123456789012", BillingKey: base.BillingKey, Method: "point", TransactionKey: strings.Repeat("T", 36),
		ReceiptURL: "https://pay.toss.im/payfront/web/external/sales-check?payToken=" + strings.Repeat("p", 24) + "&transactionId=" + strings.Repeat("i", 36),
	}, at).RecordedBy()
	for _, test := range []struct {
		name string
		o    order.Order
		want order.Status
		max  int
	}{
		{"a new order", o, order.Open, 1024}, {"a claimed one", claimed, order.Processing, 1024}, {"a paid one", paid, order.Paid, 1024},
		{"a cycle's, charged", charged, order.Processing, 1024}, {"a cycle's, paid", cycle, order.Paid, 1024},
	} {
		n := itemSize(t, test.o)
		t.Logf("%s: %d bytes", test.name, n)
		if test.o.Status != test.want || n > test.max {
			t.Errorf("%s is %s with %d bytes, want %s with at most %d", test.name, test.o.Status, n, test.want, test.max)
		}
	}
}

// TestDeclinedSize: a window that was declined, and a number that was refused, with their steps of the history: an order that a buyer tries twenty times
// stays small.
func TestDeclinedSize(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1795000000123).UTC()
	timing := ledger.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute}
	o := order.New(order.Order{
		ID: "20261128-000001", Provider: "toss", Mode: "live", Account: strings.Repeat("k", 16), Amount: money.Amount{Value: 163020, Currency: money.KRW},
		LinkToken: strings.Repeat("t", 26), CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	})
	o.Ledger.Timing = timing
	learn := func(o order.Order, answers ...ledger.Answer) order.Order {
		l := o.Ledger
		for _, a := range answers {
			a.Account, a.Readable = l.Account, true
			l = l.Learn(a)
		}
		l = l.Decide()
		l.Revision++
		return o.With(l, answers[len(answers)-1].At)
	}
	decline := func(key string) ledger.Payment {
		return ledger.Payment{
			Key: key, Attempt: 1, State: ledger.Declined, Amount: 163020, Currency: "KRW", Method: "카드", WholeOnly: true, Code: "REJECT_CARD_PAYMENT",
		}
	}
	window := o
	for n := range 3 { // the first adds when something was learned, too
		before := itemSize(t, window)
		key, began := strings.Repeat("W", 50)+fmt.Sprint(n), at.Add(time.Duration(n)*time.Minute)
		window = learn(window, ledger.Answer{Key: key, Began: began, At: began.Add(time.Second), Payments: []ledger.Payment{decline(key)}})
		added, last := itemSize(t, window)-before, window.History[len(window.History)-1].Event
		if t.Log("a declined window adds", added); last != order.Declined || added > 230 {
			t.Errorf("a declined window ends with %s and adds %d bytes, want at most 230", last, added)
		}
	}
	key := strings.Repeat("K", 51)
	claimed, err := o.Claim(order.Claim{OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: 1, Amount: o.Amount, Key: key, At: at, AskAfter: at})
	if err != nil {
		t.Fatal(err)
	}
	r := claimed.Ledger.Requests[0]
	refused := learn(claimed, ledger.Answer{Began: at, At: at.Add(time.Second), To: &r, Reply: ledger.Refused, Code: "REJECT_CARD_PAYMENT"},
		ledger.Answer{Key: key, Began: at.Add(time.Second), At: at.Add(2 * time.Second), Payments: []ledger.Payment{decline(key)}})
	var told []string
	for _, s := range refused.History {
		told = append(told, s.Event)
	}
	if want := []string{order.Created, order.Claimed, order.Refused}; !slices.Equal(told, want) || refused.Attempt != 2 {
		t.Errorf("a refused number is told as %q, attempt %d; want %q", told, refused.Attempt, want)
	}

}
