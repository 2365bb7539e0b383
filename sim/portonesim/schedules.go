package portonesim

import (
	"fmt"
	"slices"
	"time"

	"tosspay-sam/sim/simulator"
)

// schedule is a payment that another system told the provider to make by itself. Our own code never does; it is not carried out here.
type schedule struct {
	merchantUID string
	at          time.Time
}

// scheduleBody is what is used of ScheduleResult.
type scheduleBody struct {
	CustomerUID    string `json:"customer_uid"`
	MerchantUID    string `json:"merchant_uid"`
	ScheduleStatus string `json:"schedule_status"` // scheduled, executed or revoked
	ScheduleAt     int64  `json:"schedule_at"`     // unix seconds
}

// scheduleSpan is the longest time that one question may be about: "at most 3 months" (V1 schema, 2026-08).
const scheduleSpan = 92 * 24 * time.Hour

// Schedule is another system that has the provider charge the first account's key by itself at a time.
func (s *Sim) Schedule(uid, merchantUID string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := customerUID{s.accounts[0], uid}
	if s.customers[key] == nil {
		return fmt.Errorf("portonesim: there is no billing key %q", uid)
	}
	s.scheduled[key] = append(s.scheduled[key], schedule{merchantUID, at})
	return nil
}

// Unschedule takes all of that back.
func (s *Sim) Unschedule(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.scheduled, customerUID{s.accounts[0], uid})
}

// schedules is GET /subscribe/customers/{customer_uid}/schedules, the latest first; the first page is all there is here. Of an unknown
// customer_uid it has none, which is our choice: the schema names no 404.
func (s *Sim) schedules(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := time.Unix(c.number("from", 0), 0), time.Unix(c.number("to", 0), 0)
	if from.Unix() == 0 || !from.Before(to) || to.Sub(from) > scheduleSpan {
		s.Violate("schedules: from and to must be there, and at most 3 months apart")
		return badRequest()
	}
	list := []scheduleBody{}
	for _, p := range slices.Backward(s.scheduled[customerUID{c.owner, c.uid}]) {
		if !p.at.Before(from) && p.at.Before(to) && c.query.Get("schedule-status") != "executed" && c.query.Get("schedule-status") != "revoked" {
			list = append(list, scheduleBody{c.uid, p.merchantUID, "scheduled", p.at.Unix()})
		}
	}
	return answerWith(list)
}
