package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// together sends pipelines to PostgreSQL. Those that come while others are under way go
// together in the next transaction, so that the more there are at a time, the fewer
// transactions they take. One that is refused in company is sent alone, so that nobody
// hears of another one's fault.
type together struct {
	// send carries statements out in one transaction. It is [Store.send].
	send func(context.Context, []statement) error
	// lanes is how many transactions are under way before the next pipelines gather.
	lanes int
	// patience is how long a pipeline gathers others, even though none of the
	// transactions under way has ended.
	patience time.Duration
	// lock is how long a transaction of several waits for a lock, which may be in the
	// way of one of them only. It is PostgreSQL's lock_timeout.
	lock string

	mu        sync.Mutex
	underWay  int
	gathering []*member
	// most is how many gather; they do not wait for more. It is halved by each
	// transaction that is refused and grows by one with each other, so that where many
	// are refused, few do in vain what they do again alone.
	most int
}

const mostTogether = 32

// member is a pipeline that gathers with others. It is told once.
type member struct {
	statements []statement
	told       chan verdict
}

// verdict tells a member how it has ended, or that it is the one to send all.
type verdict struct {
	all []*member // nil when another one has sent them
	err error
}

func newTogether(send func(context.Context, []statement) error) *together {
	return &together{
		send: send, lanes: max(1, runtime.GOMAXPROCS(0)/2), // each keeps a processor busy where PostgreSQL is
		patience: 50 * time.Millisecond, lock: "200ms", most: mostTogether,
	}
}

// errInCompany is the error of several pipelines of which one was refused.
var errInCompany = errors.New("one of several pipelines was refused")

// carry has the statements of a pipeline carried out in one transaction. Its errors are
// those of send with these statements alone.
func (t *together) carry(ctx context.Context, statements []statement) error {
	v := t.await(t.join(statements))
	if v.all != nil {
		v.err = t.sendAll(ctx, v.all)
	}
	if errors.Is(v.err, errInCompany) {
		return t.send(ctx, statements)
	}
	return v.err
}

// join adds a pipeline to those that gather. It is to send them at once when there is
// nothing to wait for.
func (t *together) join(statements []statement) *member {
	m := &member{statements: statements, told: make(chan verdict, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gathering = append(t.gathering, m)
	if t.underWay < t.lanes || len(t.gathering) >= t.most {
		m.told <- verdict{all: t.leave()}
	}
	return m
}

func (t *together) await(m *member) verdict {
	timer := time.NewTimer(t.patience)
	defer timer.Stop()
	select {
	case v := <-m.told:
		return v
	case <-timer.C:
	}
	t.mu.Lock()
	if slices.Contains(t.gathering, m) {
		defer t.mu.Unlock()
		return verdict{all: t.leave()}
	}
	t.mu.Unlock()
	return <-m.told // they are under way
}

// leave takes those that have gathered, to be sent. The caller holds the lock.
func (t *together) leave() []*member {
	all := t.gathering
	t.gathering = nil
	t.underWay++
	return all
}

// arrive lets those leave that have gathered meanwhile.
func (t *together) arrive(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wasRefused(err) {
		t.most = max(1, t.most/2)
	} else {
		t.most = min(t.most+1, mostTogether)
	}
	t.underWay--
	if len(t.gathering) > 0 {
		first := t.gathering[0]
		first.told <- verdict{all: t.leave()}
	}
}

// wasRefused reports whether the server has refused a statement, so that nothing was
// committed.
func wasRefused(err error) bool {
	_, refused := errors.AsType[*pgconn.PgError](err)
	return refused && !errors.Is(err, ErrInDoubt)
}

// sendAll sends several pipelines, and tells them how that has ended.
func (t *together) sendAll(ctx context.Context, all []*member) (err error) {
	err = ErrInDoubt // unless send returns
	defer func() {
		t.arrive(err)
		if len(all) > 1 && wasRefused(err) {
			err = errInCompany
		}
		for _, m := range all {
			m.told <- verdict{err: err} // nobody takes the caller's
		}
	}()
	if len(all) == 1 {
		return t.send(ctx, all[0].statements)
	}
	statements := []statement{{"SELECT set_config('lock_timeout', $1, true)", []any{t.lock}}}
	for _, m := range all {
		statements = append(statements, m.statements...)
	}
	return t.send(ctx, statements)
}
