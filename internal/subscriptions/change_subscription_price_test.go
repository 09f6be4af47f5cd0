package subscriptions

import (
	"testing"

	"tallystick/internal/mirror"
)

// TestPriceIsChangedAlready looks for the price after the answer was lost: an add-on may
// have come meanwhile, before the item or after it.
func TestPriceIsChangedAlready(t *testing.T) {
	t.Parallel()
	addOn, plan := mirror.Item{StripeID: "si_2", PriceStripeID: "price_seats"}, mirror.Item{StripeID: "si_1", PriceStripeID: "price_team"}
	for _, c := range []struct {
		name, item, price string
		want              bool
	}{
		{"of the named item", "si_1", "price_team", true},
		{"of another item", "si_2", "price_team", false},
		{"of the only item there was", "", "price_team", true},
		{"of none", "", "price_business", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := otherPrice{ItemStripeID: c.item, PriceStripeID: c.price}
			for _, items := range [][]mirror.Item{{addOn, plan}, {plan, addOn}} {
				if got := o.holds(items); got != c.want {
					t.Errorf("holds(%v) = %t, want %t", items, got, c.want)
				}
			}
		})
	}
}
