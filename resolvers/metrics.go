package resolvers

import (
	"context"
	"reflect"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tallystick/ent"
	"tallystick/graph"
	"tallystick/internal/auth"
)

var (
	faults = promauto.NewCounter(prometheus.CounterOpts{
		Name: "tallystick_faults_total",
		Help: "Faults of the server that clients were shown; the log has each.",
	})
	mutationSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "tallystick_mutation_seconds",
		Help: "How long mutations took, by what came of them: the operation's status, the code of the user error, FAULT, " +
			"or DONE for those without an operation.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"mutation", "outcome"})
)

// noted is what a mutation is about, where its payload does not show it.
type noted struct{ operation *ent.Operation }

type notedKey struct{}

// record writes a line for a mutation: who, what, which operation, how long. Inputs are
// other people's data, and are not in it.
func (r *Resolver) record(ctx context.Context, next graphql.Resolver) (any, error) {
	begun, note := time.Now(), &noted{}
	payload, err := next(context.WithValue(ctx, notedKey{}, note))
	took := time.Since(begun)
	p, _ := auth.From(ctx)
	name := graphql.GetFieldContext(ctx).Field.Name
	line := []any{"mutation", name, "by", p.ID, "kind", p.Kind, "label", p.Label, "took", took.Round(time.Microsecond).String()}
	outcome := "DONE"
	op, refused := parts(payload)
	if op == nil {
		op = note.operation
	}
	if op != nil {
		outcome = string(op.Status)
		line = append(line, "operation", op.ID, "status", op.Status)
	}
	if len(refused) > 0 {
		outcome = string(refused[0].Code)
		line = append(line, "refused", refused[0].Code)
	}
	if err != nil {
		outcome = "FAULT"
		line = append(line, "error", outcome)
	}
	mutationSeconds.WithLabelValues(name, outcome).Observe(took.Seconds())
	r.logger.InfoContext(ctx, "a mutation", line...)
	return payload, err
}

// parts are what every payload has.
func parts(payload any) (op *ent.Operation, refused []*graph.UserError) {
	v := reflect.ValueOf(payload)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, nil
	}
	if f := v.Elem().FieldByName("Operation"); f.IsValid() {
		op, _ = f.Interface().(*ent.Operation)
	}
	if f := v.Elem().FieldByName("UserErrors"); f.IsValid() {
		refused, _ = f.Interface().([]*graph.UserError)
	}
	return op, refused
}
