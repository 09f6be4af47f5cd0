package stripesync

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tallystick/ent/predicate"
	"tallystick/ent/stripecall"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// callLog puts an operation's requests to Stripe on record: a row before each
// request leaves, completed together with what the operation makes of the
// answer.
type callLog struct {
	engine      *Engine
	operationID string
	// admit makes sure of the operation's lease for one more request, and puts that on
	// record.
	admit func(ctx context.Context, record func(context.Context, store.Writer) error) error

	mu   sync.Mutex
	open []recordedCall // requests whose outcome is not in the database yet
}

type recordedCall struct {
	id   string
	call *stripeapi.Call
	done bool
}

func (l *callLog) record(ctx context.Context) context.Context { return stripeapi.WithRecorder(ctx, l) }

// Started implements [stripeapi.Recorder].
func (l *callLog) Started(ctx context.Context, c *stripeapi.Call) error {
	id := billing.NewID(billing.StripeCallPrefix)
	err := l.admit(ctx, func(ctx context.Context, w store.Writer) error {
		create := w.StripeCall.Create().
			SetID(id).
			SetOperationID(l.operationID).
			SetMethod(c.Method).
			SetPath(c.Path).
			SetAt(c.At.UTC().Truncate(time.Microsecond))
		if c.IdempotencyKey != "" {
			create.SetIdempotencyKey(c.IdempotencyKey)
		}
		return create.Exec(ctx)
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, recordedCall{id: id, call: c})
	return nil
}

// Finished implements [stripeapi.Recorder].
func (l *callLog) Finished(_ context.Context, c *stripeapi.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.open {
		if l.open[i].call == c {
			l.open[i].done = true
		}
	}
}

// flush writes the outcomes that are known.
func (l *callLog) flush(ctx context.Context, w store.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.open {
		if !o.done {
			continue
		}
		update := w.StripeCall.Update().Where(stripecall.ID(o.id)).SetDurationMs(int(o.call.Duration.Milliseconds()))
		if o.call.Status != 0 {
			update.SetStatus(o.call.Status)
		}
		if o.call.RequestID != "" {
			update.SetRequestID(o.call.RequestID)
		}
		if o.call.ErrorCode != "" {
			update.SetErrorCode(o.call.ErrorCode)
		}
		if err := update.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flushed forgets what flush has written, once that is committed.
func (l *callLog) flushed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.open[:0]
	for _, o := range l.open {
		if !o.done {
			kept = append(kept, o)
		}
	}
	l.open = kept
}

// flushLeftover writes what no transaction took along.
func (l *callLog) flushLeftover(ctx context.Context) error {
	err := l.flush(context.WithoutCancel(ctx), l.engine.store.Writer)
	if err == nil {
		l.flushed()
	}
	return err
}

// inDoubt reports whether Stripe may have carried out a request of a step that is not
// done: no answer came, or a server error, or one whose result could not be stored.
func (l *callLog) inDoubt(ctx context.Context, step string) (bool, error) {
	if err := l.flushLeftover(ctx); err != nil {
		return false, err
	}
	return l.engine.store.Reader.StripeCall.Query().
		Where(l.of(step)...).
		Where(stripecall.Or(stripecall.StatusIsNil(), stripecall.StatusLT(http.StatusBadRequest),
			stripecall.StatusGTE(http.StatusInternalServerError))).
		Exist(ctx)
}

// of selects the requests by which a step was to be done, whatever the
// generation of their keys, and not those by which it was to be undone.
func (l *callLog) of(step string) []predicate.StripeCall {
	key := l.operationID + ":" + step
	return []predicate.StripeCall{
		stripecall.OperationID(l.operationID),
		stripecall.Or(stripecall.IdempotencyKey(key), stripecall.IdempotencyKeyHasPrefix(key+":")),
		stripecall.Not(stripecall.IdempotencyKeyContains(string(keyOfUndo))),
	}
}

// usedBefore reports whether an idempotency key was used before a time.
func (l *callLog) usedBefore(ctx context.Context, key string, before time.Time) (bool, error) {
	return l.engine.store.Reader.StripeCall.Query().Where(
		stripecall.OperationID(l.operationID),
		stripecall.IdempotencyKey(key),
		stripecall.AtLT(before),
	).Exist(ctx)
}
