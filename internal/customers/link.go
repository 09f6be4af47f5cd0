package customers

import (
	"context"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// Owned is the input of an operation that needs a customer in Stripe: Owner is the
// id of the customer's row.
type Owned interface{ Owner() string }

// Linked is the result of [LinkStep]: the customer's id in Stripe.
type Linked struct {
	Customer string `json:"customer,omitempty"`
}

// LinkStep is a step that creates a customer in Stripe if it is not there, for the
// steps after it. It has no undo: the customer belongs in Stripe, whatever becomes of
// the operation.
func LinkStep[P Owned]() *stripesync.Step[P, Linked] {
	return &stripesync.Step[P, Linked]{
		Name: "link_customer",
		Do: func(c *stripesync.Call[P]) (Linked, error) {
			row, err := c.Store.Reader.Customer.Get(c, c.Params.Owner())
			if err != nil { // deleted while the operation needed attention, maybe
				return Linked{}, store.OrNotFound(err, "customer", c.Params.Owner())
			}
			if row.StripeID != nil {
				return Linked{Customer: *row.StripeID}, nil
			}
			return post(c, row.ID, profileOf(row))
		},
		Find: func(c *stripesync.Call[P]) (Linked, bool, error) {
			row, err := c.Store.Reader.Customer.Get(store.WithDeleted(c), c.Params.Owner())
			if err != nil {
				return Linked{}, false, err
			}
			return find(c, row.Email)
		},
		Keep: true,
	}
}

// InStripe returns the customer's id in Stripe during a step, from the result of
// [LinkStep] or from the row; empty when it has none.
func InStripe[P Owned](c *stripesync.Call[P], linked Linked) (string, error) {
	if linked.Customer != "" {
		return linked.Customer, nil
	}
	row, err := c.Store.Reader.Customer.Get(store.WithDeleted(c), c.Params.Owner())
	if err != nil {
		return "", err
	}
	return billing.ValueOr(row.StripeID, ""), nil
}

// Relink handles the error of a request that names a customer in Stripe. If Stripe
// has deleted that customer, Relink unlinks the row and returns an error that makes
// the link step come first ([stripesync.Before]), so that the operation continues
// with a new customer. It returns every other error unchanged.
func Relink[P Owned](c *stripesync.Call[P], link stripesync.StepOf[P], stripeID string, err error) error {
	if !stripeapi.IsMissing(err, "customer") {
		return err
	}
	gone, goneErr := c.Gone("customer", stripeID)
	switch {
	case goneErr != nil:
		return goneErr
	case gone:
		return stripesync.Before(link)
	}
	return err
}

// SpendKey sends an update of the customer that changes nothing, with the step's
// idempotency key: see [stripesync.Step.Spend].
func SpendKey[P Owned](c *stripesync.Call[P], linked Linked) error {
	id, err := InStripe(c, linked)
	if err != nil || id == "" {
		return err
	}
	_, err = c.Stripe.Customers.Update(id, &stripe.CustomerParams{Params: c.Write()})
	return err
}

// KeepLink stores the id of the customer that [LinkStep] has created in Stripe, at
// the end of an operation, rejected or not. An id that Stripe has deleted meanwhile
// is not stored.
func KeepLink(ctx context.Context, tx *store.Tx, customerID string, linked Linked, now time.Time) error {
	id, err := linkedNow(ctx, tx, linked)
	if id == "" || err != nil {
		return err
	}
	row, err := store.OrNil(tx.Customer.Get(ctx, customerID))
	if row == nil || err != nil { // nobody needs the link of a deleted customer
		return err
	}
	u := tx.Customer.UpdateOne(row).SetStripeID(id)
	if row.StripeOperationID == nil { // no later operation of its own waits for its turn
		stripesync.Synced(u.Mutation(), now)
	}
	return u.Exec(ctx)
}

// linkedNow is the customer in Stripe that an operation has created; empty when
// there is none, or none any more: its deletion may have been reported before the
// operation's end.
func linkedNow(ctx context.Context, tx *store.Tx, linked Linked) (string, error) {
	if linked.Customer == "" {
		return "", nil
	}
	gone, err := mirror.IsGone(ctx, tx, linked.Customer)
	if gone || err != nil {
		return "", err
	}
	return linked.Customer, nil
}

// adopt gives the row of a customer the id in Stripe that an operation has
// linked it to.
func adopt(ctx context.Context, tx *store.Tx, customerID string, linked Linked) ([]stripesync.Object, error) {
	ctx = store.WithDeleted(ctx)
	row, err := tx.Customer.Get(ctx, customerID)
	if err != nil {
		return nil, err
	}
	id := billing.ValueOr(row.StripeID, linked.Customer)
	if id == "" {
		return nil, nil
	}
	return []stripesync.Object{{Type: "customer", ID: id}}, tx.Customer.UpdateOne(row).SetStripeID(id).Exec(ctx)
}

// profile is what Stripe is told of a customer.
type profile struct {
	Email      string            `json:"email"`
	Name       string            `json:"name,omitempty"`
	ExternalID string            `json:"external_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

func profileOf(row *ent.Customer) profile {
	return profile{Email: row.Email, Name: row.Name, ExternalID: billing.ValueOr(row.ExternalID, ""), Metadata: row.Metadata}
}

// post creates a customer in Stripe.
func post[P any](c *stripesync.Call[P], customerID string, p profile) (Linked, error) {
	params := &stripe.CustomerParams{
		Params:   c.Write(),
		Metadata: c.Metadata(customerID, p.Metadata),
		Email:    stripeapi.NonEmpty(p.Email),
	}
	if p.ExternalID != "" {
		params.Metadata[stripeapi.MetadataExternalID] = p.ExternalID
	}
	if p.Name != "" {
		params.Name = stripe.String(p.Name)
	}
	created, err := c.Stripe.Customers.New(params)
	if err != nil {
		return Linked{}, err
	}
	return Linked{Customer: created.ID}, mirror.NoteIfDeleted(c, c.Store, created.LastResponse, created.ID, func() (bool, error) {
		now, err := c.Stripe.Customers.Get(created.ID, &stripe.CustomerParams{Params: c.Read()})
		return now.Deleted, err
	})
}

// clockSkew is how far the clocks here and at Stripe may differ, in seconds: a
// day, which no clock that anybody uses is off.
const clockSkew = 24 * 60 * 60

// find looks for the customer that an operation has created in Stripe: by its e-mail
// first, if it has one, and then, as that may have been changed there, among those of
// its time.
func find[P any](c *stripesync.Call[P], email string) (Linked, bool, error) {
	if email != "" {
		linked, found, err := findAmong(c, &stripe.CustomerListParams{ListParams: c.List(), Email: stripe.String(email)})
		if found || err != nil {
			return linked, found, err
		}
	}
	return findAmong(c, &stripe.CustomerListParams{
		ListParams:   c.List(),
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: c.Op.CreatedAt.Unix() - clockSkew},
	})
}

func findAmong[P any](c *stripesync.Call[P], params *stripe.CustomerListParams) (Linked, bool, error) {
	found := c.Stripe.Customers.List(params)
	for found.Next() {
		if c.IsMine(found.Customer().Metadata) {
			return Linked{Customer: found.Customer().ID}, true, nil
		}
	}
	return Linked{}, false, found.Err()
}

// linking is the frozen input of an operation that does nothing but link.
type linking struct {
	CustomerID string `json:"customer_id"`
}

// Owner implements [Owned].
func (p linking) Owner() string { return p.CustomerID }

var linkOnly = LinkStep[linking]()

// BeginLink begins an operation that creates a customer in Stripe which has no
// counterpart there. The caller holds the lock on the customer's row.
func (c *Customers) BeginLink(ctx context.Context, tx *store.Tx, row *ent.Customer) (*ent.Operation, error) {
	id := stripesync.NewID()
	if err := showPending(ctx, tx, row, id); err != nil {
		return nil, err
	}
	return c.linking.Begin(ctx, tx, stripesync.Beginning[linking]{
		ID: id, Subject: row.ID, Scope: row.ID,
		Params: linking{CustomerID: row.ID}, Steps: []stripesync.StepOf[linking]{linkOnly},
	})
}

// LinkAgain begins to create a customer in Stripe, without waiting for it. It does
// nothing when the customer does not exist, is linked, or has an unfinished
// operation. It fails only when the database does.
func (c *Customers) LinkAgain(ctx context.Context, id string) error {
	var op *ent.Operation
	err := c.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		op = nil
		row, err := store.OrNil(tx.Customer.Query().Where(customer.ID(id), store.ForUpdate).Only(ctx))
		if row == nil || err != nil || row.StripeID != nil {
			return err
		}
		if op, err = c.sync.Unfinished(ctx, tx, row.Stripe()); err != nil || op != nil {
			op = nil
			return err
		}
		op, err = c.BeginLink(ctx, tx, row)
		return err
	})
	if err == nil && op != nil {
		c.sync.Go(op)
	}
	return err
}

// LinkOnRead begins, in the background, to create an UNLINKED customer in Stripe
// that a client reads. It does nothing for customers in every other state, and
// while four others are being linked this way. Failures are logged; the next read
// tries again.
func (c *Customers) LinkOnRead(row *ent.Customer) {
	if row.StripeStatus != billing.SyncUnlinked || row.DeletedAt != nil {
		return
	}
	select {
	case c.repairs <- struct{}{}:
	default: // the next reader
		return
	}
	c.sync.Later(func(ctx context.Context) {
		defer func() { <-c.repairs }()
		if err := c.LinkAgain(ctx, row.ID); err != nil {
			c.logger.WarnContext(ctx, "a customer that was read could not be linked; the next reader tries again", "customer", row.ID, "error", err)
		}
	})
}

func linkingOperation() *stripesync.Operation[linking] {
	return &stripesync.Operation[linking]{
		Kind:  billing.KindLinkCustomer,
		Steps: []stripesync.StepOf[linking]{linkOnly},
		Finish: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[linking]) error {
			return finishLinked(ctx, tx, e, e.Params.CustomerID, linkOnly.Of(e.Operation))
		},
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[linking]) error {
			return mark(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[linking]) ([]stripesync.Object, error) {
			return adopt(ctx, tx, e.Params.CustomerID, linkOnly.Of(e.Operation))
		},
		Mark: mark,
	}
}
