// Package fault is the plan of what goes wrong between us and the simulated
// providers: which operation, how, and how many times.
package fault

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// The kinds of fault.
const (
	None             = "none"              // clears what was set
	LoseReply        = "lose-reply"        // the operation is carried out, then the connection dies
	RefuseConnection = "refuse-connection" // the connection dies before anything happens
	Delay            = "delay"             // the operation takes its time; it is carried out even when the client gave up
	InternalError    = "http-500"          // the answer is a 500
	TooManyRequests  = "http-429"          // the answer is a 429
	Garbage          = "garbage"           // the answer cannot be read
	Late             = "late"              // the connection dies, and the operation is carried out all the same, Delay later by the world's clock
)

// The moments of a fault: it strikes before the operation is carried out, or
// after. For all kinds but Delay, Before also means that the operation is not
// carried out at all. A Late operation is on its way for so long (Before), or has
// arrived and is at work for so long (After).
const (
	Before = "before"
	After  = "after"
)

// Any is the operation that matches every operation of its provider.
const Any = "*"

const (
	// timesMax bounds one setting; a longer outage is set again.
	timesMax = 1000
	// delayMax is longer than every deadline and confirm window of a provider.
	delayMax = 10 * time.Minute
	// lateMax is longer than any operation is waited for.
	lateMax = 2 * time.Hour
)

// Fault is one thing that goes wrong, for the next Times calls of an operation.
type Fault struct {
	Provider  string        // "toss"
	Operation string        // "confirm", or Any
	Kind      string        // see the constants
	Delay     time.Duration // only used by the kinds Delay, 0 to 10 minutes, and Late, to 2 hours
	Times     int           // 1 to 1000; 0 means 1
	Moment    string        // Before or After; "" means the usual one of the kind
}

// Error says which field of a Fault is wrong.
type Error struct {
	Field  string // as in the JSON of ServeHTTP
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return "fault: " + e.Field + ": " + e.Reason }

// Plan holds the faults that are still to come. The zero value is an empty
// plan. It is safe for concurrent use.
type Plan struct {
	// Random, if not nil, is asked by Take when nothing is set. It is called by
	// one goroutine at a time and must not call the Plan. Set it before use.
	Random func(provider, operation string) (Fault, bool)

	mu      sync.Mutex
	known   map[string][]string // provider -> operations; empty: everything is accepted
	pending map[target]Fault
	late    []lateCall // by their time
}

type target struct{ provider, operation string }

// Register makes the operations of a provider known. Once any provider is
// registered, Set refuses unknown names, so that a misspelt fault cannot
// silently never happen. Simulators call it when they are built.
func (p *Plan) Register(provider string, operations ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[string][]string{}
	}
	p.known[provider] = operations
}

// Set plans f and replaces what was set for the same provider and operation.
// Kind None clears that; with operation Any it clears everything of the
// provider. An invalid fault is refused with an *Error and changes nothing.
func (p *Plan) Set(f Fault) error {
	f, err := complete(f)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkKnown(f); err != nil {
		return err
	}
	at := target{f.Provider, f.Operation}
	switch {
	case f.Kind == None && f.Operation == Any:
		maps.DeleteFunc(p.pending, func(t target, _ Fault) bool { return t.provider == f.Provider })
	case f.Kind == None:
		delete(p.pending, at)
	default:
		if p.pending == nil {
			p.pending = map[target]Fault{}
		}
		p.pending[at] = f
	}
	return nil
}

// Take consumes one fault for a call of the operation and reports whether
// there is one. What is set for the operation itself comes before Any, and both
// before Random.
func (p *Plan) Take(provider, operation string) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range []target{{provider, operation}, {provider, Any}} {
		f, ok := p.pending[at]
		if !ok {
			continue
		}
		f.Times--
		p.pending[at] = f
		if f.Times == 0 {
			delete(p.pending, at)
		}
		f.Operation, f.Times = operation, 1
		return f, true
	}
	if p.Random == nil {
		return Fault{}, false
	}
	f, ok := p.Random(provider, operation)
	if !ok {
		return Fault{}, false
	}
	f.Provider, f.Operation, f.Times = provider, operation, 1
	f, err := complete(f)
	if err != nil || f.Kind == None {
		panic(fmt.Sprintf("fault: the Random hook returned %+v: %v", f, err)) // a bug in the test that set it
	}
	return f, true
}

// Pending returns what is still to come, ordered by provider and operation;
// Times is what is left.
func (p *Plan) Pending() []Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Values(p.pending), func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Operation, b.Operation))
	})
}

// Seeded returns a Random hook that strikes percent of all calls with a fault
// of any kind, and delays of 1 to 40 s. The same seed gives the same faults to
// the same sequence of calls.
func Seeded(seed uint64, percent int) func(provider, operation string) (Fault, bool) {
	rng := rand.New(rand.NewPCG(seed, 0))
	shapes := []Fault{
		{Kind: LoseReply}, {Kind: RefuseConnection},
		{Kind: Delay}, {Kind: Delay, Moment: After},
		{Kind: InternalError}, {Kind: InternalError, Moment: After},
		{Kind: TooManyRequests}, {Kind: Garbage}, {Kind: Garbage, Moment: Before},
	}
	return func(string, string) (Fault, bool) {
		// Three numbers for every call, so that a fault more or less does not
		// shift all that follow.
		strike, shape, seconds := rng.IntN(100), rng.IntN(len(shapes)), 1+rng.IntN(40)
		if strike >= percent {
			return Fault{}, false
		}
		f := shapes[shape]
		if f.Kind == Delay {
			f.Delay = time.Duration(seconds) * time.Second
		}
		return f, true
	}
}

// complete checks f and fills in what it leaves open.
func complete(f Fault) (Fault, error) {
	f.Times = cmp.Or(f.Times, 1)
	switch {
	case f.Provider == "":
		return f, &Error{"provider", "is missing"}
	case f.Operation == "":
		return f, &Error{"operation", `is missing; "*" means every operation`}
	case f.Times < 1 || f.Times > timesMax:
		return f, &Error{"times", fmt.Sprintf("must be 1 to %d", timesMax)}
	case f.Delay < 0 || f.Delay > longest(f.Kind):
		return f, &Error{"delay", fmt.Sprintf("must be 0s to %v", longest(f.Kind))}
	case (f.Kind == Delay || f.Kind == Late) && f.Delay == 0:
		return f, &Error{"delay", "is missing"}
	}
	moments := map[string][]string{ // the usual one first
		None:             {Before},
		LoseReply:        {After},
		RefuseConnection: {Before},
		Delay:            {Before, After},
		InternalError:    {Before, After},
		TooManyRequests:  {Before, After},
		Garbage:          {After, Before},
		Late:             {After, Before},
	}
	possible, ok := moments[f.Kind]
	if !ok {
		return f, &Error{"fault", "must be one of lose-reply, refuse-connection, delay, http-500, http-429, garbage, late, none"}
	}
	f.Moment = cmp.Or(f.Moment, possible[0])
	if !slices.Contains(possible, f.Moment) {
		return f, &Error{"moment", fmt.Sprintf("%s can only be %q", f.Kind, possible)}
	}
	return f, nil
}

func longest(kind string) time.Duration {
	if kind == Late {
		return lateMax
	}
	return delayMax
}

// checkKnown refuses a provider or operation that nobody simulates.
func (p *Plan) checkKnown(f Fault) error {
	if len(p.known) == 0 {
		return nil
	}
	operations, ok := p.known[f.Provider]
	if !ok {
		return &Error{"provider", fmt.Sprintf("must be one of %q", slices.Sorted(maps.Keys(p.known)))}
	}
	if f.Operation != Any && !slices.Contains(operations, f.Operation) {
		return &Error{"operation", fmt.Sprintf("must be one of %q or %q", operations, Any)}
	}
	return nil
}
