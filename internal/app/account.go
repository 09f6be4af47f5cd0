package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tallystick/ent"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// confirmTime is how long a start waits for Stripe to tell whose key it is.
// When it does not, the watch asks on.
const confirmTime = 3 * time.Second

// confirmAccount refuses to start on a database that belongs to another account
// than the key. A Stripe that does not answer keeps nobody from starting.
func (a *App) confirmAccount(ctx context.Context, key stripeapi.Account) error {
	bound, err := a.boundAccount(ctx)
	if err != nil {
		return err
	}
	if bound != nil && !bound.SameMode(key) {
		return wrongAccount(*bound, key)
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	err = a.Stripe.Confirm(ctx, a.known)
	if stripeapi.AsError(err) != nil {
		return nil
	}
	return err
}

// confirmLater is asked by the watch as long as the account is not confirmed.
func (a *App) confirmLater(ctx context.Context) error {
	err := a.Stripe.Confirm(ctx, a.known)
	if errors.Is(err, stripeapi.ErrWrongAccount) {
		a.logger.Error("nothing more is sent to Stripe", "error", err)
	}
	return err
}

// boundAccount is whom the database belongs to; nil as long as it belongs to
// nobody.
func (a *App) boundAccount(ctx context.Context) (*stripeapi.Account, error) {
	row, err := store.OrNil(a.Store.Reader.StripeAccount.Query().Only(ctx))
	if row == nil || err != nil {
		return nil, err
	}
	return &stripeapi.Account{ID: row.AccountID, Livemode: row.Livemode, Sandbox: row.Sandbox}, nil
}

// known holds an account against that of the database.
func (a *App) known(ctx context.Context, account stripeapi.Account) error {
	if !a.reads {
		return a.bindAccount(ctx, account)
	}
	bound, err := a.boundAccount(ctx)
	if err != nil || bound == nil {
		return err
	}
	_, err = hold(*bound, account)
	return err
}

// hold returns an error unless both can be the same account, and whether the one
// that is asked about tells more.
func hold(bound, account stripeapi.Account) (learned bool, err error) {
	if !bound.SameMode(account) || bound.ID != "" && account.ID != "" && bound.ID != account.ID {
		return false, wrongAccount(bound, account)
	}
	return bound.ID == "" && account.ID != "", nil
}

// bindAccount binds the database to an account at first contact, and holds it to
// that from then on.
func (a *App) bindAccount(ctx context.Context, account stripeapi.Account) error {
	return a.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.LockName(ctx, "the Stripe account"); err != nil {
			return err
		}
		row, err := tx.StripeAccount.Query().Only(ctx)
		if ent.IsNotFound(err) {
			return tx.StripeAccount.Create().SetID(1).
				SetAccountID(account.ID).SetLivemode(account.Livemode).SetSandbox(account.Sandbox).Exec(ctx)
		}
		if err != nil {
			return err
		}
		learned, err := hold(stripeapi.Account{ID: row.AccountID, Livemode: row.Livemode, Sandbox: row.Sandbox}, account)
		if err != nil || !learned {
			return err
		}
		return tx.StripeAccount.UpdateOne(row).SetAccountID(account.ID).Exec(ctx)
	})
}

func wrongAccount(bound, key stripeapi.Account) error {
	return fmt.Errorf("%w: the database belongs to %s, and the key to %s; give each a database of its own",
		stripeapi.ErrWrongAccount, bound, key)
}
