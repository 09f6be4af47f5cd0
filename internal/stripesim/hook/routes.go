package hook

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of events and webhook endpoints.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"GET /v1/events":      listEvents,
		"GET /v1/events/{id}": getEvent,

		"POST /v1/webhook_endpoints":        createEndpoint,
		"GET /v1/webhook_endpoints":         listEndpoints,
		"GET /v1/webhook_endpoints/{id}":    getEndpoint,
		"POST /v1/webhook_endpoints/{id}":   updateEndpoint,
		"DELETE /v1/webhook_endpoints/{id}": deleteEndpoint,
	}
}
