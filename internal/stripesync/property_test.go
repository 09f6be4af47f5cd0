package stripesync_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

// Whatever is changed, in whatever order, and whatever goes wrong meanwhile:
// once Stripe is well again and everything has come to its end, both halves of
// the catalogue are equal.
func TestCatalogueEndsEqual(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		round := 0
		rapid.Check(t, func(r *rapid.T) {
			round++
			c := &catalogueChanges{t: t, s: s, name: fmt.Sprintf("round%d", round)}
			for range 2 {
				c.products = append(c.products, s.product(t, fmt.Sprintf("%s_%d", c.name, len(c.products))).ID)
			}
			r.Repeat(map[string]func(*rapid.T){
				"change a price":  c.changePrice,
				"add a price":     c.addPrice,
				"archive a price": c.archivePrice,
				"rename":          c.rename,
				"break something": c.breakSomething,
				"heal and settle": func(*rapid.T) { c.heal() },
			})
			c.heal()
			for _, id := range c.products {
				s.equalProduct(t, id)
			}
			if t.Failed() {
				r.Fatal("the halves differ")
			}
		})
	})
}

type catalogueChanges struct {
	t        *testing.T
	s        *shop
	name     string
	products []string
	n        int
}

func (c *catalogueChanges) product(r *rapid.T) string {
	return rapid.SampledFrom(c.products).Draw(r, "product")
}

// price draws one of a product's prices that is on sale.
func (c *catalogueChanges) price(r *rapid.T, of string) string {
	ids, err := c.s.Store.Reader.Price.Query().
		Where(price.HasProductWith(product.ID(of)), price.StatusEQ(billing.PriceActive)).
		Order(price.ByID()).IDs(c.t.Context())
	if err != nil || len(ids) == 0 {
		c.t.Fatal("a product without a price: ", err)
	}
	return ids[rapid.IntRange(0, len(ids)-1).Draw(r, "price")]
}

// done checks that a change was accepted or refused, and no fault of ours.
func (c *catalogueChanges) done(err error) {
	var refusal *billing.Error
	if err != nil && !errors.As(err, &refusal) {
		c.t.Fatal(err)
	}
}

func (c *catalogueChanges) changePrice(r *rapid.T) {
	of := c.product(r)
	id := c.price(r, of)
	_, err := c.s.Catalog.UpdateProductPrice(testkit.Context(c.t), catalog.UpdateProductPrice{
		ProductID: of, PriceID: &id, PriceChange: billing.PriceChange{UnitAmount: int64(rapid.IntRange(1, 50).Draw(r, "amount"))},
	})
	c.done(err)
}

func (c *catalogueChanges) addPrice(r *rapid.T) {
	c.n++
	in := catalog.AddProductPrice{ProductID: c.product(r)}
	in.UnitAmount, in.Currency = int64(c.n), "EUR"
	if rapid.Bool().Draw(r, "with a lookup key") {
		// A few keys only, so that they are taken now and then.
		key := fmt.Sprintf("%s_key%d", c.name, rapid.IntRange(0, 2).Draw(r, "key"))
		in.LookupKey = &key
	}
	_, err := c.s.Catalog.AddProductPrice(testkit.Context(c.t), in)
	c.done(err)
}

func (c *catalogueChanges) archivePrice(r *rapid.T) {
	_, err := c.s.Catalog.ArchivePrice(testkit.Context(c.t), catalog.ArchivePrice{PriceID: c.price(r, c.product(r))})
	c.done(err)
}

func (c *catalogueChanges) rename(r *rapid.T) {
	c.n++
	name := fmt.Sprintf("%s_renamed%d", c.name, c.n)
	_, err := c.s.Catalog.UpdateProduct(testkit.Context(c.t), catalog.UpdateProduct{ProductID: c.product(r), Name: &name})
	c.done(err)
}

func (c *catalogueChanges) breakSomething(r *rapid.T) {
	c.s.Stripe.Fail(c.t, testkit.Fault{
		Method: rapid.SampledFrom([]string{"POST", "GET", ""}).Draw(r, "method"),
		Path:   rapid.SampledFrom([]string{"/v1/prices", "/v1/prices/*", "/v1/products/*", ""}).Draw(r, "path"),
		Kind: rapid.SampledFrom([]string{
			"refuse", "rate_limit", "lock_timeout", "server_error", "unauthorized", "garbage",
			"drop_before", "drop_after", "stored_error", "stored_error_after",
		}).Draw(r, "kind"),
		Skip:  rapid.IntRange(0, 3).Draw(r, "skip"),
		Count: rapid.IntRange(1, 4).Draw(r, "count"),
	})
}

// heal makes Stripe well and lets everything come to its end, also what
// somebody has to ask for.
func (c *catalogueChanges) heal() {
	c.s.Stripe.Heal(c.t)
	c.s.settle(c.t)
	ids, err := c.s.Store.Reader.Operation.Query().Where(operation.StatusEQ(billing.OperationNeedsAttention)).IDs(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, id := range ids {
		_, err := c.s.Engine.RetryOperation(testkit.Context(c.t), stripesync.RetryOperation{OperationID: id})
		c.done(err)
	}
	c.s.settle(c.t)
}
