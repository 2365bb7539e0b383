package payment

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tosspay-sam/shared/order"
)

// Limits of the buyer's details, as Toss Payments has them (docs.tosspayments.com, JS SDK v2: customerName,
// customerEmail, and the digits of customerMobilePhone).
const (
	customerNameMax = 100
	emailMax        = 100
	phoneMin        = 8
	phoneMax        = 15
)

// Note tells a merchant what of a request was not used as it came. Field is its name in JSON.
type Note struct{ Field, Problem string }

// usable returns the buyer's details as a window can take them, and a note for each that it cannot. They only fill a
// form in, and a buyer may have typed them: none of them costs the sale. The merchant's id of the buyer is not one.
func usable(c order.Customer) (order.Customer, []Note) {
	var notes []Note
	leaveOut := func(field string, text *string, problem string) {
		notes = append(notes, Note{field, problem + ", and was left out"})
		*text = ""
	}
	name, tricky := withoutTricks(c.Name)
	if c.Name = strings.TrimSpace(name); tricky {
		notes = append(notes, Note{"customer.name", "has control characters, which were removed"})
	}
	if c.Name != "" && isBlank(c.Name) {
		leaveOut("customer.name", &c.Name, "shows nothing")
	}
	if utf8.RuneCountInString(c.Name) > customerNameMax {
		leaveOut("customer.name", &c.Name, fmt.Sprintf("has more than %d characters", customerNameMax))
	}
	if c.Email = strings.TrimSpace(c.Email); c.Email != "" && !isEmail(c.Email) {
		leaveOut("customer.email", &c.Email, fmt.Sprintf("is no e-mail address of at most %d characters", emailMax))
	}
	if digits := phoneDigits(c.Phone); c.Phone != "" && !isPhone(digits) {
		leaveOut("customer.phone", &c.Phone, fmt.Sprintf("does not have %d to %d digits", phoneMin, phoneMax))
	} else {
		c.Phone = digits
	}
	return c, notes
}

// isEmail takes what people really have, such as a..b.@docomo.ne.jp: something on both sides of an @, and nothing that
// a mail program could take for more than one address.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	_, tricky := withoutTricks(s)
	if at <= 0 || at == len(s)-1 || utf8.RuneCountInString(s) > emailMax {
		return false
	}
	return !tricky && !strings.ContainsAny(s, " ,;<>\"\\")
}

// phoneDigits drops what people write between digits and before a country's code. Full-width digits become plain ones.
func phoneDigits(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case strings.ContainsRune("-+.()/ \u3000\u2010\u2011\u2012\u2013\uff0b\uff0d\uff08\uff09", r):
			return -1
		}
		return r
	}, s)
}

func isPhone(s string) bool {
	return len(s) >= phoneMin && len(s) <= phoneMax && strings.Trim(s, "0123456789") == ""
}

// checkText counts characters, not bytes, and refuses what a page or a log could be tricked with.
func checkText(field, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	if n < least || n > most {
		return &FieldError{field, fmt.Sprintf("must be %d to %d characters", least, most)}
	}
	if least > 0 && isBlank(s) {
		return &FieldError{field, "must not be blank, and must be UTF-8"}
	}
	if _, tricky := withoutTricks(s); tricky || !utf8.ValidString(s) {
		return &FieldError{field, "must not contain control characters"}
	}
	return nil
}

// directions change the direction of the text after them.
var directions = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x202A, Hi: 0x202E, Stride: 1}, {Lo: 0x2066, Hi: 0x2069, Stride: 1},
}}

// withoutTricks removes what begins a line or turns the direction of the text after it. Joiners and marks that people's
// names and emoji are made of (Unicode's other format characters, Cf) stay.
func withoutTricks(s string) (clean string, tricky bool) {
	clean = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, directions) {
			tricky = true
			return -1
		}
		return r
	}, s)
	return clean, tricky
}

// blanks are Hangul's and Braille's own, and U+FFFD, which stands for what could not be read: a body that is not UTF-8.
const blanks = "\u115f\u1160\u3164\u2800\ufffd"

// isBlank says that a text shows nothing.
func isBlank(s string) bool {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Cf) || strings.ContainsRune(blanks, r)
	}) == ""
}
