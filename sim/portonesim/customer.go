package portonesim

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"tosspay-sam/sim/simulator"
)

// customer is one billing key. Sim.mu guards it.
type customer struct {
	uid, id           string
	sandbox           bool
	pgID              string
	card              *card // nil: a bank account
	buyer             buyer
	inserted, updated time.Time
	gateway           string // pg_provider; "" for tosspay_v2
	broken            string // why Toss Pay declines every charge; "" if it does not
}

// customerBody is the Customer object with all fields of the V1 schema.
type customerBody struct {
	CustomerUID       string  `json:"customer_uid"`
	PGProvider        string  `json:"pg_provider"`
	PGID              string  `json:"pg_id"`
	Sandbox           bool    `json:"sandbox"`
	CustomerID        *string `json:"customer_id"`
	CardName          string  `json:"card_name"` // required, but empty for a bank account
	CardCode          *string `json:"card_code"`
	CardIssuerCode    *string `json:"card_issuer_code"`
	CardIssuerName    *string `json:"card_issuer_name"`
	CardPublisherCode *string `json:"card_publisher_code"`
	CardPublisherName *string `json:"card_publisher_name"`
	CardNumber        *string `json:"card_number"`
	CardType          *int    `json:"card_type"`
	CustomerName      *string `json:"customer_name"`
	CustomerTel       *string `json:"customer_tel"`
	CustomerEmail     *string `json:"customer_email"`
	CustomerAddr      *string `json:"customer_addr"`
	CustomerPostcode  *string `json:"customer_postcode"`
	Inserted          int64   `json:"inserted"` // unix seconds
	Updated           int64   `json:"updated"`
}

func (c *customer) view() customerBody {
	body := customerBody{
		CustomerUID: c.uid, PGProvider: cmp.Or(c.gateway, "tosspay_v2"), PGID: c.pgID, Sandbox: c.sandbox, CustomerID: orNull(c.id),
		CustomerName: orNull(c.buyer.name), CustomerTel: orNull(c.buyer.tel), CustomerEmail: orNull(c.buyer.email),
		CustomerAddr: orNull(c.buyer.addr), CustomerPostcode: orNull(c.buyer.postcode),
		Inserted: unix(c.inserted), Updated: unix(c.updated),
	}
	if k := c.card; k != nil {
		body.CardName, body.CardCode, body.CardNumber, body.CardType = k.name, &k.code, &k.number, new(0)
		body.CardIssuerCode, body.CardIssuerName = &k.code, &k.name
		body.CardPublisherCode, body.CardPublisherName = &k.code, &k.name
	}
	return body
}

// customer is GET and DELETE /subscribe/customers/{customer_uid}. A deleted key
// is unknown from then on.
func (s *Sim) customer(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	at := customerUID{c.owner, c.uid}
	found := s.customers[at]
	if found == nil {
		return s.unknownCustomer(c.uid)
	}
	if c.op == OpDeleteCustomer {
		delete(s.customers, at)
	}
	return answerWith(found.view())
}

func (s *Sim) unknownCustomer(uid string) simulator.Reply {
	message := "요청하신 customer_uid(" + uid + ")로 등록된 정보를 찾을 수 없습니다."
	if s.o.UnknownCustomerIs200 {
		return refuse(http.StatusOK, 1, message)
	}
	return refuse(http.StatusNotFound, -1, message)
}

// customerPayments is GET /subscribe/customers/{customer_uid}/payments: what
// was charged with the key, newest first, 20 to a page. That the issuance is
// not among them is our choice.
func (s *Sim) customerPayments(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.customers[customerUID{c.owner, c.uid}] == nil {
		return s.unknownCustomer(c.uid)
	}
	var found []*payment
	for _, p := range s.payments {
		if p = s.shown(p, true); p == nil {
			continue
		}
		if p.owner == c.owner && p.customerUID == c.uid && p.usage == usagePayment {
			found = append(found, p)
		}
	}
	arrange(found, "")
	return s.page(c, found)
}

// issue registers the key that a window asked for. A customer_uid that has one
// already loses it for good: the provider overwrites, and the old means of
// payment cannot be registered again. The caller holds mu.
func (s *Sim) issue(p *payment) {
	at := customerUID{p.owner, p.customerUID}
	if s.customers[at] != nil {
		s.Violate("window: customer_uid %q was used before and now lost its key", p.customerUID)
	}
	now := s.o.Now()
	key := &customer{
		uid: p.customerUID, id: p.window.CustomerID, sandbox: p.sandbox, pgID: p.pgID,
		buyer: p.buyer, inserted: now, updated: now, card: usualCard(),
	}
	if s.o.KeysAreAccounts {
		key.card = nil
	}
	s.customers[at] = key
}

// BreakKey is what a buyer does in the Toss app who removes the permission:
// the key still looks the same, and every charge is declined with reason. No
// webhook tells of it. The first account's key is meant.
func (s *Sim) BreakKey(customerUID, reason string) error {
	return s.editKey(customerUID, func(c *customer) { c.broken = reason })
}

// ReplaceCard is what a buyer does in the Toss app who pays with another card
// from now on: the key stays, its card_name and masked card_number change. The
// first account's key is meant.
func (s *Sim) ReplaceCard(customerUID, name, maskedNumber string) error {
	return s.editKey(customerUID, func(c *customer) {
		c.card = &card{"366", name, maskedNumber}
		c.updated = s.o.Now()
	})
}

func (s *Sim) editKey(uid string, edit func(*customer)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.customers[customerUID{s.accounts[0], uid}]
	if c == nil {
		return fmt.Errorf("portonesim: there is no billing key %q", uid)
	}
	edit(c)
	return nil
}
