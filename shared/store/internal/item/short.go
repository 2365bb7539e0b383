package item

import (
	"strings"

	"tosspay-sam/shared/order"
)

// What most payments have is stored in fewer bytes, so that a paid order stays one write unit of 1,024: the usual words of an order.PaidWith's text,
// and a card company that its code names. What begins with = is ours: no such text does.
var shortWords = map[string]string{"카드": "=c", "간편결제": "=e", "토스페이": "=t", "네이버페이": "=n", "카카오페이": "=k"}

var longWords = func() map[string]string {
	long := map[string]string{}
	for word, short := range shortWords {
		long[short] = word
	}
	return long
}()

// The fields of an order.PaidWith's text that are shortened.
const (
	fieldMethod, fieldIssuer, fieldCompany, fieldWallet = 0, 1, 2, 5

	companyByCode = "="
)

func shortMethod(text string) string {
	fields := strings.Split(text, "|")
	swap(fields, shortWords)
	if len(fields) > fieldCompany && fields[fieldCompany] != "" && fields[fieldCompany] == order.CompanyOf(fields[fieldIssuer]) {
		fields[fieldCompany] = companyByCode
	}
	return strings.Join(fields, "|")
}

// longMethod undoes shortMethod.
func longMethod(stored string) string {
	fields := strings.Split(stored, "|")
	swap(fields, longWords)
	if len(fields) > fieldCompany && fields[fieldCompany] == companyByCode {
		fields[fieldCompany] = order.CompanyOf(fields[fieldIssuer])
	}
	return strings.Join(fields, "|")
}

func swap(fields []string, words map[string]string) {
	for _, i := range []int{fieldMethod, fieldWallet} {
		if i < len(fields) && words[fields[i]] != "" {
			fields[i] = words[fields[i]]
		}
	}
}

// shortReceipt leaves the scheme out: the adapters take https only.
func shortReceipt(address string) string {
	if rest, https := strings.CutPrefix(address, "https://"); https {
		return "//" + rest
	}
	return address
}

// longReceipt undoes shortReceipt.
func longReceipt(stored string) string {
	if strings.HasPrefix(stored, "//") {
		return "https:" + stored
	}
	return stored
}
