// Package jobs wires the job queue, River, to the sync engine. Jobs are rows
// in the same database, so they are inserted in the transaction of the change
// that needs them.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"tallystick/internal/reconciliation"
	"tallystick/internal/retention"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
	"tallystick/internal/webhooks"
)

// runOperation carries an operation forward.
type runOperation struct {
	OperationID string `json:"operation_id"`
}

// Kind implements [river.JobArgs].
func (runOperation) Kind() string { return "run_operation" }

// applyEvents mirrors an object for the events that report on it.
type applyEvents struct {
	Object webhooks.Object `json:"object"`
}

// Kind implements [river.JobArgs].
func (applyEvents) Kind() string { return "apply_events" }

// The queues, so that nothing waits behind a backlog that need not: events and
// operations have workers of their own, and the sweep is no job.
const (
	operationsQueue = "operations"
	eventsQueue     = "events"
)

// Alarm inserts the jobs that wake operations and the inbox up. It is the
// engine's [stripesync.Alarm] and the inbox's [webhooks.Alarm].
type Alarm struct {
	client *river.Client[*sql.Tx]
	now    func() time.Time
	fresh  chan string // the operations that this process has begun and nobody is at
}

// NewAlarm builds the inserting side of the queue.
func NewAlarm(s *store.Store) (*Alarm, error) {
	config := &river.Config{Logger: slog.New(slog.DiscardHandler), Test: river.TestConfig{Time: clock(s.Now)}}
	var client *river.Client[*sql.Tx]
	var err error
	if s.Dialect() == dialect.SQLite {
		client, err = river.NewClient(riversqlite.New(s.DB), config)
	} else {
		client, err = river.NewClient(riverdatabasesql.New(s.DB), config)
	}
	if err != nil {
		return nil, err
	}
	return &Alarm{client: client, now: s.Now, fresh: make(chan string, mostFresh)}, nil
}

// clock makes River go by the clock that all replicas share. By itself it takes times
// of this machine's into the table. The setting is meant for tests, and does this too.
type clock func() time.Time

// NowUTC implements [rivertype.TimeGenerator].
func (c clock) NowUTC() time.Time { return c().UTC() }

// NowUTCOrNil implements [rivertype.TimeGenerator]; with nil, River's drivers would
// take this machine's time.
func (c clock) NowUTCOrNil() *time.Time {
	now := c.NowUTC()
	return &now
}

// mostFresh is how many operations wait in memory. The sweep finds the rest.
const mostFresh = 10_000

// Wake implements [stripesync.Alarm].
func (a *Alarm) Wake(operationID string) {
	select {
	case a.fresh <- operationID:
	default: // the sweep has them
	}
}

// Schedule implements [stripesync.Alarm].
func (a *Alarm) Schedule(ctx context.Context, tx *store.Tx, at time.Time, operationIDs ...string) error {
	return a.insert(ctx, tx, river.InsertOpts{Queue: operationsQueue, Priority: usual}, at, runs(operationIDs))
}

// Rescue implements [stripesync.Alarm].
func (a *Alarm) Rescue(ctx context.Context, tx *store.Tx, operationIDs ...string) error {
	return a.insert(ctx, tx, river.InsertOpts{Queue: operationsQueue, Priority: urgent}, a.now(), runs(operationIDs))
}

// Priorities within a queue.
const (
	urgent = 1
	usual  = 2
	last   = 3
)

func runs(operationIDs []string) []river.JobArgs {
	args := make([]river.JobArgs, len(operationIDs))
	for i, id := range operationIDs {
		args[i] = runOperation{OperationID: id}
	}
	return args
}

// ScheduleApply implements [webhooks.Alarm].
func (a *Alarm) ScheduleApply(ctx context.Context, tx *store.Tx, at time.Time, objects ...webhooks.Object) error {
	return a.insert(ctx, tx, river.InsertOpts{Queue: eventsQueue, Priority: usual}, at, applies(objects))
}

// ScheduleEcho implements [webhooks.Alarm].
func (a *Alarm) ScheduleEcho(ctx context.Context, tx *store.Tx, objects ...webhooks.Object) error {
	return a.insert(ctx, tx, river.InsertOpts{Queue: eventsQueue, Priority: last}, a.now(), applies(objects))
}

func applies(objects []webhooks.Object) []river.JobArgs {
	args := make([]river.JobArgs, len(objects))
	for i, o := range objects {
		args[i] = applyEvents{Object: o}
	}
	return args
}

func (a *Alarm) insert(ctx context.Context, tx *store.Tx, opts river.InsertOpts, at time.Time, args []river.JobArgs) error {
	opts.MaxAttempts = 5
	if at.After(a.now()) {
		opts.ScheduledAt = at
	}
	jobs := make([]river.InsertManyParams, len(args))
	for i := range args {
		jobs[i] = river.InsertManyParams{Args: args[i], InsertOpts: &opts}
	}
	_, err := a.client.InsertManyFastTx(ctx, tx.SQL, jobs)
	return err
}

func (o Options) workers(q queue) *Workers {
	sweep := func(engine func(context.Context) (int, error)) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := engine(ctx)
			return errors.Join(err, o.Inbox.Sweep(ctx))
		}
	}
	return &Workers{
		queue: q, available: o.Stripe.Available, logger: o.Logger,
		fresh: o.Alarm.fresh, run: o.Engine.Run, others: o.Others,
		first: sweep(o.Engine.Sweep), sweep: sweep(o.Engine.SweepLate),
		due: func(ctx context.Context) error {
			_, err := o.Engine.Sweep(ctx)
			return err
		},
		compare: func(ctx context.Context) error {
			return errors.Join(o.Sweeper.Sweep(ctx), o.Reconciliation.StartIfDue(ctx))
		},
		events: o.Inbox.Fresh, apply: o.Inbox.Apply, handOver: o.Inbox.HandOver,
		started: o.Reconciliation.StartAfterStop,
		tidy:    o.Retention.Sweep,
	}
}

// freshEvents are the objects whose events this process has stored. It is [webhooks.Fresh].
type freshEvents interface {
	Next(ctx context.Context) (o webhooks.Object, ok bool)
	All() []webhooks.Object
}

// Workers are the process's share of the queue's work.
type Workers struct {
	queue     queue
	available func() bool
	fresh     <-chan string
	run       func(ctx context.Context, operationID string) (stripesync.State, error)
	events    freshEvents
	apply     func(context.Context, webhooks.Object) error
	handOver  func(context.Context, ...webhooks.Object) error
	others    Others
	first     func(context.Context) error // for all that is due, at the start
	due       func(context.Context) error // for operations that are due, when called
	sweep     func(context.Context) error // for what is late, then
	compare   func(context.Context) error // with Stripe, now and then
	started   func(context.Context) error // once, at first
	tidy      func(context.Context) error // what has had its time
	logger    *slog.Logger

	stop context.CancelFunc
	done sync.WaitGroup
}

// queue is a River client, on either database.
type queue interface {
	Start(context.Context) error
	Stop(context.Context) error
}

// SweepEvery is how often each process looks for operations and events that
// nobody is at, such as those of a process that has died. No election decides who
// does, so that nothing waits for one after a crash.
const SweepEvery = 5 * time.Second

// Others are the other processes on the same database. It is [live.Hub].
type Others interface {
	// CallToWork tells them that there is an operation that this one cannot carry out,
	// as it cannot reach Stripe. It does not block.
	CallToWork()
	// CalledToWork holds a value when one of them has said so.
	CalledToWork() <-chan struct{}
}

// Options are what the workers work with.
type Options struct {
	Store  *store.Store
	Stripe *stripeapi.Client
	Engine *stripesync.Engine
	Inbox  *webhooks.Inbox
	// Alarm is the engine's and the inbox's.
	Alarm  *Alarm
	Others Others
	// Sweeper and Reconciliation look for what no webhook has brought.
	Sweeper        *webhooks.Sweeper
	Reconciliation *reconciliation.Reconciliation
	Retention      *retention.Retention
	Logger         *slog.Logger
}

// NewWorkers builds the working side of the queue. All replicas work and sweep,
// but for those that cannot reach Stripe.
func NewWorkers(o Options) (*Workers, error) {
	s, engine, inbox := o.Store, o.Engine, o.Inbox
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[runOperation]) error {
		_, err := engine.Run(stripeapi.Background(context.WithoutCancel(ctx)), job.Args.OperationID)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[applyEvents]) error {
		return inbox.Apply(stripeapi.Background(context.WithoutCancel(ctx)), job.Args.Object)
	}))
	config := &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			operationsQueue:    {MaxWorkers: operationWorkers},
			eventsQueue:        {MaxWorkers: eventWorkers},
			river.QueueDefault: {MaxWorkers: 2, FetchPollInterval: 5 * time.Second}, // jobs of an earlier version
		},
		Logger:                      slog.New(atLeastWarn{o.Logger.Handler()}),
		FetchCooldown:               20 * time.Millisecond,
		FetchPollInterval:           time.Second,
		CompletedJobRetentionPeriod: 10 * time.Minute,
		Test:                        river.TestConfig{Time: clock(s.Now)},
	}
	if s.Dialect() == dialect.SQLite {
		config.FetchPollInterval = 200 * time.Millisecond // there is no notification
		client, err := river.NewClient(riversqlite.New(s.DB), config)
		if err != nil {
			return nil, err
		}
		return o.workers(client), nil
	}
	client, err := river.NewClient(riverpgxv5.New(s.Queue), config)
	if err != nil {
		return nil, err
	}
	return o.workers(client), nil
}

// gateEvery is how often is looked whether Stripe can be reached from here.
const gateEvery = 100 * time.Millisecond

// Start begins to work, until Stop. While Stripe cannot be reached from this
// process, it takes no jobs: another replica may be able to do them.
func (w *Workers) Start(ctx context.Context) error {
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := w.queue.Start(context.WithoutCancel(ctx)); err != nil {
		w.stop()
		return err
	}
	w.look(ctx, w.first)
	w.done.Go(func() { w.follow(ctx) })
	w.done.Go(func() { w.followStripe(ctx) })
	w.done.Go(func() { w.keepTidy(ctx) })
	for range operationWorkers {
		w.done.Go(func() { w.runFresh(ctx) })
	}
	for range eventWorkers {
		w.done.Go(func() { w.applyFresh(ctx) })
	}
	return nil
}

// tidyEvery is how often each process removes what has had its time.
const tidyEvery = time.Hour

func (w *Workers) keepTidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		if err := w.tidy(ctx); err != nil && ctx.Err() == nil {
			w.logger.Warn("old rows could not be removed; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// operationWorkers is how many operations that nobody waits for are carried out at
// the same time: of those that this process has begun, and of those in the queue.
const operationWorkers = 12

// runFresh carries out what this process has begun and nobody waits for, or calls the
// others to it while this one cannot reach Stripe. What nobody gets to is found by the
// sweep.
func (w *Workers) runFresh(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-w.fresh:
			if !w.available() {
				w.others.CallToWork()
				continue
			}
			if _, err := w.run(stripeapi.Background(context.WithoutCancel(ctx)), id); err != nil {
				w.logger.Error("an operation stopped on a fault here; it is taken up again", "operation", id, "error", err)
			}
		}
	}
}

// eventWorkers is how many objects are read at the same time: of those whose events this
// process has stored, and of those in the queue.
const eventWorkers = 8

// applyFresh applies the events that this process has stored, or hands them over while
// it cannot reach Stripe.
func (w *Workers) applyFresh(ctx context.Context) {
	for {
		o, ok := w.events.Next(ctx)
		if !ok {
			return
		}
		var err error
		if background := stripeapi.Background(context.WithoutCancel(ctx)); w.available() {
			err = w.apply(background, o)
		} else {
			err = w.handOver(background, o)
		}
		if err != nil {
			w.logger.Error("events stopped on a fault here; they are taken up again", "object", o.ID, "error", err)
		}
	}
}

// CompareEvery is how often each process looks whether Stripe's events are to be
// read, or both halves compared. One of all replicas then does so.
const CompareEvery = 10 * time.Second

// followStripe looks for what no webhook has brought.
func (w *Workers) followStripe(ctx context.Context) {
	ticker := time.NewTicker(CompareEvery)
	defer ticker.Stop()
	due := w.started
	for {
		if w.available() {
			err := due(ctx)
			switch {
			case err == nil:
				due = w.compare
			case ctx.Err() == nil:
				w.logger.Warn("could not look for what no webhook has brought; it is tried again", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// callsTogether is for how long calls of other processes are gathered, so that many cost
// one look.
const callsTogether = 200 * time.Millisecond

// follow sweeps, looks for what others call to, and stops the queue while Stripe cannot
// be reached.
func (w *Workers) follow(ctx context.Context) {
	var called <-chan time.Time // goes off when a call is to be followed
	gate, sweep := time.NewTicker(gateEvery), time.NewTicker(SweepEvery)
	defer gate.Stop()
	defer sweep.Stop()
	working := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-gate.C:
			working = w.openOrClose(ctx, working)
		case <-sweep.C:
			w.look(ctx, w.sweep)
		case <-w.others.CalledToWork():
			if called == nil {
				called = time.After(callsTogether)
			}
		case <-called:
			called = nil
			w.look(ctx, w.due)
		}
	}
}

func (w *Workers) look(ctx context.Context, sweep func(context.Context) error) {
	if !w.available() {
		return
	}
	if err := sweep(ctx); err != nil && ctx.Err() == nil {
		w.logger.Warn("could not look for what nobody is at; it is tried again", "error", err)
	}
}

// openOrClose lets the queue work as long as Stripe can be reached, and returns
// whether it does.
func (w *Workers) openOrClose(ctx context.Context, working bool) bool {
	if w.available() == working {
		return working
	}
	change := w.queue.Start
	if working {
		change = w.queue.Stop
	}
	if err := change(context.WithoutCancel(ctx)); err != nil {
		w.logger.Error("the workers cannot follow whether Stripe can be reached; it is tried again", "error", err)
		return working
	}
	return !working
}

// Stop takes no more jobs, hands over the events that nobody has begun to apply, and
// waits for the jobs under way, until the context ends.
func (w *Workers) Stop(ctx context.Context) error {
	w.stop()
	handedOver := w.handOverFresh(ctx) // which may take no longer than what is under way
	done := make(chan struct{})
	go func() {
		w.done.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return errors.Join(handedOver, w.handOverFresh(ctx), w.queue.Stop(ctx))
}

// handOverFresh hands over the events that nobody has begun to apply, whether or not the
// context has ended. What is left is found by a sweep.
func (w *Workers) handOverFresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return w.handOver(ctx, w.events.All()...)
}

// atLeastWarn keeps River's own chatter out of the log.
type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
