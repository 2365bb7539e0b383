package payment_test

import (
	"strings"
	"testing"

	"tosspay-sam/shared/payment"
)

func TestReturnURLs(t *testing.T) {
	t.Parallel()
	allowed, err := payment.ParseReturnURLs(" https://shop.example , https://other.example/pay/,https://port.example:8443,")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"https://shop.example", "https://shop.example/", "https://shop.example/a/b?c=d", "https://SHOP.example/x", "https://shop.example?x=1",
		"https://other.example/pay", "https://other.example/pay/", "https://other.example/pay/thanks", "https://port.example:8443/x",
		"https://shop.example/한글", "https://shop.example/a..b",
	} {
		if err := allowed.Check(address); err != nil {
			t.Errorf("Check(%q) = %v, want it allowed", address, err)
		}
	}
	for _, address := range []string{
		"", "/", "shop.example", "//shop.example/", "http://shop.example/", "ftp://shop.example/", "javascript:alert(1)//https://shop.example",
		"data:text/html,https://shop.example", "https:", "https://", "https:///x", "https:shop.example", "https://:443/",
		// Somebody else's host that looks like ours.
		"https://shop.example.evil.com/", "https://evil.com/https://shop.example", "https://evil-shop.example/", "https://shop.example@evil.com/",
		"https://shop.example:secret@evil.com/", "https://user@shop.example/", "https://@shop.example/", "https://evil.com#@shop.example/",
		"https://shop.example%2eevil.com/", "https://shop.example%00.evil.com/", "https://shop.example.", "https://sub.shop.example/",
		"https://shоp.example/", // the o is Cyrillic
		// What a browser reads otherwise than we do.
		`https://evil.com\@shop.example/`, `https:\\shop.example/`, `https://shop.example\@evil.com/`, "https://shop.example/\\evil",
		"https://shop.example /", " https://shop.example/", "https://shop.example/\n", "https://shop.example/a\tb", "https://shop.ex\nample/",
		// Another port is another server.
		"https://shop.example:8443/", "https://shop.example:443/", "https://port.example/", "https://port.example:8444/", "https://shop.example:/",
		// Out of the path.
		"https://other.example/", "https://other.example/payment", "https://other.example/pay/../admin", "https://other.example/pay/%2e%2e/admin",
		"https://other.example/pay/..%2fadmin", "https://other.example/pay/./../admin", "https://other.example/PAY/", "https://other.example/x/pay/",
		"https://shop.example/#thanks",
		"https://shop.example/" + strings.Repeat("a", 500),
	} {
		if err := allowed.Check(address); err == nil {
			t.Errorf("Check(%q) allows it", address)
		} else if address != "" && len(address) > 20 && strings.Contains(err.Error(), address) {
			t.Errorf("Check(%q) quotes it: %v", address, err)
		}
	}
}

func TestNoReturnURLs(t *testing.T) {
	t.Parallel()
	empty, err := payment.ParseReturnURLs("")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []payment.ReturnURLs{{}, empty} {
		if list.Check("https://shop.example/") == nil {
			t.Error("an empty list allows an address")
		}
	}
}

func TestParseReturnURLsRefuses(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		"http://shop.example", "shop.example", "*", "https://shop.example?x=1", "https://shop.example/#x", "https://u@shop.example",
		"https://shop.example,nonsense", "https://shop.example https://other.example",
	} {
		if _, err := payment.ParseReturnURLs(list); err == nil {
			t.Errorf("ParseReturnURLs(%q) takes it", list)
		}
	}
}
