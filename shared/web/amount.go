package web

import (
	"strconv"
	"strings"
)

// amountText writes an amount the way a reader of the language expects: "1,234원" in Korean,
// "₩1,234 KRW" elsewhere, where a bare ₩ is unfamiliar and ￥ would be ambiguous. The value is in the
// currency's smallest unit. Currencies other than KRW are not sold yet; they are shown as plain
// numbers with their code, never with a won sign.
func amountText(value int64, currency string, language Language) string {
	number := groupThousands(value)
	if currency != "KRW" {
		return strings.TrimSpace(number + " " + currency)
	}
	switch language {
	case English, Japanese, Chinese:
		return "₩" + number + " KRW"
	default:
		return number + "원"
	}
}

// groupThousands writes 1234567 as "1,234,567"; all four languages group by three with commas.
func groupThousands(value int64) string {
	digits := strconv.FormatInt(value, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}
