package httpapi

import (
	"context"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
)

// intercepts is an extension that wants to see every field.
type intercepts struct{}

func (intercepts) ExtensionName() string                   { return "Fields" }
func (intercepts) Validate(graphql.ExecutableSchema) error { return nil }
func (intercepts) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	return next(ctx)
}

// TestNoMiddlewareOfFields shows that none is lost in silence.
func TestNoMiddlewareOfFields(t *testing.T) {
	e := &queryExecutor{&executor.Executor{}}
	for name, add := range map[string]func(){
		"AroundFields":     func() { e.AroundFields(nil) },
		"AroundRootFields": func() { e.AroundRootFields(nil) },
		"an extension":     func() { e.Use(intercepts{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			add()
		}()
	}
}
