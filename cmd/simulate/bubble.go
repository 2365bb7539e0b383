package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
)

// virtual runs f in a bubble of virtual time and ends the process, with status 1 when f returns false.
//
// The code under the load reads time.Now and waits for contexts' deadlines, as it does in an account. Only testing/synctest gives such
// code another clock, and it asks for a test: testing.Main makes one in an ordinary program.
func virtual(f func() bool) {
	testing.Init() // registers its flags beside ours; this program's arguments are not for them
	flag.CommandLine.SetOutput(io.Discard)
	if err := flag.CommandLine.Parse(nil); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(exitUsage)
	}
	everything := func(string, string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{{Name: "simulation", F: func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if !f() {
				t.Fail()
			}
		})
	}}}, nil, nil)
}
