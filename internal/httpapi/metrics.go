package httpapi

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/vektah/gqlparser/v2/ast"
)

var (
	requestSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "tallystick_graphql_request_seconds",
		Help: "How long GraphQL requests took, by type, by the operation's name (the first hundred names; the rest is other) " +
			"and by the code of the first error (OK without one).",
		Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, []string{"type", "operation", "outcome"})
	// Clients choose the names of operations, so these counts are without them, and can
	// exist before the first request.
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "tallystick_graphql_requests_total",
		Help: "GraphQL requests, by type (empty when the request was refused before it was clear what it is) and by the code of " +
			"the first error (OK without one).",
	}, []string{"type", "outcome"})
	streamsOpen = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "tallystick_live_updates_open",
		Help: "Live updates that somebody watches.",
	})
	updatesSent = promauto.NewCounter(prometheus.CounterOpts{
		Name: "tallystick_live_updates_sent_total",
		Help: "Messages of live updates.",
	})
)

// outcomeOK is the outcome of a request without an error.
const outcomeOK = "OK"

// countFrom0 lets the counts exist from the start, so that an alert sees the first error.
func countFrom0() {
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation} {
		requests.WithLabelValues(string(kind), outcomeOK)
	}
	for _, kind := range []ast.Operation{ast.Query, ast.Mutation, ""} {
		for _, code := range []string{
			codeUnauthenticated, codeForbidden, codeBadUserInput, codeParseFailed, codeValidationFailed, codeTooComplex,
			codeRateLimited, codeInternal, codePersistedQueryNotFound,
		} {
			requests.WithLabelValues(string(kind), code)
		}
	}
}

// maxNames bounds how many operations the metrics tell apart: clients choose the names.
const maxNames = 100

// names are the operations that the metrics tell apart.
type names struct {
	mu    sync.Mutex
	known map[string]bool
}

// label is what the metrics call an operation.
func (n *names) label(name string) string {
	const unnamed, other = "unnamed", "other"
	if name == "" {
		return unnamed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.known[name]:
		return name
	case len(n.known) >= maxNames:
		return other
	case n.known == nil:
		n.known = map[string]bool{}
	}
	n.known[name] = true
	return name
}

// observed is what the metrics tell of one request. Of one that was refused before it
// was clear what it is, there is only the outcome.
type observed struct {
	begun                    time.Time
	kind, operation, outcome string
}

// is takes note of a request's operation.
func (o *observed) is(op *ast.OperationDefinition, names *names) {
	o.kind, o.operation = string(op.Operation), names.label(op.Name)
}

func (o *observed) done() {
	if o.outcome != "" {
		requests.WithLabelValues(o.kind, o.outcome).Inc()
		requestSeconds.WithLabelValues(o.kind, o.operation, o.outcome).Observe(time.Since(o.begun).Seconds())
	}
}
