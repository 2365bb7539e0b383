package item

import (
	"testing"

	"tosspay-sam/shared/order"
)

func TestShort(t *testing.T) {
	t.Parallel()
	for long, short := range map[string]string{
		"":   "",
		"카드": "=c", "tosspay": "tosspay",
		"카드|4V|Visa|40000000****109*":              "=c|4V|=|40000000****109*",
		"간편결제|71|롯데|12345678****000*|3|토스페이||1000": "=e|71|=|12345678****000*|3|=t||1000",
		"카드|4V|Vista|40000000****109*":             "=c|4V|Vista|40000000****109*",
		"tosspay|366|신한카드|559410*********4":        "tosspay|366|신한카드|559410*********4",
		"간편결제|||||페이코|15000":                       "=e|||||페이코|15000",
		"카드|ZZ||12345678****000*":                  "=c|ZZ||12345678****000*",
	} {
		if got := shortMethod(long); got != short {
			t.Errorf("%q is stored as %q, want %q", long, got, short)
		}
		if got := longMethod(short); got != long {
			t.Errorf("%q is read as %q, want %q", short, got, long)
		}
	}
	for _, address := range []string{"", "https://dashboard.tosspayments.com/receipt?a=//b", "no address"} {
		if got := longReceipt(shortReceipt(address)); got != address {
			t.Errorf("%q comes back as %q", address, got)
		}
	}
}

// FuzzShort: whatever a provider says, what is read back is what was written.
func FuzzShort(f *testing.F) {
	f.Add("=c", "71", "=", "=t")
	f.Add("카드", "4V", "Visa", "")
	f.Fuzz(func(t *testing.T, method, issuer, company, wallet string) {
		text := order.PaidWith{Method: method, Card: order.Card{Issuer: issuer, Company: company}, EasyPay: order.EasyPay{Provider: wallet}}.Text()
		if got := longMethod(shortMethod(text)); got != text {
			t.Fatalf("%q comes back as %q", text, got)
		}
	})
}
