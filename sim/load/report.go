package load

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what the hour came to.
type Report struct {
	Config       Config
	Drained      time.Duration // until the last subscription was done; 0 when some never were
	Left         int64         // subscriptions that are not done by our table
	Captured     int64         // charges the provider took money for
	Doubles      int64         // cycles it took money for more than once
	Missed       int64         // cycles it neither took money for nor refused
	Refused      int64         // cycles it refused
	Busy         int64         // charges it answered 429
	LostAnswers  int64
	FastestRate  int // charges in its busiest second
	Environments int // of Lambda, at work at the same time
	Started      int // environments that were started
	Runs         int64
	GBSeconds    float64
	TickSeconds  float64 // of them, GB-seconds too
	Split        float64 // GB-seconds if ticks were a function of their own and batches had 256 MB
	Messages     int64   // sent by the dispatcher
	Twice        int64   // delivered a second time by the queue
	Longest      int     // messages waiting
	PutAside     int64
	Writes       int64 // requests that write the table
	TableUnits   int64
	IndexUnits   int64
	Reads        int64
	Queries      int64
	Throttles    int64
	TableBusiest int64   // units of the table in its busiest second
	HotTable     Heat    // the table's hottest partition
	HotIndex     Heat    // the index's
	Errors       int64   // error lines the code logged
	MemoryPeak   uint64  // bytes the process had from the system
	RecordBytes  float64 // of the model, for each subscription
}

// Heat is how near the hottest partition came to its limit of 1,000 write units a second: 1 is the limit.
type Heat struct{ Second, Minute float64 }

func (w *world) report(drained time.Duration, heap uint64) Report {
	m := &w.table.meter
	r := Report{
		Config: w.config, Drained: drained, Left: int64(w.config.Subscriptions) - w.progress.Drained.Load(), Busy: w.provider.busy,
		LostAnswers: w.provider.lost, FastestRate: w.provider.fastestSecond, Environments: w.lambda.busiest, Started: w.lambda.made,
		Runs: w.lambda.runs.Load(), Messages: w.queue.sent,
		Twice: w.queue.twice, Longest: w.queue.longest, PutAside: w.queue.aside, Writes: m.writes, TableUnits: m.units, IndexUnits: m.indexUnits,
		Reads: m.reads, Queries: m.queries, Throttles: m.throttles, TableBusiest: m.busiest, HotTable: heat(m.tables), HotIndex: heat(m.indexes),
		Errors: w.errors.logged.Load() + w.errors.invocations.Load(), MemoryPeak: w.peak.Load(),
		RecordBytes: float64(heap) / float64(w.config.Subscriptions),
	}
	ticks, batches, memory := w.lambda.ticks.Load(), w.lambda.batches.Load(), int64(w.config.Memory)
	r.GBSeconds, r.TickSeconds = gigabyteSeconds(ticks+batches, memory), gigabyteSeconds(ticks, memory)
	r.Split = r.TickSeconds + gigabyteSeconds(batches, min(memory, leastMemory))
	r.Captured, r.Doubles, r.Missed, r.Refused = w.provider.audit()
	return r
}

func heat(gauges []gauge) Heat {
	most := slices.MaxFunc(gauges, func(a, b gauge) int { return int(a.most - b.most) }).most
	minute := slices.MaxFunc(gauges, func(a, b gauge) int { return int(a.mostMinute - b.mostMinute) }).mostMinute
	return Heat{Second: float64(most) / partitionLimit, Minute: float64(minute) / 60 / partitionLimit}
}

// Bad says that money was taken twice, or not at all, that our table is not done with somebody, or that it took too long.
func (r Report) Bad() bool { return r.Doubles > 0 || r.Missed > 0 || r.Left > 0 || r.Late() }

// Late says that it took longer than Within.
func (r Report) Late() bool {
	return r.Config.Within > 0 && (r.Drained == 0 || r.Drained > r.Config.Within)
}

// verdict is Bad in words.
func (r Report) verdict() string {
	var faults []string
	for _, f := range []struct {
		is   bool
		says string
	}{
		{r.Doubles > 0, "charged twice"}, {r.Missed > 0, "not charged"}, {r.Left > 0, "not done"},
		{r.Late(), "not drained within " + r.Config.Within.String()},
	} {
		if f.is {
			faults = append(faults, f.says)
		}
	}
	if faults == nil {
		return "PASS"
	}
	return "FAIL: " + strings.Join(faults, ", ")
}

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	million := float64(r.Config.Subscriptions) / 1e6
	drained := "never"
	if r.Drained > 0 {
		drained = r.Drained.Round(time.Second).String()
	}
	c := r.Config
	for _, line := range []struct {
		name, format string
		values       []any
	}{
		{"subscriptions", "%d due at once, seed %d, concurrency %d, batches of %d, provider limit %d/s",
			[]any{c.Subscriptions, c.Seed, c.Concurrency, c.Batch, c.Rate}},
		{"drained", "%s, %d left", []any{drained, r.Left}},
		{"doubles, missed", "%d, %d", []any{r.Doubles, r.Missed}},
		{"captured, refused", "%d, %d; answers lost %d, 429s %d, busiest second %d charges",
			[]any{r.Captured, r.Refused, r.LostAnswers, r.Busy, r.FastestRate}},
		{"environments", "%d at once, %d started; %d invocations", []any{r.Environments, r.Started, r.Runs}},
		{"GB-seconds", "%.0f (%.0f per million) with %d MB, %.0f of them ticks; split in two functions, batches with %d MB: %.0f per million",
			[]any{r.GBSeconds, r.GBSeconds / million, c.Memory, r.TickSeconds, min(c.Memory, leastMemory), r.Split / million}},
		{"messages", "%d sent, %d delivered twice, %d waiting at most, %d put aside", []any{r.Messages, r.Twice, r.Longest, r.PutAside}},
		{"table writes", "%d (%.2f M per million), %.2f M units per million, at most %d units/s; %d reads, %d queries",
			[]any{r.Writes, float64(r.Writes) / million / 1e6, float64(r.TableUnits) / million / 1e6, r.TableBusiest, r.Reads, r.Queries}},
		{"index writes", "%.2f M units per million", []any{float64(r.IndexUnits) / million / 1e6}},
		{"hottest partition", "table %.0f %% of its limit in a second, %.0f %% in a minute; index %.0f %%, %.0f %%; %d throttled",
			[]any{100 * r.HotTable.Second, 100 * r.HotTable.Minute, 100 * r.HotIndex.Second, 100 * r.HotIndex.Minute, r.Throttles}},
		{"errors logged", "%d", []any{r.Errors}},
		{"verdict", "%s", []any{r.verdict()}},
		{"memory", "%.2f GiB at most, %.0f bytes a subscription", []any{float64(r.MemoryPeak) / (1 << 30), r.RecordBytes}},
	} {
		fmt.Fprintf(w, "%-18s %s\n", line.name, fmt.Sprintf(line.format, line.values...))
	}
}
