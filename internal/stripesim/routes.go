package stripesim

import (
	"maps"

	"tallystick/internal/stripesim/hook"
	"tallystick/internal/stripesim/object/account"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/checkout"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// endpoints is the API: every path that the sandbox knows.
func endpoints() map[string]state.Endpoint {
	all := map[string]state.Endpoint{}
	for _, routes := range []map[string]state.Endpoint{
		account.Routes(), catalog.Routes(), discount.Routes(), tax.Routes(), customer.Routes(), subscription.Routes(), checkout.Routes(), hook.Routes(),
	} {
		maps.Copy(all, routes)
	}
	return all
}
