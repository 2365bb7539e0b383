package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c, err := parse(strings.Fields("-load -subscriptions 10000000 -seed 7 -cap 215 -batch 40 -rate 3000"), &out)
	if err != nil || c.Subscriptions != 10_000_000 || c.Seed != 7 || c.Concurrency != 215 || c.Batch != 40 || c.Rate != 3000 || out.Len() != 0 {
		t.Errorf("%+v, %v, wrote %q", c, err, &out)
	}
	for args, want := range map[string]string{
		"":                        "say what to play",
		"-load -cap 0":            "cap must be",
		"-load -subscriptions -1": "subscriptions must be",
		"-load now":               "unexpected argument",
		"-load -seed x":           "invalid value",
		"-nonsense":               "not defined",
	} {
		if _, err := parse(strings.Fields(args), &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	out.Reset()
	if _, err := parse([]string{"-help"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-subscriptions") {
		t.Errorf("help: %v, %q", err, &out)
	}
}
