package customers

import (
	"context"
	"maps"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// UpdateCustomer is the input of [Customers.UpdateCustomer]. What is nil stays.
type UpdateCustomer struct {
	CustomerID     string
	Email          *string
	Name           *string // an empty one removes it
	ExternalID     *string // an empty one removes it
	Metadata       map[string]string
	IdempotencyKey *string
}

func (in UpdateCustomer) check() error {
	if in.Email != nil {
		if err := billing.CheckEmail(*in.Email); err != nil {
			return billing.At(err, "email")
		}
	}
	if in.Email == nil && in.Name == nil && in.ExternalID == nil && in.Metadata == nil {
		return billing.Errorf(billing.CodeInvalidInput, "Nothing is to be changed.").At()
	}
	return billing.First(
		CheckID(in.CustomerID),
		billing.CheckOptional("name", in.Name, billing.MaxCustomerName, "name"),
		billing.CheckOptional("external id", in.ExternalID, billing.MaxExternalID, "externalId"),
		billing.At(billing.CheckMetadata(in.Metadata), "metadata"),
	)
}

// UpdateCustomer changes a customer, and creates it in Stripe first if it is not
// there. Metadata is merged as in Stripe: an empty value removes its key. It
// returns INVALID_INPUT when nothing is to be changed, or when the merged metadata
// has too many keys, and EMAIL_TAKEN or EXTERNAL_ID_TAKEN when another customer has
// the e-mail or the external id, also when that one came first while the change
// waited for Stripe.
func (c *Customers) UpdateCustomer(ctx context.Context, in UpdateCustomer) (Result, error) {
	op, rejection := c.sync.Submit(ctx, stripesync.Mutation{
		Name: "updateCustomer", Key: in.IdempotencyKey, Input: in, Check: in.check,
		Begin: func(ctx context.Context, tx *store.Tx) (*ent.Operation, error) { return c.beginUpdate(ctx, tx, in) },
	})
	return c.result(ctx, op, rejection)
}

// update is the frozen input of the operation.
type update struct {
	CustomerID string `json:"customer_id"`
	Patch      patch  `json:"patch"`
}

// Owner implements [Owned].
func (p update) Owner() string { return p.CustomerID }

// patch is what changes about a customer; nil stays as it is.
type patch struct {
	Email      *string           `json:"email,omitempty"`
	Name       *string           `json:"name,omitempty"`
	ExternalID *string           `json:"external_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
}

func (c *Customers) beginUpdate(ctx context.Context, tx *store.Tx, in UpdateCustomer) (*ent.Operation, error) {
	row, err := c.Lock(ctx, tx, in.CustomerID)
	if err != nil {
		return nil, err
	}
	change := patch{Email: in.Email, Name: in.Name, ExternalID: in.ExternalID, Metadata: in.Metadata}
	if err := change.checkFree(ctx, tx, row.ID); err != nil {
		return nil, err
	}
	if err := billing.CheckMetadata(billing.MergeMetadata(row.Metadata, in.Metadata)); err != nil {
		return nil, billing.At(err, "metadata")
	}
	id := stripesync.NewID()
	if err := showPending(ctx, tx, row, id); err != nil {
		return nil, err
	}
	steps := []stripesync.StepOf[update]{send}
	if row.StripeID == nil {
		steps = []stripesync.StepOf[update]{linkForUpdate, send}
	}
	return c.update.Begin(ctx, tx, stripesync.Beginning[update]{
		ID: id, Subject: row.ID, Scope: row.ID, Steps: steps,
		Params: update{CustomerID: row.ID, Patch: change},
	})
}

// checkFree returns EMAIL_TAKEN or EXTERNAL_ID_TAKEN when another customer has
// what a customer is to get.
func (p patch) checkFree(ctx context.Context, tx *store.Tx, customerID string) error {
	if p.Email != nil {
		if err := store.CheckEmailFree(ctx, tx, *p.Email, customerID); err != nil {
			return err
		}
	}
	if p.ExternalID == nil || *p.ExternalID == "" {
		return nil
	}
	return store.CheckExternalIDFree(ctx, tx, *p.ExternalID, customerID)
}

// linkForUpdate sends POST /v1/customers. It has Keep: after a refusal of send it stays
// DONE, and no request follows.
var linkForUpdate = LinkStep[update]()

// send is POST /v1/customers/{id}. It is undone by the same request with the old values of
// the changed fields, when Finish rejects the change, or after a lost answer. A refusal
// rejects the change. When Stripe says that it has no such customer, GET
// /v1/customers/{id} follows; if that does not find it either, linkForUpdate creates a
// new one, and send is repeated for it.
var send = &stripesync.Step[update, stripesync.Reverse[patch]]{
	Name: "update_customer",
	Do: func(c *stripesync.Call[update]) (before stripesync.Reverse[patch], err error) {
		id, err := InStripe(c, linkForUpdate.Of(c.Op))
		if err != nil {
			return before, err
		}
		if id == "" {
			return before, stripesync.Before(linkForUpdate)
		}
		back, err := takesBack(c)
		if err != nil {
			return before, err
		}
		if before, err = stripesync.KeepReverse(c, back); err != nil {
			return before, err
		}
		return before, Relink(c, linkForUpdate, id, postPatch(c, id, c.Params.Patch))
	},
	Undo: func(c *stripesync.Call[update], before *stripesync.Reverse[patch]) error {
		back, err := before.Patch()
		if err == nil && back == nil {
			back, err = takesBack(c)
		}
		if err != nil {
			return err
		}
		id, err := InStripe(c, linkForUpdate.Of(c.Op))
		if err != nil || id == "" { // it has none any more
			return err
		}
		return postPatch(c, id, *back)
	},
}

// takesBack is the patch that makes the changed fields what the row shows.
func takesBack(c *stripesync.Call[update]) (*patch, error) {
	row, err := c.Store.Reader.Customer.Get(c, c.Params.CustomerID)
	if err != nil {
		return nil, err
	}
	back := &patch{Metadata: billing.MetadataBefore(c.Params.Patch.Metadata, row.Metadata)}
	if c.Params.Patch.Email != nil {
		back.Email = &row.Email
	}
	if c.Params.Patch.ExternalID != nil {
		before := billing.ValueOr(row.ExternalID, "")
		back.ExternalID = &before
	}
	if c.Params.Patch.Name != nil {
		back.Name = &row.Name
	}
	return back, nil
}

func postPatch(c *stripesync.Call[update], stripeID string, p patch) error {
	params := &stripe.CustomerParams{Params: c.Write(), Email: p.Email, Name: p.Name}
	params.Metadata = p.metadata()
	_, err := c.Stripe.Customers.Update(stripeID, params)
	return err
}

// metadata are what Stripe is told to change; an empty value removes its key.
func (p patch) metadata() map[string]string {
	if p.ExternalID == nil {
		return p.Metadata
	}
	m := maps.Clone(p.Metadata)
	if m == nil {
		m = map[string]string{}
	}
	m[stripeapi.MetadataExternalID] = *p.ExternalID
	return m
}

func updateOperation() *stripesync.Operation[update] {
	return &stripesync.Operation[update]{
		Kind:   billing.KindUpdateCustomer,
		Steps:  []stripesync.StepOf[update]{linkForUpdate, send},
		Finish: finishUpdate,
		Discard: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[update]) error {
			if err := KeepLink(ctx, tx, e.Params.CustomerID, linkForUpdate.Of(e.Operation), e.Now); err != nil {
				return err
			}
			return mark(ctx, tx, e.Operation, e.Rejected)
		},
		Resolve: func(ctx context.Context, tx *store.Tx, e *stripesync.Ending[update]) ([]stripesync.Object, error) {
			return adopt(ctx, tx, e.Params.CustomerID, linkForUpdate.Of(e.Operation))
		},
		Mark: mark,
	}
}

func finishUpdate(ctx context.Context, tx *store.Tx, e *stripesync.Ending[update]) error {
	p := e.Params.Patch
	if err := p.checkFree(ctx, tx, e.Params.CustomerID); err != nil { // somebody may have taken it meanwhile
		return err
	}
	relinked, err := linkedNow(ctx, tx, linkForUpdate.Of(e.Operation))
	if err != nil {
		return err
	}
	return finish(ctx, tx, e, e.Params.CustomerID, func(u *ent.CustomerUpdateOne, row *ent.Customer) {
		if relinked != "" {
			u.SetStripeID(relinked)
		}
		u.SetNillableEmail(p.Email).SetNillableName(p.Name)
		if p.Email != nil {
			u.SetEmailClaimed(true)
		}
		if p.ExternalID != nil {
			if *p.ExternalID == "" {
				u.ClearExternalID()
			} else {
				u.SetExternalID(*p.ExternalID)
			}
		}
		if p.Metadata != nil {
			u.SetMetadata(billing.MergeMetadata(row.Metadata, p.Metadata))
		}
	})
}
