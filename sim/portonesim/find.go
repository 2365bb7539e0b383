package portonesim

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"tosspay-sam/sim/simulator"
)

const (
	pageUsual  = 20
	pageMax    = 1000
	periodDays = 90 // the longest from..to of a list
)

// sortings are the orders of a list; the first is the usual one.
var sortings = []string{"-started", "started", "-paid", "paid", "-updated", "updated"}

type pageBody struct {
	Total    int           `json:"total"`
	Previous int64         `json:"previous"` // page number; 0: there is none
	Next     int64         `json:"next"`
	List     []paymentBody `json:"list"`
}

func notFound() simulator.Reply {
	return refuse(http.StatusNotFound, -1, "존재하지 않는 결제정보입니다.")
}

// findPayment is GET /payments/{imp_uid}. Since 2026-01-26 it does not show
// payments of test channels unless it is asked to; the other lookups always do.
func (s *Sim) findPayment(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[c.uid]
	if p != nil {
		p = s.shown(p, false)
	}
	if p == nil || p.owner != c.owner || p.sandbox && c.query.Get("include_sandbox") != "true" {
		return notFound()
	}
	return answerWith(s.view(p))
}

// find is GET /payments/find/{merchant_uid}[/{status}]: the first by sorting.
func (s *Sim) find(c *call) simulator.Reply {
	c.pause()
	if !isStatus(c.status) {
		return s.unknownStatus(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.ofOrder(c)
	if len(found) == 0 {
		return notFound()
	}
	return answerWith(s.view(found[0]))
}

// findAll is GET /payments/findAll/{merchant_uid}[/{status}].
func (s *Sim) findAll(c *call) simulator.Reply {
	c.pause()
	if !isStatus(c.status) {
		return s.unknownStatus(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.ofOrder(c)
	if len(found) == 0 {
		return notFound()
	}
	return s.page(c, found)
}

// list is GET /payments/status/{status}: what happened in a period, by the time
// that belongs to each payment's status.
func (s *Sim) list(c *call) simulator.Reply {
	c.pause()
	if !isStatus(c.status) && c.status != "all" {
		return s.unknownStatus(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	const period = periodDays * 24 * 60 * 60
	to := c.number("to", s.o.Now().Unix())
	from := c.number("from", to-period)
	if from > to || to-from > period {
		return refuse(http.StatusBadRequest, -1, "조회기간은 최대 90일입니다.") // our words
	}
	var found []*payment
	for _, p := range s.payments {
		if p = s.shown(p, true); p == nil {
			continue
		}
		at := unix(p.statusAt())
		if p.owner == c.owner && (c.status == "all" || p.status == c.status) && at >= from && at <= to {
			found = append(found, p)
		}
	}
	arrange(found, c.query.Get("sorting"))
	return s.page(c, found)
}

// statusAt is when p got its status.
func (p *payment) statusAt() time.Time {
	switch p.status {
	case paid:
		return p.paidAt
	case failed:
		return p.failedAt
	case cancelled:
		return p.cancelledAt
	}
	return p.startedAt
}

func isStatus(status string) bool {
	return slices.Contains([]string{"", ready, paid, cancelled, failed}, status)
}

func (s *Sim) unknownStatus(c *call) simulator.Reply {
	s.Violate("%s: %q is not a status", c.op, c.status)
	return refuse(http.StatusBadRequest, -1, "지원되지 않는 상태값입니다.")
}

// ofOrder are the payments of the call's merchant_uid, sorted. The caller holds
// mu.
func (s *Sim) ofOrder(c *call) []*payment {
	var found []*payment
	for _, p := range s.orders[c.uid] {
		if p = s.shown(p, true); p == nil {
			continue
		}
		if p.owner == c.owner && (c.status == "" || p.status == c.status) {
			found = append(found, p)
		}
	}
	arrange(found, c.query.Get("sorting"))
	return found
}

// arrange sorts payments; "-" is newest first. Of two at the same time the one
// that was made later is the newer one, so that the order is always the same.
func arrange(found []*payment, sorting string) {
	sorting = cmp.Or(sorting, sortings[0])
	field, newestFirst := strings.CutPrefix(sorting, "-")
	at := func(p *payment) time.Time {
		return map[string]time.Time{"started": p.startedAt, "paid": p.paidAt, "updated": p.updatedAt}[field]
	}
	slices.SortFunc(found, func(a, b *payment) int {
		order := cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.number, b.number))
		if newestFirst {
			return -order
		}
		return order
	})
}

// page is one page of what was found. A page beyond the end is a 400, as the
// schema says of the list by status; that the others do the same is our choice.
// The caller holds mu.
func (s *Sim) page(c *call, found []*payment) simulator.Reply {
	number, limit := c.number("page", 1), c.number("limit", pageUsual)
	pages := max(1, int64(math.Ceil(float64(len(found))/float64(max(1, limit)))))
	if number < 1 || limit < 1 || limit > pageMax || number > pages {
		return refuse(http.StatusBadRequest, -1, "페이지 파라메터가 올바르지 않습니다.") // our words
	}
	body := pageBody{Total: len(found), Previous: number - 1, List: []paymentBody{}}
	if number < pages {
		body.Next = number + 1
	}
	first := (number - 1) * limit
	for _, p := range found[first:min(first+limit, int64(len(found)))] {
		body.List = append(body.List, s.view(p))
	}
	return answerWith(body)
}
