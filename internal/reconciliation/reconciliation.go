// Package reconciliation compares both halves completely, when somebody asks for
// it, every night, and after a longer stop.
package reconciliation

import (
	"context"
	"log/slog"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// Reconciliation begins comparisons.
type Reconciliation struct {
	store  *store.Store
	sync   *stripesync.Engine
	mirror *mirror.Mirror
	logger *slog.Logger

	operation *stripesync.Operation[task]
}

// New declares comparisons to an engine.
func New(s *store.Store, e *stripesync.Engine, m *mirror.Mirror, logger *slog.Logger) *Reconciliation {
	r := &Reconciliation{store: s, sync: e, mirror: m, logger: logger}
	r.operation = stripesync.Declare(e, r.declaration())
	return r
}

// StartReconciliation is the input of [Reconciliation.StartReconciliation].
type StartReconciliation struct {
	Repair         bool
	IdempotencyKey *string
}

// StartReconciliation begins to compare both halves completely, and waits for the
// end as long as a mutation may. While another comparison is under way, it is
// OPERATION_IN_PROGRESS.
func (r *Reconciliation) StartReconciliation(ctx context.Context, in StartReconciliation) (*ent.Operation, error) {
	return r.sync.Submit(ctx, stripesync.Mutation{
		Name: "startReconciliation", Key: in.IdempotencyKey, Input: in,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			return r.begin(ctx, tx, in.Repair, false)
		},
	})
}

// Every is how often both halves are compared.
const Every = 24 * time.Hour

// LongStop is how long nothing may have read Stripe's events before a start
// compares both halves: a server that was down, or a database that was restored.
const LongStop = time.Hour

// StartIfDue begins a comparison when the last one is too long ago.
func (r *Reconciliation) StartIfDue(ctx context.Context) error {
	due, err := r.mirror.ReconcileDue(ctx, Every)
	if err != nil || !due {
		return err
	}
	return r.start(ctx)
}

// StartAfterStop begins a comparison when nothing has read Stripe's events for
// long.
func (r *Reconciliation) StartAfterStop(ctx context.Context) error {
	stopped, err := r.mirror.Stopped(ctx)
	if err != nil || stopped < LongStop {
		return err
	}
	r.logger.Info("both halves are compared, since nothing has read Stripe's events for long", "for", stopped.Round(time.Second))
	return r.start(ctx)
}

// start begins a comparison in the background, unless one is under way.
func (r *Reconciliation) start(ctx context.Context) error {
	err := r.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := r.begin(ctx, tx, false, true)
		return err
	})
	if billing.IsCode(err, billing.CodeOperationInProgress) {
		return nil
	}
	return err
}

// scope is the one within which comparisons run one at a time.
const scope = "reconciliation"

func (r *Reconciliation) begin(ctx context.Context, tx *store.Tx, repair, background bool) (*ent.Operation, error) {
	if err := tx.LockName(ctx, scope); err != nil {
		return nil, err
	}
	underWay, err := store.OrNil(tx.Operation.Query().Where(operation.ScopeID(scope), operation.FinishedAtIsNil()).First(ctx))
	if err != nil {
		return nil, err
	}
	if underWay != nil {
		return nil, billing.Errorf(billing.CodeOperationInProgress, "Both halves are being compared.").About(underWay.ID)
	}
	id := stripesync.NewID()
	return r.operation.Begin(ctx, tx, stripesync.Beginning[task]{
		ID: id, Subject: scope, Scope: scope, Background: background,
		Params: task{Repair: repair}, Steps: []stripesync.StepOf[task]{r.compareStep()},
	})
}

// task is the frozen input of the operation: a comparison, or the repair of one object.
type task struct {
	Repair bool        `json:"repair,omitempty"`
	Object *repairable `json:"object,omitempty"`
}

// compareStep compares both halves. It can be repeated from the beginning at any time.
// Its requests are not on record: there are too many.
func (r *Reconciliation) compareStep() *stripesync.Step[task, stripesync.Nothing] {
	return &stripesync.Step[task, stripesync.Nothing]{
		Name: "compare",
		Do: func(c *stripesync.Call[task]) (stripesync.Nothing, error) {
			ctx := stripeapi.WithoutRecorder(c)
			sum, err := r.mirror.Reconcile(ctx, mirror.Reconciliation{
				Repair:   c.Params.Repair,
				Progress: func(context.Context, string) error { return c.KeepLease() },
			})
			if err == nil {
				r.logger.InfoContext(ctx, "both halves are compared",
					"objects", sum.Compared, "differences", sum.Found, "repaired", sum.Repaired)
			}
			return stripesync.Nothing{}, err
		},
		Keep: true,
	}
}

// declaration is that of both kinds of task, neither of which changes a row.
func (r *Reconciliation) declaration() *stripesync.Operation[task] {
	nothing := func(context.Context, *store.Tx, *stripesync.Ending[task]) error { return nil }
	return &stripesync.Operation[task]{
		Kind:    billing.KindReconcile,
		Steps:   []stripesync.StepOf[task]{r.compareStep(), r.pushStep()},
		Finish:  nothing,
		Discard: nothing,
		Resolve: func(context.Context, *store.Tx, *stripesync.Ending[task]) ([]stripesync.Object, error) {
			return nil, nil
		},
		Mark: func(context.Context, *store.Tx, *ent.Operation, func(stripesync.Link)) error { return nil },
	}
}
