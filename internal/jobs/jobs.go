// Package jobs wires the job queue, River, to the sync engine. Jobs are rows
// in the same database, so they are inserted in the transaction of the change
// that needs them.
package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

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

// sweep wakes up the operations and events that nobody is at.
type sweep struct{}

// Kind implements [river.JobArgs].
func (sweep) Kind() string { return "sweep" }

// applyEvents mirrors an object for the events that report on it.
type applyEvents struct {
	Object webhooks.Object `json:"object"`
}

// Kind implements [river.JobArgs].
func (applyEvents) Kind() string { return "apply_events" }

// The queues, so that nothing waits behind a backlog that need not: the sweep,
// events and operations have workers of their own.
const (
	operationsQueue = "operations"
	eventsQueue     = "events"
	sweepQueue      = "sweep"
)

// Alarm inserts the jobs that wake operations and the inbox up. It is the
// engine's [stripesync.Alarm] and the inbox's [webhooks.Alarm].
type Alarm struct {
	client *river.Client[*sql.Tx]
	now    func() time.Time
}

// NewAlarm builds the inserting side of the queue.
func NewAlarm(s *store.Store) (*Alarm, error) {
	config := &river.Config{Logger: slog.New(slog.DiscardHandler)}
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
	return &Alarm{client: client, now: s.Now}, nil
}

// Schedule implements [stripesync.Alarm].
func (a *Alarm) Schedule(ctx context.Context, tx *store.Tx, at time.Time, operationIDs ...string) error {
	args := make([]river.JobArgs, len(operationIDs))
	for i, id := range operationIDs {
		args[i] = runOperation{OperationID: id}
	}
	return a.insert(ctx, tx, operationsQueue, at, args)
}

// ScheduleApply implements [webhooks.Alarm].
func (a *Alarm) ScheduleApply(ctx context.Context, tx *store.Tx, at time.Time, objects ...webhooks.Object) error {
	args := make([]river.JobArgs, len(objects))
	for i, o := range objects {
		args[i] = applyEvents{Object: o}
	}
	return a.insert(ctx, tx, eventsQueue, at, args)
}

func (a *Alarm) insert(ctx context.Context, tx *store.Tx, queue string, at time.Time, args []river.JobArgs) error {
	jobs := make([]river.InsertManyParams, len(args))
	for i := range args {
		opts := &river.InsertOpts{MaxAttempts: 5, Queue: queue}
		if at.After(a.now()) {
			opts.ScheduledAt = at
		}
		jobs[i] = river.InsertManyParams{Args: args[i], InsertOpts: opts}
	}
	_, err := a.client.InsertManyFastTx(ctx, tx.SQL, jobs)
	return err
}

// oneSweep lets no sweep stand in line behind another one.
var oneSweep = &river.InsertOpts{
	MaxAttempts: 1, Queue: sweepQueue,
	UniqueOpts: river.UniqueOpts{ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}},
}

// Workers are the processes' share of the queue's work.
type Workers struct {
	start func(context.Context) error
	stop  func(context.Context) error
}

// SweepEvery is how often operations and events are looked for that nobody is
// at.
const SweepEvery = 5 * time.Second

// leave gives a job back that a replica has taken which cannot reach Stripe, for
// another one that can. When nobody has by the third time, the job is done with:
// the sweep schedules it anew once Stripe answers, and no backlog spins.
func leave(job *rivertype.JobRow) error {
	var metadata struct {
		Snoozes int `json:"snoozes"`
	}
	if err := json.Unmarshal(job.Metadata, &metadata); err != nil {
		return fmt.Errorf("read how often a job was given back: %w", err)
	}
	if metadata.Snoozes >= 3 {
		return nil
	}
	return river.JobSnooze(time.Second << metadata.Snoozes)
}

// Options are what the workers work with.
type Options struct {
	Store  *store.Store
	Stripe *stripeapi.Client
	Engine *stripesync.Engine
	Inbox  *webhooks.Inbox
	Logger *slog.Logger
}

// NewWorkers builds the working side of the queue. All replicas work, but for
// those that cannot reach Stripe; River elects the one that schedules sweeps.
func NewWorkers(o Options) (*Workers, error) {
	s, engine, inbox := o.Store, o.Engine, o.Inbox
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[runOperation]) error {
		if !o.Stripe.Available() {
			return leave(job.JobRow)
		}
		_, err := engine.Run(stripeapi.Background(context.WithoutCancel(ctx)), job.Args.OperationID)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[sweep]) error {
		_, err := engine.Sweep(ctx)
		return errors.Join(err, inbox.Sweep(ctx))
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, job *river.Job[applyEvents]) error {
		if !o.Stripe.Available() {
			return leave(job.JobRow)
		}
		return inbox.Apply(stripeapi.Background(context.WithoutCancel(ctx)), job.Args.Object)
	}))
	config := &river.Config{
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			operationsQueue:    {MaxWorkers: 12},
			eventsQueue:        {MaxWorkers: 8},
			sweepQueue:         {MaxWorkers: 1, FetchPollInterval: time.Second},
			river.QueueDefault: {MaxWorkers: 2, FetchPollInterval: 5 * time.Second}, // jobs of an earlier version
		},
		Logger: slog.New(atLeastWarn{o.Logger.Handler()}),
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(
			river.PeriodicInterval(SweepEvery),
			func() (river.JobArgs, *river.InsertOpts) { return sweep{}, oneSweep },
			&river.PeriodicJobOpts{RunOnStart: true},
		)},
		FetchCooldown:               20 * time.Millisecond,
		FetchPollInterval:           time.Second,
		CompletedJobRetentionPeriod: 10 * time.Minute,
	}
	if s.Dialect() == dialect.SQLite {
		config.FetchPollInterval = 200 * time.Millisecond // there is no notification
		client, err := river.NewClient(riversqlite.New(s.DB), config)
		if err != nil {
			return nil, err
		}
		return lifecycle(client), nil
	}
	client, err := river.NewClient(riverpgxv5.New(s.Pool), config)
	if err != nil {
		return nil, err
	}
	return lifecycle[pgx.Tx](client), nil
}

func lifecycle[Tx any](c *river.Client[Tx]) *Workers { return &Workers{start: c.Start, stop: c.Stop} }

// Start begins to work, until Stop.
func (w *Workers) Start(ctx context.Context) error { return w.start(context.WithoutCancel(ctx)) }

// Stop takes no more jobs and waits for those under way, until the context
// ends.
func (w *Workers) Stop(ctx context.Context) error { return w.stop(ctx) }

// atLeastWarn keeps River's own chatter out of the log.
type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}
