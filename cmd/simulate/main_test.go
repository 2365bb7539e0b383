package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"strings"
	"testing"

	"tosspay-sam/sim/soak"
)

func TestParse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	o, err := parse(strings.Fields("-load -subscriptions 10000000 -seed 7 -cap 215 -batch 40 -rate 3000"), &out)
	if c := o.load; err != nil || o.soak.Seeds != 0 || c.Subscriptions != 10_000_000 || c.Seed != 7 || c.Concurrency != 215 || c.Batch != 40 ||
		c.Rate != 3000 || out.Len() != 0 {
		t.Errorf("%+v, %v, wrote %q", o, err, &out)
	}
	if o, err = parse([]string{"-load"}, &out); err != nil || o.load.Subscriptions != 1_000_000 || o.load.Seed != 1 {
		t.Errorf("-load alone: %+v, %v", o.load, err)
	}
	if o, err = parse([]string{"-soak"}, &out); err != nil || o.soak != (soak.Series{Seeds: 1000, First: 1, Size: soak.Full}) {
		t.Errorf("-soak alone: %+v, %v", o.soak, err)
	}
	small := soak.Full
	small.Subscriptions, small.Cycles = 20, 6
	o, err = parse(strings.Fields("-soak -seed 80 -seeds 3 -subscriptions 20 -cycles 6"), &out)
	if err != nil || o.soak != (soak.Series{Seeds: 3, First: 80, Size: small}) {
		t.Errorf("-soak: %+v, %v", o.soak, err)
	}
	for args, want := range map[string]string{
		"":                          "say what to play",
		"-load -soak":               "say what to play",
		"-seeds 3":                  "say what to play",
		"-load -cap 0":              "cap must be",
		"-load -subscriptions -1":   "subscriptions must be",
		"-load now":                 "unexpected argument",
		"-load -seed x":             "invalid value",
		"-load -seeds 3":            "-seeds mean nothing to -load",
		"-soak -cap 3 -declines .5": "-cap, -declines mean nothing to -soak",
		"-soak -seeds 0":            "seeds must be 1 to",
		"-soak -seeds -1":           "seeds must be 1 to",
		"-soak -seeds 1000001":      "seeds must be 1 to",
		"-soak -cycles 0":           "cycles must be 1 to 200",
		"-soak -subscriptions 1e9":  "invalid value",
		"-soak -subscriptions -1":   "subscriptions must be 1 to",
		"-soak -seed -1":            "invalid value",
		"-nonsense":                 "not defined",
	} {
		if _, err := parse(strings.Fields(args), &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	out.Reset()
	_, err = parse([]string{"-help"}, &out)
	for _, want := range []string{"-soak [-seeds", "-load [-subscriptions", "Status 0", "  -cycles", "  -cap"} {
		if !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), want) {
			t.Errorf("help: %v, %q", err, &out)
		}
	}
}

// series is a soak of the size of a test.
func series(sabotage soak.Sabotage) soak.Series {
	return soak.Series{Seeds: 3, First: 5, Size: soak.Size{Subscriptions: 4, Cycles: 2, Faults: soak.Hard, Sabotage: sabotage}}
}

// TestSoakSpeaksOfWhatItSaw: the status and the last lines of a series that held, of one that broke and of one that was stopped.
func TestSoakSpeaksOfWhatItSaw(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		series soak.Series
		status int
		want   []string
		not    string
	}{
		{"held", t.Context(), series(soak.Sabotage{}), 0, []string{
			"seeds 5 to 7: 4 subscriptions x 2 cycles", "3 of 3 seeds in ", "about 0s left", "3 seeds in ", "no promise broken",
		}, "BROKEN"},
		{"broken", t.Context(), series(soak.Sabotage{Twice: true}), exitBad, []string{
			"seed 5: ", "BROKEN by seed 5", "\n  go run ./cmd/simulate -soak -seed 5 -seeds 1 -subscriptions 4 -cycles 2\n",
		}, "no promise broken"},
		{"stopped", stopped, series(soak.Sabotage{}), exitStopped, []string{"STOPPED after 0 of 3 seeds", "proves nothing"}, "no promise broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if status := playSoak(c.ctx, c.series, &out); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing from\n%s", want, &out)
				}
			}
			if strings.Contains(out.String(), c.not) {
				t.Errorf("%q is in\n%s", c.not, &out)
			}
		})
	}
}

func TestReplayLine(t *testing.T) {
	t.Parallel()
	if got := replay(81, soak.Full); got != "go run ./cmd/simulate -soak -seed 81 -seeds 1" {
		t.Error(got)
	}
}
