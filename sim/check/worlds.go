package check

import "time"

func at(times ...time.Duration) []time.Duration { return times }

// Small are the worlds that every run of the tests walks whole, within a minute.
func Small() []World {
	return []World{
		{Name: "two tabs", Windows: 2, Returns: true, Processes: 1, Sweeps: 1, Phases: at(start, closed)},
		{Name: "two windows that lag", Windows: 2, Lag: true, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, closed)},
		{Name: "a window, two processes", Windows: 1, Returns: true, Processes: 2, Sweeps: 1, Faults: 1, Phases: at(start, closed)},
		{Name: "a window, slowly", Windows: 1, Returns: true, Lag: true, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, soon, pending, closed)},
		{Name: "a wrong amount", Windows: 1, Returns: true, Wrong: true, Processes: 1, Sweeps: 1, Faults: 2, Phases: at(start, closed)},
		{Name: "console cancel", Windows: 1, Returns: true, Console: true, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, closed)},
		{Name: "approval", Windows: 2, Gate: true, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, pending, closed)},
		{Name: "two confirms", Toss: true, Windows: 2, Processes: 2, Faults: 2, Phases: at(start)},
		{Name: "a confirm, slowly", Toss: true, Windows: 1, Processes: 1, Sweeps: 1, Faults: 2, Phases: at(start, soon, closed)},
		{Name: "a charge", Cycle: true, Repeats: 1, Processes: 1, Sweeps: 2, Faults: 2, Phases: at(start, pending, searched)},
		{Name: "two workers", Cycle: true, Repeats: 1, Processes: 2, Faults: 1, Phases: at(start, pending)},
		{Name: "a charge and a window", Cycle: true, Windows: 1, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, pending, searched)},
		{Name: "refunds", Toss: true, Windows: 1, Refunds: 2, Console: true, Processes: 2, Faults: 1, Phases: at(start)},
		{Name: "another account's keys", Toss: true, Windows: 1, Keys: true, Processes: 1, Sweeps: 1, Faults: 1, Phases: at(start, closed)},
	}
}

// Whole are the worlds of the whole check: the small ones with more of what makes trouble.
func Whole() []World {
	all := Small()
	for i := range all {
		w := &all[i]
		w.Lag, w.Faults, w.Sweeps = true, max(w.Faults, 1), max(w.Sweeps, 1)
		if w.Processes == 1 {
			w.Faults, w.Sweeps = 2, 2
		}
	}
	return all
}
