package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// engine is gqlgen's executor behind the limits. Every transport goes through it, so
// that none can be used to get around them.
type engine struct {
	*queryExecutor
	documents *documents
	persisted *persisted
	spending  *spending
	// streams are the live updates of each principal, and connections those that they come over.
	streams, connections *counts
	allowance            func(context.Context) Allowance
	limits               Limits
	names                names
}

var _ graphql.GraphExecutor = (*engine)(nil)

func newEngine(o Options, limits Limits) *engine {
	exec := &queryExecutor{executor.New(o.Schema)}
	exec.SetQueryCache(loadedDocument{})
	if o.ErrorPresenter != nil {
		exec.SetErrorPresenter(o.ErrorPresenter)
	}
	if o.Recover != nil {
		exec.SetRecoverFunc(o.Recover)
	}
	if o.Around != nil {
		exec.AroundOperations(o.Around)
	}
	e := &engine{
		queryExecutor: exec, documents: newDocuments(o, limits), persisted: newPersisted(o.Trusted),
		spending: newSpending(limits, time.Now), streams: &counts{}, connections: &counts{}, allowance: o.Allowance, limits: limits,
	}
	if e.allowance == nil {
		e.allowance = func(context.Context) Allowance { return Allowance{} }
	}
	return e
}

// queryExecutor is gqlgen's executor for a schema that answers queries without
// running middleware of fields. So that none is lost in silence, it takes none.
type queryExecutor struct{ *executor.Executor }

// Use adds an extension. One that intercepts fields panics.
func (e *queryExecutor) Use(extension graphql.HandlerExtension) {
	switch extension.(type) {
	case graphql.FieldInterceptor, graphql.RootFieldInterceptor:
		panic(fmt.Sprintf("the extension %s intercepts fields, which queries do not ask for", extension.ExtensionName()))
	}
	e.Executor.Use(extension)
}

// AroundFields panics.
func (*queryExecutor) AroundFields(graphql.FieldMiddleware) {
	panic("queries do not ask middleware of fields")
}

// AroundRootFields panics.
func (*queryExecutor) AroundRootFields(graphql.RootFieldMiddleware) {
	panic("queries do not ask middleware of root fields")
}

// CreateOperationContext prepares an operation; an error means that it must not run.
func (e *engine) CreateOperationContext(
	ctx context.Context, params *graphql.RawParams,
) (*graphql.OperationContext, gqlerror.List) {
	allowance := e.allowance(ctx)
	opCtx, errs := e.prepare(ctx, params, allowance)
	cost := refusedCost
	if errs == nil {
		cost = costOf(opCtx)
	}
	if err := e.spending.charge(allowance, cost); err != nil {
		return &graphql.OperationContext{}, gqlerror.List{err}
	}
	return opCtx, errs
}

func (e *engine) prepare(
	ctx context.Context, params *graphql.RawParams, allowance Allowance,
) (*graphql.OperationContext, gqlerror.List) {
	hash, err := e.persisted.find(ctx, params, allowance.TrustedOnly)
	if err != nil {
		return &graphql.OperationContext{}, gqlerror.List{err}
	}
	doc, errs := e.documents.load(ctx, params.Query, !allowance.NoIntrospection)
	if errs != nil {
		return &graphql.OperationContext{}, errs
	}
	if doc.introspects && allowance.NoIntrospection {
		return &graphql.OperationContext{}, gqlerror.List{newError(codeForbidden, "This key may not ask for the schema")}
	}
	e.persisted.keep(ctx, hash, params.Query)
	plainNumbers(params.Variables)
	if err := checkVariables(doc.schema, doc.QueryDocument, params); err != nil {
		return &graphql.OperationContext{}, gqlerror.List{err}
	}
	ctx = context.WithValue(ctx, loadedDocument{}, doc.QueryDocument)
	opCtx, errs := e.queryExecutor.CreateOperationContext(ctx, params)
	if errs != nil {
		// The document is valid, so what is wrong is the operation's name or a variable.
		for _, err := range errs {
			setCode(err, codeBadUserInput)
		}
		return opCtx, errs
	}
	opCtx.DisableIntrospection = false // who may ask is decided by the key
	return opCtx, doc.settle(opCtx, e.limits, allowance.complexity(e.limits))
}

// DispatchError answers a request that did not get as far as running. The errors are
// this package's own, with their codes, and need no presenter.
func (e *engine) DispatchError(_ context.Context, errs gqlerror.List) *graphql.Response {
	return &graphql.Response{Errors: errs}
}

// loadedDocument hands the executor the document that load has already checked, in
// place of parsing and validating the text again. It is the query cache and the context
// key in one.
type loadedDocument struct{}

func (k loadedDocument) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(k).(*ast.QueryDocument)
	return doc, ok
}

func (loadedDocument) Add(context.Context, string, *ast.QueryDocument) {}
