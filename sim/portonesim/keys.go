package portonesim

import (
	"cmp"
	"fmt"
)

// Key is a billing key that another system than ours had issued. Empty fields get what the first account's usual key has.
type Key struct {
	CustomerUID string
	CustomerID  string // empty: the provider shows none
	MID         string // at Toss Pay; default TestMID of a test channel
	Gateway     string // pg_provider; default tosspay_v2
	Test        bool   // of a test channel, as all are in a sandbox
	Live        bool   // of no test channel, although the sandbox has such ones only
	Account     int    // which of Options.Accounts it belongs to
}

// AddKey registers a key as another system's window would have.
func (s *Sim) AddKey(k Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.Account < 0 || k.Account >= len(s.accounts) || k.CustomerUID == "" {
		return fmt.Errorf("portonesim: there is no account %d, or the key has no customer_uid", k.Account)
	}
	owner := s.accounts[k.Account]
	at := customerUID{owner, k.CustomerUID}
	if s.customers[at] != nil {
		return fmt.Errorf("portonesim: customer_uid %q has a key already", k.CustomerUID)
	}
	usual := owner.MID
	test := (s.o.Sandbox || k.Test) && !k.Live
	if test || s.o.Sandbox {
		usual = TestMID
	}
	now := s.o.Now()
	s.customers[at] = &customer{
		uid: k.CustomerUID, id: k.CustomerID, sandbox: test, pgID: cmp.Or(k.MID, usual), gateway: k.Gateway,
		inserted: now, updated: now, card: usualCard(),
	}
	return nil
}

// HasKey reports whether the first account has a key of this name.
func (s *Sim) HasKey(uid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.customers[customerUID{s.accounts[0], uid}] != nil
}
