package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// takeInListed shows an object that nothing is known of here as a list of Stripe's has
// it, which was asked for after a time. It is false when that is not enough, so that the
// object has to be read by itself: something here has come by a row of it meanwhile, an
// operation is changing it, or what it belongs to is not known either.
//
// A change after the list was read is no danger: its event comes after this, or has made
// a row before.
func (m *Mirror) takeInListed(ctx context.Context, k kind, raw json.RawMessage, asOf time.Time) (bool, error) {
	err := m.showListed(alone(ctx), k.name, raw, asOf)
	if errors.Is(err, errChanged) || errors.Is(err, ErrBusy) || errors.Is(err, errNotOurs) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := k.compare(ctx, raw)
	return err == nil && c.equal(), err
}

func (m *Mirror) showListed(ctx context.Context, objectType string, raw json.RawMessage, asOf time.Time) error {
	switch objectType {
	case "product":
		p, err := decodeObject(raw, func(p *stripe.Product, r *stripe.APIResponse) { p.LastResponse = r })
		if err != nil {
			return err
		}
		return m.mirrorProductAndDefault(ctx, nil, p, raw, asOf)
	case "price":
		p, err := decodeObject(raw, func(p *stripe.Price, r *stripe.APIResponse) { p.LastResponse = r })
		if err != nil {
			return err
		}
		return m.mirrorPrice(ctx, nil, p, raw, asOf)
	case "customer":
		c, err := decodeObject(raw, func(c *stripe.Customer, r *stripe.APIResponse) { c.LastResponse = r })
		if err != nil {
			return err
		}
		return m.mirrorCustomer(ctx, nil, c, raw, asOf)
	case "subscription":
		s, err := decodeObject(raw, func(s *stripe.Subscription, r *stripe.APIResponse) { s.LastResponse = r })
		if err != nil {
			return err
		}
		return m.mirrorSubscription(ctx, nil, nil, s, asOf)
	case "invoice":
		i, err := decodeObject(raw, func(i *stripe.Invoice, r *stripe.APIResponse) { i.LastResponse = r })
		if err != nil {
			return err
		}
		return m.mirrorInvoice(ctx, versions{}, i, asOf)
	}
	return errNotOurs
}
