// Package deliver sends events to the merchant's webhook after the Standard Webhooks specification
// (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, read 2026-11).
//
// Whoever may set the address of a webhook may not reach into this account's network with it: the address that a name leads to is checked
// when the connection is made, and no redirect is followed.
package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"code.dny.dev/ssrf"
)

// SendMax bounds one delivery, whatever the receiver does; the specification advises 15 to 30 s.
const SendMax = 15 * time.Second

// answerMax is how much of an answer is read, so that its connection can be used again. What it says is of no interest.
const answerMax = 64 << 10

// pauses are those after each failed try, but for some jitter: more than three days in all. The longest is below the 12 hours for which SQS can
// hide a message.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 11 * time.Hour, 11 * time.Hour,
	11 * time.Hour, 11 * time.Hour, 11 * time.Hour, 11 * time.Hour,
}

// TriesMax is how often an event is sent. After the last failed try its message goes to the dead letters: template.yaml's maxReceiveCount.
var TriesMax = len(pauses) + 1

// Pause is the time until the next try, after so many have failed. The event's id makes it up to a tenth shorter, so that what failed together
// does not come back together.
func Pause(tries int, id string) time.Duration {
	if tries < 1 || tries > len(pauses) {
		return time.Second // the queue puts it aside at its next delivery
	}
	pause := pauses[tries-1]
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return pause - pause*time.Duration(h.Sum32()%1000)/10_000
}

// Verdict is what became of a try.
type Verdict string

// The verdicts.
const (
	Delivered Verdict = "delivered" // 2xx
	Gone      Verdict = "gone"      // 410: the receiver wants none of it any more, and is not asked again about this event
	Failed    Verdict = "failed"    // everything else, also a redirect, no answer in time, an address that is not allowed
)

// Keys gives the keys to sign with, the current one first.
type Keys func(context.Context) ([]Key, error)

// Sender sends to one webhook.
type Sender struct {
	URL    string
	Keys   Keys
	Client *http.Client // of NewClient
	Now    func() time.Time
}

// ErrKeys says that there is no key to sign with: a matter of the deployment, not of the receiver.
var ErrKeys = errors.New("the webhook's secret cannot be used")

// Send makes one try. id is the event's, body the event as it is. The error is why it failed; nothing in it is secret.
func (s *Sender) Send(ctx context.Context, id string, body []byte) (Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, SendMax)
	defer cancel()
	keys, err := s.Keys(ctx)
	if err != nil {
		return Failed, fmt.Errorf("deliver: %w: %w", ErrKeys, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return Failed, errors.New("deliver: the address of the webhook cannot be read")
	}
	request.Header.Set("Content-Type", "application/json")
	Stamp(request.Header, keys, id, s.Now(), body)
	response, err := s.Client.Do(request)
	if err != nil {
		return Failed, fmt.Errorf("deliver: no answer: %w", bare(err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, answerMax))
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return Delivered, nil
	case status == http.StatusGone:
		return Gone, errors.New("deliver: answered 410")
	default:
		return Failed, fmt.Errorf("deliver: answered %d", status)
	}
}

// bare takes the address out of a client's error: what follows its host may be secret.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// NewClient returns the client of a Sender. It makes its connections itself, whatever proxy the environment names, and follows no redirect.
// Unless private is true it reaches no address but public ones, whatever name leads to another.
func NewClient(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	if !private {
		dialer.Control = ssrf.New(ssrf.WithAnyPort()).Safe // asked with the address after the name was looked up
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: answerMax,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURL refuses an address that nothing can be sent to. plain allows http, for a laptop.
func CheckURL(address string, plain bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("must be an address such as https://shop.example.com/webhooks")
	case u.Scheme != "https" && !(plain && u.Scheme == "http"):
		return errors.New("must begin with https://")
	case u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return errors.New("must have a host, and neither a user nor a fragment")
	}
	return nil
}

// Message reads what a delivery needs to know of an event's body.
func Message(body []byte) (id, kind string, err error) {
	var e struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return "", "", errors.New("deliver: the message is no event")
	}
	return e.ID, e.Type, nil
}
