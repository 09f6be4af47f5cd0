// Package customers changes customers, here and in Stripe. Each change has a file,
// which reads from its input to its end: what it takes and when it is allowed, its
// requests to Stripe and how each is undone, and what readers see at the end.
//
// An operation is SUCCEEDED when all its steps are DONE. After a refusal by Stripe it is
// FAILED, and so is the refused step; the earlier ones are COMPENSATED, or DONE if they
// have Keep, and the later ones TODO. An undo that Stripe refuses because the object is
// gone counts as done; after any other refusal of an undo the operation is
// NEEDS_ATTENTION, and that step and the earlier ones keep their status.
//
// When an earlier request of the refused step got no answer, or a server error, that
// request is settled first: Spend is called, then Find. An object that Find finds makes
// the step DONE, and the operation goes on. Where Spend shows that the request was
// carried out, the step is sent once more, and Stripe repeats its answer. In that case a
// refused step with neither Find nor Keep is undone too, before the earlier ones, at first
// with its own key. It stays FAILED.
//
// Find is also called before a step gets another key: when Stripe may have forgotten the
// old one, when Stripe repeats a server error for it, when the operation is retried, and
// when a step is done again.
//
// A change that is rejected returns a [billing.Error]. The comment of each change
// names the codes of its own. Besides these, each returns INVALID_INPUT for a
// malformed input field, NOT_FOUND for a customer that does not exist,
// OPERATION_IN_PROGRESS when an earlier operation on the customer has not finished
// in time, IDEMPOTENCY_KEY_REUSED for a key that was used with another mutation or
// input, and STRIPE_REJECTED when Stripe rejects a request. Stripe being
// unavailable is not an error: the operation in the result is PENDING then, and
// goes on by itself. Every other error is an internal one.
package customers

import (
	"context"
	"log/slog"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// Customers changes customers.
type Customers struct {
	store  *store.Store
	sync   *stripesync.Engine
	mirror *mirror.Mirror

	creation    *stripesync.Operation[creation]
	restoration *stripesync.Operation[creation]
	update      *stripesync.Operation[update]
	deletion    *stripesync.Operation[deletion]
	linking     *stripesync.Operation[linking]

	logger  *slog.Logger
	repairs chan struct{} // taken by each link that a reader has begun
}

// repairsAtOnce is how many links readers begin at the same time.
const repairsAtOnce = 4

// New builds the changes to customers, and declares their operations to an engine.
func New(s *store.Store, e *stripesync.Engine, m *mirror.Mirror, logger *slog.Logger) *Customers {
	c := &Customers{store: s, sync: e, mirror: m, logger: logger, repairs: make(chan struct{}, repairsAtOnce)}
	c.creation = stripesync.Declare(e, creationOperation(billing.KindCreateCustomer))
	c.restoration = stripesync.Declare(e, creationOperation(billing.KindRestoreCustomer))
	c.update = stripesync.Declare(e, updateOperation())
	c.deletion = stripesync.Declare(e, c.deletionOperation())
	c.linking = stripesync.Declare(e, linkingOperation())
	return c
}

// Result is the result of a change to a customer.
type Result struct {
	// Customer is nil when the change never began.
	Customer  *ent.Customer
	Operation *ent.Operation
}

// CheckID returns INVALID_INPUT or NOT_FOUND, about the input field customerId,
// when an id is not that of a customer.
func CheckID(id string) error {
	return billing.CheckID("customer", billing.CustomerPrefix, id, "customerId")
}

// Lock reads a customer and locks its row until the transaction ends. It returns
// NOT_FOUND for a customer that does not exist or is deleted, and the error of
// [stripesync.Engine.NotBusy] while an operation is unfinished that a change cannot
// queue up behind: a deletion, or one that needs attention.
func (c *Customers) Lock(ctx context.Context, tx *store.Tx, id string) (*ent.Customer, error) {
	row, err := tx.Customer.Query().Where(customer.ID(id), store.ForUpdate).Only(ctx)
	if err != nil {
		return nil, billing.At(store.OrNotFound(err, "customer", id), "customerId")
	}
	return row, c.sync.NotBusy(ctx, tx, row.Stripe(),
		billing.KindCreateCustomer, billing.KindRestoreCustomer, billing.KindUpdateCustomer, billing.KindLinkCustomer)
}

// result reads the customer that an operation was on, also when that has
// deleted it.
func (c *Customers) result(ctx context.Context, op *ent.Operation, rejection error) (Result, error) {
	if op == nil {
		return Result{}, rejection
	}
	row, err := c.store.Reader.Customer.Get(store.WithDeleted(ctx), op.SubjectID)
	if err != nil {
		return Result{Operation: op}, err
	}
	return Result{Customer: row, Operation: op}, rejection
}

// taken is the rejection of an e-mail or an external id that somebody else has,
// with the customer that has it.
func (c *Customers) taken(ctx context.Context, email string, externalID *string) error {
	holder, err := c.store.Reader.Customer.Query().Where(store.HoldsEmail(email)).FirstID(ctx)
	if err == nil || externalID == nil || !ent.IsNotFound(err) {
		if ent.IsNotFound(err) { // deleted since
			err = nil
		}
		return orTaken(err, store.EmailTaken(email, holder))
	}
	holder, err = c.store.Reader.Customer.Query().Where(customer.ExternalID(*externalID)).FirstID(ctx)
	if ent.IsNotFound(err) {
		err = nil
	}
	return orTaken(err, store.ExternalIDTaken(holder))
}

func orTaken(err error, taken *billing.Error) error {
	if err != nil {
		return err
	}
	return taken
}

// finishLinked is finish for an operation that has created the customer in Stripe.
// Where it was deleted there since, it is not linked.
func finishLinked[P any](ctx context.Context, tx *store.Tx, e *stripesync.Ending[P], customerID string, linked Linked) error {
	id, err := linkedNow(ctx, tx, linked)
	if err != nil {
		return err
	}
	return finish(ctx, tx, e, customerID, func(u *ent.CustomerUpdateOne, _ *ent.Customer) {
		if id == "" {
			u.SetStripeStatus(billing.SyncUnlinked)
			return
		}
		u.SetStripeID(id)
	})
}

// showPending shows on a customer that an operation is under way.
func showPending(ctx context.Context, tx *store.Tx, row *ent.Customer, operationID string) error {
	return tx.Customer.UpdateOne(row).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(operationID).Exec(ctx)
}

// mark shows on an operation's customer how its link stands. A later operation
// that waits for its turn stays in sight.
func mark(ctx context.Context, tx *store.Tx, op *ent.Operation, show func(stripesync.Link)) error {
	u := tx.Customer.Update().Where(customer.ID(op.SubjectID), customer.StripeOperationID(op.ID))
	show(u.Mutation())
	return u.Exec(store.WithDeleted(ctx))
}

// finish writes the customer's row at the end of an operation. It shows both
// halves as equal, unless a later operation waits for its turn.
func finish[P any](ctx context.Context, tx *store.Tx, e *stripesync.Ending[P], customerID string, change func(*ent.CustomerUpdateOne, *ent.Customer)) error {
	ctx = store.WithDeleted(ctx)
	row, err := tx.Customer.Get(ctx, customerID)
	if err != nil {
		return err
	}
	u := tx.Customer.UpdateOne(row)
	if row.StripeOperationID != nil && *row.StripeOperationID == e.ID {
		stripesync.Synced(u.Mutation(), e.Now)
	}
	change(u, row)
	return u.Exec(ctx)
}
