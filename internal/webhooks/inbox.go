package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tallystick/ent"
	"tallystick/ent/predicate"
	"tallystick/ent/webhookevent"
	"tallystick/internal/backoff"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

var received = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "tallystick_webhook_events_received_total",
	Help: "Events that Stripe sent: stored, duplicate or refused.",
}, []string{"outcome"})

var processed = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "tallystick_webhook_events_processed_total",
	Help: "Attempts to apply events, by what came of them.",
}, []string{"outcome"})

// Alarm wakes the inbox up for an object, in a transaction that makes its events wait.
type Alarm interface {
	ScheduleApply(ctx context.Context, tx *store.Tx, at time.Time, objects ...Object) error
	// ScheduleEcho schedules objects for now, behind all that ScheduleApply does:
	// those whose readers see the latest already.
	ScheduleEcho(ctx context.Context, tx *store.Tx, objects ...Object) error
}

// Object is something in Stripe.
type Object struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// lock names what those hold who store or apply events of the object.
func (o Object) lock() string { return o.Type + " " + o.ID }

// waiting selects the object's events that are not applied yet. The type
// counts: a recurring price and its plan have the same id.
func (o Object) waiting() []predicate.WebhookEvent {
	return []predicate.WebhookEvent{
		webhookevent.ObjectType(o.Type), webhookevent.ObjectID(o.ID), webhookevent.ProcessedAtIsNil(),
	}
}

// Inbox stores events and applies them. The events of an object are applied by one
// process at a time, all that are waiting together, so that a burst costs one
// request to Stripe.
type Inbox struct {
	store  *store.Store
	mirror *mirror.Mirror
	alarm  Alarm
	logger *slog.Logger
	now    func() time.Time
	// Fresh are the objects whose events nobody has begun to apply.
	Fresh *Fresh
}

// NewInbox builds an inbox.
func NewInbox(s *store.Store, m *mirror.Mirror, alarm Alarm, logger *slog.Logger, now func() time.Time) *Inbox {
	for _, outcome := range []string{"stored", "duplicate", "refused"} { // so that an alert sees the first
		received.WithLabelValues(outcome)
	}
	for _, outcome := range append(billing.WebhookStatus("").Values(), "postponed") {
		processed.WithLabelValues(outcome)
	}
	return &Inbox{store: s, mirror: m, alarm: alarm, logger: logger, now: now, Fresh: newFresh()}
}

func (i *Inbox) clock() time.Time { return i.now().UTC().Truncate(time.Microsecond) }

// Store stores an event unless it is stored already, and has its object applied soon.
// An event that no object here can be affected by is stored as IGNORED: one without an
// object's id, or of a connected account. It fails only when the database does.
func (i *Inbox) Store(ctx context.Context, r Report) (stored bool, err error) {
	known, err := store.OrNil(i.store.Reader.WebhookEvent.Query().Where(webhookevent.StripeEventID(r.EventID)).Only(ctx))
	if err != nil {
		return false, err
	}
	if known != nil && known.Missed {
		return false, i.arrived(ctx, r.EventID)
	}
	if known != nil {
		if known.ProcessedAt == nil && !r.Echo {
			i.Fresh.note(r.object()) // whoever stored it may not know that it did
		}
		return false, nil
	}
	return i.keep(ctx, r, false)
}

// keep stores an event, unless it is known. missed says that no webhook has
// brought it.
func (i *Inbox) keep(ctx context.Context, r Report, missed bool) (stored bool, err error) {
	inTx := i.store.InPipeline
	if r.Echo && !r.ignorable() {
		inTx = i.store.InTx
	}
	err = inTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := i.clock()
		create := tx.WebhookEvent.Create().
			SetCreatedAt(now).
			SetUpdatedAt(now).
			SetStripeEventID(r.EventID).
			SetType(r.Type).
			SetObjectType(r.ObjectType).
			SetObjectID(r.ObjectID).
			SetOccurredAt(r.OccurredAt).
			SetMissed(missed)
		o := r.object()
		switch {
		case r.ignorable():
			create.SetStatus(billing.WebhookIgnored).SetProcessedAt(now)
			tx.AfterCommit(func() { processed.WithLabelValues(string(billing.WebhookIgnored)).Inc() })
		case r.Echo:
			return i.keepEcho(ctx, tx, o, create.SetNextAttemptAt(now), now)
		default:
			tx.AfterCommit(func() { i.Fresh.note(o) })
		}
		return create.Exec(ctx)
	})
	if store.IsUnique(err) {
		if !r.Echo && !r.ignorable() {
			i.Fresh.note(r.object()) // it may be ours, of an attempt whose answer was lost
		}
		return false, nil
	}
	return err == nil, err
}

// keepEcho stores an event of an operation's own request, whose object is applied by a
// job, unless its events wait already.
func (i *Inbox) keepEcho(ctx context.Context, tx *store.Tx, o Object, create *ent.WebhookEventCreate, now time.Time) error {
	if err := tx.LockName(ctx, o.lock()); err != nil {
		return err
	}
	awake, err := tx.WebhookEvent.Query().Where(append(o.waiting(),
		webhookevent.Or(webhookevent.NextAttemptAtIsNil(), webhookevent.NextAttemptAtLTE(now)))...).Exist(ctx)
	if err != nil {
		return err
	}
	if err := create.Exec(ctx); err != nil || awake {
		return err
	}
	return i.alarm.ScheduleEcho(ctx, tx, o)
}

// HandOver schedules objects whose events this process cannot apply, for any, unless they
// are scheduled already. It fails only when the database does; the sweep finds them then.
func (i *Inbox) HandOver(ctx context.Context, objects ...Object) error {
	const most = 100 // in one statement
	for some := range slices.Chunk(objects, most) {
		var left []predicate.WebhookEvent
		for _, o := range some {
			scheduled, err := i.store.Reader.WebhookEvent.Query().Where(o.waiting()...).
				Where(webhookevent.NextAttemptAtLTE(i.clock())).Exist(ctx)
			if err != nil {
				return err
			}
			if !scheduled {
				left = append(left, webhookevent.And(o.waiting()...))
			}
		}
		for woken := mostWoken; woken == mostWoken && len(left) > 0; {
			var err error
			if woken, err = i.wake(ctx, i.alarmNow, webhookevent.Or(left...), webhookevent.NextAttemptAtIsNil()); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim is how long an object belongs to the process that applies its events. If
// two processes apply them all the same, that does no harm: each reads the object
// from Stripe.
const claim = 15 * time.Second

// Apply mirrors an object for all its waiting events. It does nothing when there
// are none, or while another process applies them. When the object cannot be
// mirrored, because Stripe does not answer or an operation is changing it, the
// events are scheduled again and Apply returns nil. It fails only when the database
// does.
func (i *Inbox) Apply(ctx context.Context, o Object) error {
	for {
		ids, err := i.take(ctx, o)
		if err != nil || len(ids) == 0 {
			return err
		}
		mirrored, err := i.mirror.Refresh(ctx, o.Type, o.ID)
		more, err := i.settle(ctx, o, ids, mirrored, err)
		if err != nil || !more {
			return err
		}
	}
}

// Again has the events of an object that were applied since a time applied once more,
// after the commit. It fails only when the database does.
func (i *Inbox) Again(ctx context.Context, tx *store.Tx, since time.Time, o Object) error {
	if err := tx.LockName(ctx, o.lock()); err != nil {
		return err
	}
	n, err := tx.WebhookEvent.Update().
		Where(
			webhookevent.ObjectType(o.Type), webhookevent.ObjectID(o.ID),
			webhookevent.StatusEQ(billing.WebhookProcessed), webhookevent.ProcessedAtGTE(since),
		).
		SetStatus(billing.WebhookPending).ClearProcessedAt().ClearNextAttemptAt().Save(ctx)
	if n == 0 || err != nil {
		return err
	}
	return i.alarmNow(ctx, tx, o)
}

// take claims the events of an object that wait.
func (i *Inbox) take(ctx context.Context, o Object) (ids []string, err error) {
	err = i.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		ids = nil
		if err := tx.LockName(ctx, o.lock()); err != nil {
			return err
		}
		now := i.clock()
		busy, err := tx.WebhookEvent.Query().Where(
			append(o.waiting(), webhookevent.ClaimedUntilGT(now))...,
		).Exist(ctx)
		if err != nil || busy {
			return err
		}
		if ids, err = tx.WebhookEvent.Query().Where(
			o.waiting()...,
		).IDs(ctx); err != nil || len(ids) == 0 {
			return err
		}
		return tx.WebhookEvent.Update().Where(webhookevent.IDIn(ids...)).
			SetClaimedUntil(now.Add(claim)).ClearNextAttemptAt().Exec(ctx)
	})
	return ids, err
}

// settle writes down what came of the claimed events, and reports whether more
// have come in meanwhile. What failed is tried again later.
func (i *Inbox) settle(ctx context.Context, o Object, ids []string, mirrored bool, cause error) (more bool, err error) {
	status := billing.WebhookProcessed
	switch {
	case cause != nil:
		return false, i.postpone(ctx, o, ids, cause)
	case !mirrored:
		status = billing.WebhookIgnored
	}
	processed.WithLabelValues(string(status)).Add(float64(len(ids)))
	err = i.store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.LockName(ctx, o.lock()); err != nil {
			return err
		}
		update := tx.WebhookEvent.Update().Where(webhookevent.IDIn(ids...)).
			SetStatus(status).SetProcessedAt(i.clock()).AddAttempts(1).ClearClaimedUntil().ClearLastError()
		if err := update.Exec(ctx); err != nil {
			return err
		}
		more, err = tx.WebhookEvent.Query().Where(
			o.waiting()...,
		).Exist(ctx)
		return err
	})
	return more, err
}

// postpone lets the events wait: for an operation that is changing the object,
// or for Stripe.
func (i *Inbox) postpone(ctx context.Context, o Object, ids []string, cause error) error {
	reason, delay := i.judge(ctx, o, cause)
	processed.WithLabelValues("postponed").Add(float64(len(ids)))
	return i.store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.LockName(ctx, o.lock()); err != nil {
			return err
		}
		first, err := tx.WebhookEvent.Get(ctx, ids[0])
		if err != nil {
			return err
		}
		at := i.clock().Add(delay(first)).Truncate(time.Microsecond)
		update := tx.WebhookEvent.Update().
			Where(o.waiting()...).
			SetNextAttemptAt(at).ClearClaimedUntil().SetLastError(reason)
		if !errors.Is(cause, mirror.ErrBusy) {
			update.AddAttempts(1)
		}
		if err := update.Exec(ctx); err != nil {
			return err
		}
		return i.alarm.ScheduleApply(ctx, tx, at, o)
	})
}

// judge says why events wait, and for how long.
func (i *Inbox) judge(ctx context.Context, o Object, cause error) (reason string, delay func(*ent.WebhookEvent) time.Duration) {
	if errors.Is(cause, mirror.ErrBusy) {
		return "An operation is changing the object.", func(first *ent.WebhookEvent) time.Duration {
			return min(max(i.clock().Sub(first.CreatedAt)/4, time.Second), 30*time.Second)
		}
	}
	if e := stripeapi.AsError(cause); e != nil {
		return e.Error(), afterTries
	}
	i.logger.ErrorContext(ctx, "an event could not be applied; it is tried again", "type", o.Type, "id", o.ID, "error", cause)
	return "Something went wrong here; the log has the rest.", afterTries
}

// afterTries is how long events wait after a number of tries: two seconds to
// ten minutes.
func afterTries(first *ent.WebhookEvent) time.Duration {
	return backoff.Delay(2*time.Second, 10*time.Minute, first.Attempts)
}

// Sweep wakes up objects whose events are overdue and not being applied, as after
// the death of a process. It fails only when the database does.
func (i *Inbox) Sweep(ctx context.Context) error {
	late := i.clock().Add(-sweepAfter)
	overdue := webhookevent.CreatedAtLT(late)
	// Echoes may be late without being forgotten: they come last.
	_, err := i.wake(ctx, i.alarmNow, overdue, webhookevent.NextAttemptAtIsNil())
	_, echoErr := i.wake(ctx, i.alarm.ScheduleEcho, overdue, webhookevent.NextAttemptAtLT(late))
	return errors.Join(err, echoErr)
}

// Recover wakes up all objects with events that wait for another attempt, once
// Stripe answers again. It fails only when the database does.
func (i *Inbox) Recover(ctx context.Context) error {
	for {
		n, err := i.wake(ctx, i.alarmNow, webhookevent.NextAttemptAtGT(i.clock()))
		if err != nil || n < mostWoken {
			return err
		}
	}
}

func (i *Inbox) alarmNow(ctx context.Context, tx *store.Tx, objects ...Object) error {
	return i.alarm.ScheduleApply(ctx, tx, i.clock(), objects...)
}

// wake wakes up objects by their events, the oldest first.
func (i *Inbox) wake(
	ctx context.Context, schedule func(context.Context, *store.Tx, ...Object) error, which ...predicate.WebhookEvent,
) (n int, err error) {
	err = i.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		now := i.clock()
		rows, err := tx.WebhookEvent.Query().
			Where(
				webhookevent.ProcessedAtIsNil(),
				webhookevent.Or(webhookevent.ClaimedUntilIsNil(), webhookevent.ClaimedUntilLT(now)),
				store.ForUpdateIfFree,
			).
			Where(which...).
			Order(webhookevent.ByCreatedAt()).
			Limit(mostWoken).
			All(ctx)
		if n = len(rows); err != nil || n == 0 {
			return err
		}
		seen := map[Object]bool{}
		var objects []Object
		ids := make([]string, len(rows))
		for n, row := range rows {
			ids[n] = row.ID
			o := Object{Type: row.ObjectType, ID: row.ObjectID}
			if !seen[o] {
				seen[o] = true
				objects = append(objects, o)
			}
		}
		if err := tx.WebhookEvent.Update().Where(webhookevent.IDIn(ids...)).SetNextAttemptAt(now).Exec(ctx); err != nil {
			return err
		}
		if err := schedule(ctx, tx, objects...); err != nil {
			return fmt.Errorf("wake up the inbox: %w", err)
		}
		return nil
	})
	return n, err
}

// mostWoken is how many events are woken up in one transaction.
const mostWoken = 500

// sweepAfter is how long the sweep gives an alarm to go off by itself.
const sweepAfter = 20 * time.Second
