package mirror

import (
	"context"
	"encoding/json"
	"time"
)

// children are what belongs to an object, by its type: where Stripe lists it, and
// its own type.
var children = map[string][]struct {
	path, object string
	parameters   [][2]string
}{
	"product": {{"/v1/prices", "price", nil}},
	"customer": {
		{"/v1/subscriptions", "subscription", [][2]string{{"status", "all"}}},
		{"/v1/invoices", "invoice", nil},
	},
}

type aloneKey struct{}

// alone is for a walk that comes to the children of an object by itself.
func alone(ctx context.Context) context.Context { return context.WithValue(ctx, aloneKey{}, true) }

// freshFor is how long after its creation an object's children are all reported by
// events that are still to come.
const freshFor = time.Minute

// takeIn shows what belongs to an object that is new here and old in Stripe. Nothing
// else would report on it: its events have come before, or never will. The object
// itself gets its row with the first of its children.
func (m *core) takeIn(ctx context.Context, object, stripeID string, created int64) error {
	if is, _ := ctx.Value(aloneKey{}).(bool); is || m.clock().Sub(time.Unix(created, 0)) < freshFor {
		return nil
	}
	for _, of := range children[object] {
		parameters := append([][2]string{{object, stripeID}}, of.parameters...)
		err := m.stripe.Each(ctx, of.path, parameters, func(raw json.RawMessage) error {
			id, err := idOf(raw)
			if err == nil {
				_, err = m.refreshObject(alone(ctx), of.object, id)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
