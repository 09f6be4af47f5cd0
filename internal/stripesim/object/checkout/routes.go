package checkout

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of checkout and portal sessions.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"POST /v1/checkout/sessions":                createCheckoutSession,
		"GET /v1/checkout/sessions":                 listCheckoutSessions,
		"GET /v1/checkout/sessions/{id}":            getCheckoutSession,
		"GET /v1/checkout/sessions/{id}/line_items": listCheckoutItems,
		"POST /v1/checkout/sessions/{id}/expire":    expireCheckoutSession,

		"POST /v1/billing_portal/sessions": createPortalSession,
	}
}
