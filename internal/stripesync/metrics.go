package stripesync

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var operationsFinished = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "tallystick_operations_finished_total",
	Help: "Operations that came to their end, by kind and status; NEEDS_ATTENTION counts each time.",
}, []string{"kind", "status"})
