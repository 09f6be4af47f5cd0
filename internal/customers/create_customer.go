package customers

import (
	"context"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// CreateCustomer is the input of [Customers.CreateCustomer].
type CreateCustomer struct {
	Email          string
	Name           *string
	ExternalID     *string
	Metadata       map[string]string
	IdempotencyKey *string
}

func (in CreateCustomer) check() error {
	return billing.First(
		billing.At(billing.CheckEmail(in.Email), "email"),
		billing.CheckOptional("name", in.Name, billing.MaxCustomerName, "name"),
		checkExternalID(in.ExternalID),
		billing.At(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

func checkExternalID(id *string) error {
	if id == nil {
		return nil
	}
	return billing.At(billing.CheckText("external id", *id, billing.MaxExternalID), "externalId")
}

// CreateCustomer creates a customer and returns without waiting for Stripe; a
// worker creates the customer there. It returns EMAIL_TAKEN or EXTERNAL_ID_TAKEN
// when a live customer has the e-mail or the external id.
func (c *Customers) CreateCustomer(ctx context.Context, in CreateCustomer) (Result, error) {
	var row *ent.Customer
	op, err := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "createCustomer", Key: in.IdempotencyKey, Input: in, Check: in.check, Background: true, InsertsOnly: true,
		Begin: func(ctx context.Context, tx *store.Tx) (_ *ent.Operation, err error) {
			id := stripesync.NewID()
			row, err = tx.Customer.Create().
				SetEmail(in.Email).
				SetName(billing.ValueOr(in.Name, "")).
				SetNillableExternalID(in.ExternalID).
				SetMetadata(billing.MergeMetadata(nil, in.Metadata)).
				SetStripeStatus(billing.SyncPending).
				SetStripeOperationID(id).
				Save(ctx)
			if err != nil {
				return nil, err
			}
			return beginCreation(ctx, tx, c.creation, id, row, true)
		},
	})
	if store.IsUnique(err) {
		return Result{}, c.taken(ctx, in.Email, in.ExternalID)
	}
	if op != nil && row != nil && op.SubjectID == row.ID { // and no earlier sign-up with the same key
		return Result{Customer: row, Operation: op}, err
	}
	return c.result(ctx, op, err)
}

// RestoreCustomer is the input of [Customers.RestoreCustomer].
type RestoreCustomer struct {
	CustomerID     string
	IdempotencyKey *string
}

// RestoreCustomer restores a deleted customer and returns without waiting for
// Stripe, where a new customer is created: a deletion in Stripe is final. It
// returns INVALID_INPUT for a customer that is not deleted, and EMAIL_TAKEN or
// EXTERNAL_ID_TAKEN when another customer has the e-mail or the external id by now.
func (c *Customers) RestoreCustomer(ctx context.Context, in RestoreCustomer) (Result, error) {
	var email string
	var externalID *string
	op, err := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "restoreCustomer", Key: in.IdempotencyKey, Input: in, Background: true,
		Check: func() error { return CheckID(in.CustomerID) },
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) {
			ctx = store.WithDeleted(ctx)
			row, err := tx.Customer.Query().Where(customer.ID(in.CustomerID), store.ForUpdate).Only(ctx)
			if err != nil {
				return nil, billing.At(store.OrNotFound(err, "customer", in.CustomerID), "customerId")
			}
			if err := c.sync.NotBusy(ctx, tx, row.Stripe()); err != nil {
				return nil, err
			}
			if row.DeletedAt == nil {
				return nil, billing.Errorf(billing.CodeInvalidInput, "The customer is not deleted.").At("customerId").About(row.ID)
			}
			email, externalID = row.Email, row.ExternalID
			id := stripesync.NewID()
			row, err = tx.Customer.UpdateOne(row).ClearDeletedAt().
				SetStripeStatus(billing.SyncPending).SetStripeOperationID(id).Save(ctx)
			if err != nil {
				return nil, err
			}
			return beginCreation(ctx, tx, c.restoration, id, row, false)
		},
	})
	if store.IsUnique(err) {
		return Result{}, billing.At(c.taken(ctx, email, externalID), "customerId")
	}
	return c.result(ctx, op, err)
}

// creation is the frozen input of both operations.
type creation struct {
	CustomerID string  `json:"customer_id"`
	Create     profile `json:"create"`
}

func beginCreation(ctx context.Context, tx *store.Tx, o *stripesync.Operation[creation], id string, row *ent.Customer, newScope bool) (*ent.Operation, error) {
	return o.Begin(ctx, tx, stripesync.Beginning[creation]{
		ID: id, Subject: row.ID, Scope: row.ID, NewScope: newScope, Background: true,
		Params: creation{CustomerID: row.ID, Create: profileOf(row)},
		Steps:  []stripesync.StepOf[creation]{create},
	})
}

// create has no undo: the customer here stays, so its counterpart may stay too. A refusal
// leaves the customer with the link FAILED, and retryOperation starts over. It has no
// Spend either, as Stripe has no object yet that a request could leave as it is.
var create = &stripesync.Step[creation, Linked]{
	Name: "create_customer",
	Do: func(c *stripesync.Call[creation]) (Linked, error) {
		return post(c, c.Params.CustomerID, c.Params.Create)
	},
	Find: func(c *stripesync.Call[creation]) (Linked, bool, error) {
		return find(c, c.Params.Create.Email)
	},
	Keep: true,
}

// creationOperation creates the customer in Stripe that exists here already.
func creationOperation(kind billing.OperationKind) *stripesync.Operation[creation] {
	return &stripesync.Operation[creation]{
		Kind:  kind,
		Steps: []stripesync.StepOf[creation]{create},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) error {
			return finishLinked(ctx, tx, e, e.Params.CustomerID, create.Of(e.Operation))
		},
		// The customer stays: signing up does not depend on Stripe.
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) error {
			return mark(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[creation]) ([]stripesync.Object, error) {
			return adopt(ctx, tx, e.Params.CustomerID, create.Of(e.Operation))
		},
		Mark:    mark,
		Restart: restart,
	}
}

// restart shows on the customer that its creation is under way again. The
// intent of a rejected one still stands, as the customer exists here.
func restart(ctx context.Context, tx *store.Tx, op *ent.Operation) error {
	row, err := tx.Customer.Query().Where(customer.ID(op.SubjectID), store.ForUpdate).Only(ctx)
	if err != nil {
		return store.OrNotFound(err, "customer", op.SubjectID)
	}
	if row.StripeID != nil {
		return billing.Errorf(billing.CodeInvalidInput, "The customer is in Stripe already; there is nothing to retry.").About(row.ID)
	}
	return tx.Customer.UpdateOne(row).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(op.ID).ClearStripeError().Exec(ctx)
}
