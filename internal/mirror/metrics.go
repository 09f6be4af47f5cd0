package mirror

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var unexpectedTransitions = promauto.NewCounter(prometheus.CounterOpts{
	Name: "tallystick_subscription_transitions_unexpected_total",
	Help: "Changes of subscriptions that Stripe reported and that the state table does not know.",
})
