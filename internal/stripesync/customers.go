package stripesync

import (
	"context"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
)

// customerParams is the frozen input of the operations on a customer.
type customerParams struct {
	CustomerID string         `json:"customer_id"`
	Create     *newCustomer   `json:"create,omitempty"`
	Patch      *CustomerPatch `json:"patch,omitempty"`
}

func (p customerParams) customer() string { return p.CustomerID }

// newCustomer is what Stripe is told of a customer.
type newCustomer struct {
	Email    string            `json:"email"`
	Name     string            `json:"name,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// CustomerPatch is what changes about a customer; nil stays as it is.
type CustomerPatch struct {
	Email    *string           `json:"email,omitempty"`
	Name     *string           `json:"name,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

type (
	customerCall = Call[customerParams]
	customerDone = Done[customerParams]
)

// ofCustomer is the input of an operation that needs its customer in Stripe.
type ofCustomer interface{ customer() string }

const customerResult = "customer"

// createCustomerStep brings a customer to Stripe.
var createCustomerStep = Step[customerParams]{
	Name: "create_customer",
	Do: func(c *customerCall) (Result, error) {
		return createCustomer(c, *c.Params.Create)
	},
	Find: func(c *customerCall) (Result, bool, error) {
		return findCustomer(c, c.Params.Create.Email)
	},
	Keep: true, // the customer exists here, whatever becomes of the operation
}

// linkCustomerStep brings a customer to Stripe that other steps need there,
// unless it is there already.
func linkCustomerStep[P ofCustomer]() Step[P] {
	return Step[P]{
		Name: "link_customer",
		Do: func(c *Call[P]) (Result, error) {
			row, err := c.Store.Client.Customer.Get(c, c.Params.customer())
			if err != nil {
				return nil, err
			}
			if row.StripeID != nil {
				return Result{customerResult: *row.StripeID}, nil
			}
			return createCustomer(c, newCustomer{Email: row.Email, Name: row.Name, Metadata: row.Metadata})
		},
		Find: func(c *Call[P]) (Result, bool, error) {
			row, err := c.Store.Client.Customer.Get(c, c.Params.customer())
			if err != nil {
				return nil, false, err
			}
			return findCustomer(c, row.Email)
		},
		Keep: true, // whatever becomes of the operation, the customer belongs in Stripe
	}
}

func createCustomer[P ofCustomer](c *Call[P], n newCustomer) (Result, error) {
	params := &stripe.CustomerParams{
		Params:   c.Write(),
		Metadata: c.Metadata(c.Params.customer(), n.Metadata),
		Email:    stripe.String(n.Email),
	}
	if n.Name != "" {
		params.Name = stripe.String(n.Name)
	}
	created, err := c.Stripe.Customers.New(params)
	if err != nil {
		return nil, err
	}
	return Result{customerResult: created.ID}, nil
}

func findCustomer[P ofCustomer](c *Call[P], email string) (Result, bool, error) {
	customers := c.Stripe.Customers.List(&stripe.CustomerListParams{ListParams: c.List(), Email: stripe.String(email)})
	for customers.Next() {
		if c.IsMine(customers.Customer().Metadata) {
			return Result{customerResult: customers.Customer().ID}, true, nil
		}
	}
	return nil, false, customers.Err()
}

// customerInStripe is the customer's id in Stripe at the time of a step, from
// an earlier step or from the row; empty when there is none.
func customerInStripe[P ofCustomer](c *Call[P]) (string, error) {
	if id := c.Result("link_customer", customerResult); id != "" {
		return id, nil
	}
	row, err := c.Store.Client.Customer.Get(store.WithDeleted(c), c.Params.customer())
	if err != nil || row.StripeID == nil {
		return "", err
	}
	return *row.StripeID, nil
}

// newCustomerOperation creates the customer in Stripe that exists here already.
func newCustomerOperation() *Operation[customerParams] {
	return &Operation[customerParams]{
		Steps: []Step[customerParams]{createCustomerStep},
		Finish: func(ctx context.Context, tx *store.Tx, d *customerDone) error {
			return endCustomer(ctx, tx, d, func(u *ent.CustomerUpdateOne, _ *ent.Customer) {
				u.SetStripeID(d.Result(createCustomerStep.Name, customerResult))
			})
		},
		// The customer stays: signing up does not depend on Stripe.
		Discard: discardCustomer,
	}
}

func discardCustomer(ctx context.Context, tx *store.Tx, d *customerDone) error {
	if err := d.Engine.keepLink(ctx, tx, d.Operation, d.Params.CustomerID); err != nil {
		return err
	}
	return markFailed(ctx, tx, d.Operation, *d.LastError, true)
}

// keepLink remembers the customer in Stripe that an operation has created for
// its own needs, whatever became of the operation.
func (e *Engine) keepLink(ctx context.Context, tx *store.Tx, op *ent.Operation, customerID string) error {
	id := result(op, "link_customer", customerResult)
	if id == "" {
		return nil
	}
	row, err := tx.Customer.Get(ctx, customerID)
	if err != nil {
		return err
	}
	update := tx.Customer.UpdateOne(row).SetStripeID(id)
	if row.StripeOperationID == nil { // no later operation of its own waits for its turn
		mirror.Synced(update.Mutation(), e.clock())
	}
	return update.Exec(ctx)
}

// endCustomer writes the customer's row at the end of an operation. It shows
// both halves as equal, unless a later operation waits for its turn.
func endCustomer(ctx context.Context, tx *store.Tx, d *customerDone, change func(*ent.CustomerUpdateOne, *ent.Customer)) error {
	ctx = store.WithDeleted(ctx)
	row, err := tx.Customer.Get(ctx, d.Params.CustomerID)
	if err != nil {
		return err
	}
	update := tx.Customer.UpdateOne(row)
	if row.StripeOperationID != nil && *row.StripeOperationID == d.ID {
		mirror.Synced(update.Mutation(), d.Engine.clock())
	}
	if id := d.Result("link_customer", customerResult); id != "" {
		update.SetStripeID(id)
	}
	change(update, row)
	return update.Exec(ctx)
}

func (e *Engine) beginCustomer(ctx context.Context, tx *store.Tx, b beginning, row *ent.Customer) (*ent.Operation, error) {
	b.id = billing.NewID(billing.OperationPrefix)
	b.subject, b.scope = row.ID, row.ID
	if err := tx.Customer.UpdateOne(row).
		SetStripeStatus(billing.SyncPending).SetStripeOperationID(b.id).Exec(ctx); err != nil {
		return nil, err
	}
	return e.begin(ctx, tx, b)
}
