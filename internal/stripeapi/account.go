package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// Account is whom a key belongs to: one account of Stripe's in one mode, or a
// sandbox.
type Account struct {
	// ID is empty as long as Stripe has not told it.
	ID       string
	Livemode bool
	Sandbox  bool
}

func (a Account) String() string {
	who, mode := "the Stripe account", "test mode"
	if a.Livemode {
		mode = "live mode"
	}
	if a.Sandbox {
		who, mode = "the built-in sandbox", "a sandbox"
	}
	if a.ID == "" {
		return who + " in " + mode
	}
	return fmt.Sprintf("%s %s (%s)", who, a.ID, mode)
}

// SameMode reports whether two accounts may be the same one, as far as their
// keys tell.
func (a Account) SameMode(b Account) bool { return a.Livemode == b.Livemode && a.Sandbox == b.Sandbox }

// OfKey is what a key tells of its account.
func OfKey(secretKey string, sandbox bool) Account {
	return Account{Livemode: strings.Contains(secretKey, "_live_"), Sandbox: sandbox}
}

// ErrWrongAccount says that a key belongs to another account than the database
// does.
var ErrWrongAccount = errors.New("wrong Stripe account")

// Confirm asks Stripe whose key it is and lets a function hold that against what is
// known. Until it has agreed once, no word of Stripe's that something does not exist
// is believed. After that, each such word makes the client ask again whose account
// answers, and is believed only if it is the same one. When the function returns
// [ErrWrongAccount], nothing more is sent.
// A key that may not read its own account is taken at its word. Of two keys, the
// one that is not in use is asked about as well, so that it can take over; that
// Stripe does not accept it yet, or any more, is no error.
func (c *Client) Confirm(ctx context.Context, known func(context.Context, Account) error) error {
	inUse := int(c.keys.inUse.Load())
	spare := c.keys.other(inUse)
	if spare != inUse && c.gate.refused() {
		return c.probeNextKey(ctx, known)
	}
	err := c.confirm(ctx, inUse, known)
	if e := AsError(err); spare != inUse && (err == nil || e != nil && e.Status == http.StatusUnauthorized) {
		if spareErr := c.confirm(ctx, spare, known); spareErr == nil || AsError(spareErr) == nil {
			err = spareErr
		}
	}
	return err
}

// probeNextKey asks with the keys in turn, as one request at a time is let through
// while Stripe refuses them, and goes on with the first that is accepted again.
func (c *Client) probeNextKey(ctx context.Context, known func(context.Context, Account) error) error {
	key := int(c.keys.probed.Load())
	err := c.confirm(ctx, key, known)
	if err == nil {
		c.keys.inUse.Store(int32(key)) //nolint:gosec // 0 or 1
	}
	if e := AsError(err); e != nil && !e.NotSent {
		c.keys.probed.Store(int32(c.keys.other(key))) //nolint:gosec // 0 or 1
	}
	return err
}

// confirm is Confirm for one key, which is used from then on if that in use is not
// accepted.
func (c *Client) confirm(ctx context.Context, key int, known func(context.Context, Account) error) error {
	account := OfKey(c.keys.keys[key], c.sandbox)
	answer := &stripe.Account{}
	err := c.Accounts.B.Call(http.MethodGet, accountPath, c.keys.keys[key],
		&stripe.AccountParams{Params: stripe.Params{Context: pin(ctx, key)}}, answer)
	switch e := AsError(err); {
	case e != nil && e.Status == http.StatusForbidden:
		c.logger.Warn("The Stripe key may not read its own account; that it belongs to this database is not certain")
	case err != nil:
		return err
	default:
		account.ID = answer.ID
	}
	if err := known(ctx, account); err != nil {
		if errors.Is(err, ErrWrongAccount) {
			c.gate.wrong.Store(true)
		}
		return err
	}
	c.keys.trusted[key].Store(true)
	if inUse := int(c.keys.inUse.Load()); inUse != key && !c.keys.trusted[inUse].Load() {
		c.keys.inUse.Store(int32(key)) //nolint:gosec // 0 or 1
	}
	if account.ID != "" { // a key that may not tell takes nothing back
		c.gate.account.Store(account.ID)
	}
	c.gate.confirmed.Store(true)
	return nil
}

const accountPath = "/v1/account"

// unconfirmedError is the error of an answer that something does not exist,
// while it is not certain that the right account has given it.
type unconfirmedError struct{}

func (unconfirmedError) Error() string {
	return "Stripe has no such object, but whether this is the right account is not certain yet."
}
