package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tosspay-sam/client"
)

// Limits of one file.
const (
	fileMax = 256 << 20 // bytes
	lineMax = 1_000_000
)

// line is one line of the file: a request, or what is wrong with it.
type line struct {
	number  int // in the file, where it begins
	request client.NewSubscription
	wrong   error
}

// korea has no summer time.
var korea = time.FixedZone("Asia/Seoul", 9*60*60)

// columns are all that a file may have, and how each is read. needed ones may not be empty.
var columns = []struct {
	name   string
	needed bool
	read   func(s *client.NewSubscription, text string) error
}{
	{"importBillingKey", true, func(s *client.NewSubscription, text string) error { s.ImportBillingKey = text; return nil }},
	{"customerId", true, func(s *client.NewSubscription, text string) error { s.CustomerID = text; return nil }},
	{"firstChargeAt", true, func(s *client.NewSubscription, text string) error { return moment(&s.FirstChargeAt, text) }},
	{"amount", true, func(s *client.NewSubscription, text string) error { return whole(&s.Plan.Amount, text) }},
	{"name", true, func(s *client.NewSubscription, text string) error { s.Plan.Name = text; return nil }},
	{"interval", true, func(s *client.NewSubscription, text string) error { s.Plan.Interval = text; return nil }},
	{"anchorDay", false, func(s *client.NewSubscription, text string) error { return small(&s.Plan.AnchorDay, text) }},
	{"every", false, func(s *client.NewSubscription, text string) error { return small(&s.Plan.Every, text) }},
	{"chargeHour", false, func(s *client.NewSubscription, text string) error {
		s.Plan.ChargeHour = new(int)
		return small(s.Plan.ChargeHour, text)
	}},
	{"catchUp", false, func(s *client.NewSubscription, text string) error { s.Plan.CatchUp = text; return nil }},
	{"language", false, func(s *client.NewSubscription, text string) error { s.Language = text; return nil }},
	{"returnUrl", false, func(s *client.NewSubscription, text string) error { s.ReturnURL = text; return nil }},
	{"taxFreeAmount", false, func(s *client.NewSubscription, text string) error { return whole(&s.Plan.TaxFreeAmount, text) }},
	{"vatAmount", false, func(s *client.NewSubscription, text string) error {
		s.Plan.VATAmount = new(int64)
		return whole(s.Plan.VATAmount, text)
	}},
	{"customerName", false, func(s *client.NewSubscription, text string) error { customer(s).Name = text; return nil }},
	{"customerEmail", false, func(s *client.NewSubscription, text string) error { customer(s).Email = text; return nil }},
	{"customerPhone", false, func(s *client.NewSubscription, text string) error { customer(s).Phone = text; return nil }},
	{"cashReceiptType", false, func(s *client.NewSubscription, text string) error { charging(s).CashReceiptType = text; return nil }},
	{"cashReceipt", false, func(s *client.NewSubscription, text string) error {
		charging(s).CashReceipt = new(bool)
		return truth(s.PortOne.CashReceipt, text)
	}},
	{"cashReceiptTradeOption", false, func(s *client.NewSubscription, text string) error {
		charging(s).CashReceiptTradeOption = text
		return nil
	}},
	{"sendFailPush", false, func(s *client.NewSubscription, text string) error { return truth(&charging(s).SendFailPush, text) }},
	{"cardQuota", false, func(s *client.NewSubscription, text string) error { return small(&charging(s).CardQuota, text) }},
	{"deleteImportedKey", false, func(s *client.NewSubscription, text string) error { return truth(&s.DeleteImportedKey, text) }},
	{"importAgain", false, func(s *client.NewSubscription, text string) error { return truth(&s.ImportAgain, text) }},
}

func customer(s *client.NewSubscription) *client.Customer {
	if s.Customer == nil {
		s.Customer = &client.Customer{}
	}
	return s.Customer
}

func charging(s *client.NewSubscription) *client.ChargeOptions {
	if s.PortOne == nil {
		s.PortOne = &client.ChargeOptions{}
	}
	return s.PortOne
}

func whole(into *int64, text string) (err error) {
	if *into, err = strconv.ParseInt(text, 10, 64); err != nil {
		return errors.New("must be a whole number, without commas")
	}
	return nil
}

func truth(into *bool, text string) error {
	if text != "true" && text != "false" {
		return errors.New("must be true or false")
	}
	*into = text == "true"
	return nil
}

func small(into *int, text string) (err error) {
	if *into, err = strconv.Atoi(text); err != nil {
		return errors.New("must be a whole number")
	}
	return nil
}

func moment(into **time.Time, text string) error {
	at, err := time.Parse(time.RFC3339, text)
	for _, form := range []string{"2006-01-02 15:04", time.DateOnly} {
		if err != nil {
			at, err = time.ParseInLocation(form, text, korea)
		}
	}
	if err != nil {
		return errors.New("must be 2026-12-25T09:00:00+09:00, or 2026-12-25 09:00 or 2026-12-25 in Korea")
	}
	*into = &at
	return nil
}

// read reads the whole file before anything of it is sent: one that cannot be read to its end is refused.
func read(from io.Reader) ([]line, error) {
	text, err := io.ReadAll(io.LimitReader(from, fileMax+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > fileMax:
		return nil, fmt.Errorf("the file has more than %d bytes: split it", fileMax)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(text) {
		return nil, errors.New(`the file is not UTF-8; Excel writes it as "CSV UTF-8"`)
	}
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord = -1
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("the line of column names: %w", err)
	}
	which, err := header(head)
	if err != nil {
		return nil, err
	}
	var lines []line
	first := map[string]int{}
	for {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		if len(lines) == lineMax {
			return nil, fmt.Errorf("the file has more than %d lines: split it", lineMax)
		}
		at, _ := rows.FieldPos(0)
		l := lineOf(at, which, fields)
		key := l.request.ImportBillingKey
		if before, twice := first[key]; key != "" && twice {
			l.wrong = fmt.Errorf("importBillingKey is that of line %d, too", before)
		} else {
			first[key] = at
		}
		lines = append(lines, l)
	}
}

// header says which column each field is of. A column that we do not know is refused: a misspelt one would be left out silently.
func header(head []string) (which []int, err error) {
	for i, name := range head {
		column := slices.IndexFunc(columns, func(c struct {
			name   string
			needed bool
			read   func(*client.NewSubscription, string) error
		}) bool {
			return c.name == strings.TrimSpace(name)
		})
		switch {
		case column < 0:
			return nil, fmt.Errorf("column %d is called %q, which is none of ours; -help lists them", i+1, name)
		case slices.Contains(which, column):
			return nil, fmt.Errorf("column %s comes twice", columns[column].name)
		}
		which = append(which, column)
	}
	for i, c := range columns {
		if c.needed && !slices.Contains(which, i) {
			return nil, fmt.Errorf("column %s is missing", c.name)
		}
	}
	return which, nil
}

func lineOf(number int, which []int, fields []string) line {
	l := line{number: number}
	l.request.Plan.Currency = "KRW"
	if len(fields) != len(which) {
		l.wrong = fmt.Errorf("the line has %d fields, the first line %d", len(fields), len(which))
		return l
	}
	for i, text := range fields {
		c := columns[which[i]]
		text = strings.TrimSpace(text)
		var err error
		switch {
		case text == "" && c.needed:
			err = errors.New("is missing")
		case text != "":
			err = c.read(&l.request, text)
		}
		if err != nil && l.wrong == nil {
			l.wrong = fmt.Errorf("%s %w", c.name, err)
		}
	}
	return atHour(l)
}

// atHour: a date without a time is charged at the hour that the line gives.
func atHour(l line) line {
	if hour, at := l.request.Plan.ChargeHour, l.request.FirstChargeAt; hour != nil && at != nil {
		if local := at.In(korea); local.Equal(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, korea)) && *hour >= 0 && *hour < 24 {
			moved := local.Add(time.Duration(*hour) * time.Hour)
			l.request.FirstChargeAt = &moved
		}
	}
	return l
}
