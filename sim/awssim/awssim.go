// Package awssim is EventBridge and SQS as far as the functions that tell the merchant use them, in memory.
package awssim

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Put is an event on a bus.
type Put struct{ EventBusName, Source, DetailType, Detail string }

// Hidden is a message that is not to be had from its queue for so many seconds.
type Hidden struct {
	QueueURL      string `json:"queueUrl"`
	ReceiptHandle string `json:"receiptHandle"`
	Seconds       int    `json:"seconds"`
}

// Seen is what has come.
type Seen struct {
	Bus    []Put    `json:"bus"`
	Queue  []string `json:"queue"` // bodies of messages
	Hidden []Hidden `json:"hidden"`
}

// AWS takes events and messages and keeps them. The zero value is ready; it is safe for concurrent use.
type AWS struct {
	mu   sync.Mutex
	seen Seen
	down []string
}

// Seen is what has come since the last Reset.
func (a *AWS) Seen() Seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Seen{slices.Clone(a.seen.Bus), slices.Clone(a.seen.Queue), slices.Clone(a.seen.Hidden)}
}

// Reset forgets what has come. The operations named, such as "AWSEvents.PutEvents", are refused from now on.
func (a *AWS) Reset(down ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen, a.down = Seen{}, down
}

// Is says that a request is for one of the two services.
func Is(r *http.Request) bool {
	service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return service == "AWSEvents" || service == "AmazonSQS"
}

// ServeHTTP answers PutEvents, SendMessageBatch, ChangeMessageVisibility and GetQueueAttributes as AWS's JSON protocols
// have them; everything else is refused as a permission that is not there.
func (a *AWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	operations := map[string]func(http.ResponseWriter, *json.Decoder) bool{
		"AWSEvents.PutEvents":               a.putEvents,
		"AmazonSQS.SendMessageBatch":        a.sendMessageBatch,
		"AmazonSQS.ChangeMessageVisibility": a.changeMessageVisibility,
		"AmazonSQS.GetQueueAttributes":      a.getQueueAttributes,
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	name := r.Header.Get("X-Amz-Target")
	do := operations[name]
	if do == nil || slices.Contains(a.down, name) || !do(w, json.NewDecoder(http.MaxBytesReader(w, r.Body, 2<<20))) {
		w.WriteHeader(http.StatusBadRequest)
		write(w, map[string]string{"__type": "AccessDeniedException", "message": "not allowed"})
	}
}

func (a *AWS) putEvents(w http.ResponseWriter, in *json.Decoder) bool {
	var put struct{ Entries []Put }
	if in.Decode(&put) != nil {
		return false
	}
	answers := []map[string]string{}
	for _, e := range put.Entries {
		a.seen.Bus = append(a.seen.Bus, e)
		answers = append(answers, map[string]string{"EventId": "00000000-0000-4000-8000-000000000001"})
	}
	write(w, map[string]any{"FailedEntryCount": 0, "Entries": answers})
	return true
}

func (a *AWS) sendMessageBatch(w http.ResponseWriter, in *json.Decoder) bool {
	var send struct {
		Entries []struct{ Id, MessageBody string }
	}
	if in.Decode(&send) != nil {
		return false
	}
	answers := []map[string]string{}
	for _, e := range send.Entries {
		a.seen.Queue = append(a.seen.Queue, e.MessageBody)
		answers = append(answers, map[string]string{"Id": e.Id, "MessageId": "message-" + e.Id, "MD5OfMessageBody": MD5(e.MessageBody)})
	}
	write(w, map[string]any{"Successful": answers, "Failed": []string{}})
	return true
}

func (a *AWS) changeMessageVisibility(w http.ResponseWriter, in *json.Decoder) bool {
	var change struct {
		QueueUrl, ReceiptHandle string
		VisibilityTimeout       int
	}
	if in.Decode(&change) != nil || change.QueueUrl == "" {
		return false
	}
	a.seen.Hidden = append(a.seen.Hidden, Hidden{change.QueueUrl, change.ReceiptHandle, change.VisibilityTimeout})
	write(w, struct{}{})
	return true
}

func (a *AWS) getQueueAttributes(w http.ResponseWriter, _ *json.Decoder) bool {
	write(w, map[string]any{"Attributes": map[string]string{"ApproximateNumberOfMessages": "0"}})
	return true
}

// MD5 is SQS's checksum of a body.
func MD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

func write(w http.ResponseWriter, answer any) {
	_ = json.NewEncoder(w).Encode(answer) // a write error means the function is gone
}
