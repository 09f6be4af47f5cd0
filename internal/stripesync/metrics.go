package stripesync

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tallystick/internal/billing"
)

var operationsFinished = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "tallystick_operations_finished_total",
	Help: "Operations that came to their end, by kind and status; NEEDS_ATTENTION counts each time.",
}, []string{"kind", "status"})

// countFrom0 lets the counts of a kind exist from the start, so that an alert sees the
// first operation that needs attention.
func countFrom0(kind billing.OperationKind) {
	for _, status := range []billing.OperationStatus{billing.OperationSucceeded, billing.OperationFailed, billing.OperationNeedsAttention} {
		operationsFinished.WithLabelValues(string(kind), string(status))
	}
}
