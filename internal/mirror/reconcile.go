package mirror

import (
	"context"
	"errors"
	"time"

	"tallystick/ent/difference"
	"tallystick/ent/predicate"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Summary counts what a reconciliation has done.
type Summary struct {
	Compared int // objects
	Found    int // differences
	Repaired int // of those
}

// Reconciliation says what becomes of differences.
type Reconciliation struct {
	// Repair repairs differences: products, prices and customers that were created
	// here are changed in Stripe; everything else is changed here, and what exists
	// only in Stripe is shown. Nothing is deleted in Stripe.
	Repair bool
	// TakeIn repairs differences here alone, as an import does.
	TakeIn bool
	// Progress is called for each object that was compared, with its type; nil for
	// nothing. Its error ends the reconciliation.
	Progress func(ctx context.Context, objectType string) error
}

// Reconcile compares both halves completely, and records or repairs what differs. A
// difference that was recorded before and is gone counts as repaired. When Stripe
// cannot be asked, it returns a [stripeapi.Error] with the counts so far; the open
// differences stay open.
func (m *Mirror) Reconcile(ctx context.Context, r Reconciliation) (Summary, error) {
	var sum Summary
	began := m.clock()
	err := m.Compare(ctx, Comparison{
		Compared: func(ctx context.Context, objectType string) error {
			sum.Compared++
			if r.Progress == nil {
				return nil
			}
			return r.Progress(ctx, objectType)
		},
		takesIn: r.Repair || r.TakeIn,
		tookIn: func(ctx context.Context, d Difference) error {
			sum.Found++
			sum.Repaired++
			if r.TakeIn { // an import is made of nothing else
				return nil
			}
			return m.record(ctx, d, true)
		},
		Found: func(ctx context.Context, d Difference) error {
			sum.Found++
			if r.Repair || r.TakeIn {
				repaired, err := m.repair(ctx, d, r.Repair)
				if err != nil {
					return err
				}
				if repaired {
					sum.Repaired++
					return m.record(ctx, d, true)
				}
			}
			return m.record(ctx, d, false)
		},
	})
	if err != nil {
		return sum, err
	}
	return sum, m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Difference.Update().
			Where(difference.RepairedAtIsNil(), difference.UpdatedAtLT(began)).
			SetRepairedAt(m.clock()).Exec(ctx); err != nil {
			return err
		}
		return tx.StripeAccount.Update().SetReconciledAt(m.clock()).Exec(ctx)
	})
}

// record keeps a difference, once as long as it is open.
func (m *Mirror) record(ctx context.Context, d Difference, repaired bool) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		open, err := store.OrNil(tx.Difference.Query().Where(d.same()...).First(ctx))
		if err != nil {
			return err
		}
		if open != nil {
			update := tx.Difference.UpdateOne(open).SetOurs(d.Ours).SetStripes(d.Stripes).SetUpdatedAt(m.clock())
			if repaired {
				update.SetRepairedAt(m.clock())
			}
			return update.Exec(ctx)
		}
		create := tx.Difference.Create().
			SetKind(d.Kind).SetObjectType(d.Object).
			SetNillableObjectID(stripeapi.NonEmpty(d.ID)).SetNillableStripeID(stripeapi.NonEmpty(d.StripeID)).
			SetNillableProperty(stripeapi.NonEmpty(d.Field)).
			SetCreatedAt(m.clock()).SetUpdatedAt(m.clock())
		if d.Kind == billing.DifferenceChanged {
			create.SetOurs(d.Ours).SetStripes(d.Stripes)
		}
		if repaired {
			create.SetRepairedAt(m.clock())
		}
		return create.Exec(ctx)
	})
}

// same selects the open record of a difference.
func (d Difference) same() []predicate.Difference {
	where := []predicate.Difference{
		difference.RepairedAtIsNil(), difference.KindEQ(d.Kind), difference.ObjectType(d.Object), difference.StripeID(d.StripeID),
		difference.PropertyIsNil(),
	}
	if d.Field != "" {
		where[4] = difference.Property(d.Field)
	}
	return where
}

// repair makes both halves of an object equal, and reports whether they are.
func (m *Mirror) repair(ctx context.Context, d Difference, followsOurs bool) (bool, error) {
	if d.Kind == billing.DifferenceDuplicate { // only a person can tell which one to keep
		return false, nil
	}
	if d.Kind == billing.DifferenceChanged && followsOurs && d.madeHere {
		equal, err := m.equalNow(ctx, d)
		if err != nil {
			return false, err
		}
		if !equal { // as it is once another field of it was repaired
			if err := m.push(ctx, d.Object, d.ID); err != nil {
				return false, err
			}
		}
	}
	if _, err := m.refreshObject(alone(ctx), d.Object, d.StripeID); err != nil {
		if errors.Is(err, ErrBusy) {
			return false, nil
		}
		return false, err
	}
	if d.Kind == billing.DifferenceMissing && d.Object == "customer" && followsOurs {
		return true, m.relink(ctx, d.ID)
	}
	if d.Kind == billing.DifferenceMissing {
		return true, nil
	}
	return m.equalNow(ctx, d)
}

// equalNow reports whether an object is the same in both halves by now.
func (m *Mirror) equalNow(ctx context.Context, d Difference) (bool, error) {
	k, found := m.kind(d.Object)
	if !found {
		return false, nil
	}
	raw, err := k.read(ctx, d.StripeID)
	if err != nil || raw == nil {
		return raw == nil, err
	}
	c, err := k.compare(ctx, raw)
	return err == nil && c.equal(), err
}

// SweepDue reports whether no replica has read Stripe's list of events for a time,
// and reserves the reading for the caller if so. from is up to when the list was
// read.
func (m *Mirror) SweepDue(ctx context.Context, every time.Duration) (from *time.Time, due bool, err error) {
	err = m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		from, due = nil, false
		account, err := store.OrNil(tx.StripeAccount.Query().Where(lockAccount).Only(ctx))
		if account == nil || err != nil {
			return err
		}
		now := m.clock()
		if account.SweptAt != nil && now.Sub(*account.SweptAt) < every {
			return nil
		}
		due, from = true, account.EventsReadTo
		if from == nil {
			from = &account.CreatedAt
		}
		return tx.StripeAccount.UpdateOne(account).SetSweptAt(now).Exec(ctx)
	})
	return from, due, err
}

var lockAccount predicate.StripeAccount = store.ForUpdate

// Swept stores up to when Stripe's list of events has been read.
func (m *Mirror) Swept(ctx context.Context, to time.Time) error {
	return m.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.StripeAccount.Update().SetEventsReadTo(to).Exec(ctx)
	})
}

// ReconcileDue reports whether the last complete comparison, or else the first
// contact with the account, is longer ago than a time. It is false before the first
// contact.
func (m *Mirror) ReconcileDue(ctx context.Context, every time.Duration) (bool, error) {
	account, err := store.OrNil(m.store.Reader.StripeAccount.Query().Only(ctx))
	if account == nil || err != nil {
		return false, err
	}
	last := account.CreatedAt
	if account.ReconciledAt != nil {
		last = *account.ReconciledAt
	}
	return m.clock().Sub(last) >= every, nil
}

// Stopped returns how long ago Stripe's list of events was read last; 0 if it never
// was.
func (m *Mirror) Stopped(ctx context.Context) (time.Duration, error) {
	account, err := store.OrNil(m.store.Reader.StripeAccount.Query().Only(ctx))
	if account == nil || err != nil || account.SweptAt == nil {
		return 0, err
	}
	return m.clock().Sub(*account.SweptAt), nil
}
