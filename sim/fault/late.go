package fault

import (
	"slices"
	"sync"
	"time"
)

// lateCall is an operation that is still to be carried out.
type lateCall struct {
	at time.Time
	do func()
}

// Later carries an operation out as a fault of kind Late says, when Step is told that its time has come. carryOut does all of it, and calls pause
// between its arrival and what it moves. now is the simulator's time.
func (p *Plan) Later(f Fault, now time.Time, carryOut func(pause func())) {
	at := now.Add(f.Delay)
	if f.Moment == Before {
		p.add(lateCall{at, func() { carryOut(func() {}) }})
		return
	}
	arrived, due, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	pause := sync.OnceFunc(func() {
		close(arrived)
		<-due
	})
	go func() {
		defer close(done)
		carryOut(pause)
	}()
	select {
	case <-done: // refused as it came
	case <-arrived:
		p.add(lateCall{at, func() {
			close(due)
			<-done
		}})
	}
}

func (p *Plan) add(c lateCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = append(p.late, c)
	slices.SortStableFunc(p.late, func(a, b lateCall) int { return a.at.Compare(b.at) })
}

// DueAt is when the next late operation is to be carried out.
func (p *Plan) DueAt() (at time.Time, planned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.late) == 0 {
		return time.Time{}, false
	}
	return p.late[0].at, true
}

// Step carries out the late operations whose time has come, in order, and returns when they are done.
func (p *Plan) Step(now time.Time) {
	for {
		p.mu.Lock()
		if len(p.late) == 0 || p.late[0].at.After(now) {
			p.mu.Unlock()
			return
		}
		next := p.late[0]
		p.late = p.late[1:]
		p.mu.Unlock()
		next.do() // takes faults of its own, such as of a webhook
	}
}
