package main

import (
	"fmt"
	"strings"
)

// tally is what became of the orders so far.
type tally struct {
	orders, paid, unpaid, refunded, doubtful, review int
	captures, cancels                                int
	twice, unrecorded, lost                          int
	wrong                                            []string
	said                                             int
}

func (t *tally) String() string {
	return fmt.Sprintf("%d orders, %d paid, %d unpaid, %d refunded, %d in review, %d in doubt; %d captures, %d cancels; "+
		"kept twice %d, unrecorded %d, recorded and not there %d", t.orders, t.paid, t.unpaid, t.refunded, t.review, t.doubtful, t.captures, t.cancels, t.twice, t.unrecorded, t.lost)
}

// unsaid are the cases that were not returned before.
func (t *tally) unsaid() []string {
	news := t.wrong[t.said:]
	t.said = len(t.wrong)
	return news
}

// sums is the money of one order, whatever number.
type sums struct {
	captures, cancels int
	kept              int64
	lines             []string
}

// audit compares what the providers keep of each order with what the order says.
func (p *play) audit(buyers []*buyer, t *tally) error {
	moved, err := p.ledger()
	if err != nil {
		return err
	}
	byOrder := map[string]*sums{}
	for _, m := range moved {
		id, _, _ := strings.Cut(m.OrderID, "--")
		s := byOrder[id]
		if s == nil {
			s = &sums{}
			byOrder[id] = s
		}
		s.lines = append(s.lines, fmt.Sprintf("%s %s %d", m.Kind, m.OrderID, m.Amount))
		if m.Kind == "capture" {
			s.captures, s.kept = s.captures+1, s.kept+m.Amount
		} else {
			s.cancels, s.kept = s.cancels+1, s.kept-m.Amount
		}
	}
	for _, b := range buyers {
		var end bill
		if err := p.read("/orders/"+b.bill.OrderID, &end); err != nil {
			return fmt.Errorf("order %d: %w", b.order, err)
		}
		s := byOrder[b.bill.OrderID]
		if s == nil {
			s = &sums{}
		}
		if what := t.judge(end, s, b.amount); what != "" {
			t.wrong = append(t.wrong, fmt.Sprintf(
				"order %d (%s, %s) %s: %s in attempt %d, %d won kept of %d\n  ledger: %s\n  buyer: %s",
				b.order, b.bill.OrderID, b.provider, what, end.Status, end.Attempt, s.kept, b.amount,
				strings.Join(s.lines, ", "), strings.Join(b.trace, "\n         ")))
		}
	}
	return nil
}

// judge counts one order and says what is wrong with it, or "".
func (t *tally) judge(end bill, s *sums, amount int64) string {
	t.orders++
	t.captures += s.captures
	t.cancels += s.cancels
	recorded := int64(0)
	switch end.Status {
	case "paid":
		t.paid++
		if end.Payment != nil {
			recorded = end.Payment.Balance
		}
	case "refunded":
		t.refunded++
	case "expired", "failed":
		t.unpaid++
	case "review": // a person was told
		t.review++
	default: // nothing is settled, after half a day of fine weather
		t.doubtful++
	}
	switch {
	case s.kept > amount:
		t.twice++
		return "is kept twice"
	case end.Status == "review":
	case s.kept > recorded:
		t.unrecorded++
		return "is unrecorded"
	case s.kept < recorded:
		t.lost++
		return "is recorded and not there"
	case end.Status == "settling" || end.Status == "processing" || end.Status == "open":
		return "is in doubt"
	}
	return ""
}
