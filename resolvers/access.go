package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/subscription"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// needs is the directive of the root fields: it decides who may ask. What a query
// reads is decided where it is read; a mutation that may be asked for reads what
// it needs.
func (r *Resolver) needs(ctx context.Context, _ any, next graphql.Resolver, scope *auth.Scope, customer bool) (any, error) {
	p, ok := auth.From(ctx)
	switch {
	case !ok:
		return nil, auth.ErrUnauthenticated
	case p.Kind == auth.KindCustomer && !customer:
		return nil, &auth.ForbiddenError{Lacks: "another key than a customer's token"}
	case p.Kind != auth.KindCustomer && scope != nil && !p.Has(*scope):
		return nil, auth.LacksScope(*scope)
	}
	if graphql.GetFieldContext(ctx).Object == "Mutation" {
		return r.record(auth.Trusted(ctx), next)
	}
	return next(ctx)
}

// owned is what a mutation of a customer's browser is about.
type owned struct{ customer, subscription, invoice string }

// permit decides whether who asks may do something: everybody with the field's
// scope, and a customer's browser with the action, about what is its customer's.
// Anything else does not exist for it.
func (r *Resolver) permit(ctx context.Context, action auth.Action, about owned) error {
	p, _ := auth.From(ctx)
	if p.Kind != auth.KindCustomer {
		return nil
	}
	if !p.May(action) {
		return auth.LacksAction(action)
	}
	own := auth.Untrusted(ctx)
	var there bool
	var err error
	var missing error
	switch {
	case about.subscription != "":
		there, err = r.store.Reader.Subscription.Query().Where(subscription.ID(about.subscription)).Exist(own)
		missing = billing.At(billing.NotFound("subscription", about.subscription), "subscriptionId")
	case about.invoice != "":
		there, err = r.store.Reader.Invoice.Query().Where(invoice.ID(about.invoice)).Exist(own)
		missing = billing.At(billing.NotFound("invoice", about.invoice), "invoiceId")
	default:
		there, err = r.store.Reader.Customer.Query().Where(customer.ID(about.customer)).Exist(own)
		missing = billing.At(billing.NotFound("customer", about.customer), "customerId")
	}
	if err != nil || there {
		return err
	}
	return missing
}

// shown is the operation of a payload, to all but customers.
func shown(ctx context.Context, op *ent.Operation) *ent.Operation {
	if p, _ := auth.From(ctx); p.Kind == auth.KindCustomer {
		if note, ok := ctx.Value(notedKey{}).(*noted); ok {
			note.operation = op // for the log
		}
		return nil
	}
	return op
}

// private are metadata, to all but customers.
func private(ctx context.Context, metadata map[string]string) map[string]string {
	if p, _ := auth.From(ctx); p.Kind == auth.KindCustomer || metadata == nil {
		return map[string]string{}
	}
	return metadata
}
