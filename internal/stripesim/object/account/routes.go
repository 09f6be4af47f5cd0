package account

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of the account.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"GET /v1/account": get,
	}
}
