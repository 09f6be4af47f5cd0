package httpapi

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// engine is gqlgen's executor behind the limits. Every transport goes through it, so that none can be used to get
// around them.
type engine struct {
	*executor.Executor
	documents *documents
	limits    Limits
}

var _ graphql.GraphExecutor = (*engine)(nil)

func newEngine(o Options, limits Limits) *engine {
	exec := executor.New(o.Schema)
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
	return &engine{Executor: exec, documents: newDocuments(o, limits), limits: limits}
}

// CreateOperationContext prepares an operation; an error means that it must not run.
func (e *engine) CreateOperationContext(
	ctx context.Context, params *graphql.RawParams,
) (*graphql.OperationContext, gqlerror.List) {
	doc, errs := e.documents.load(ctx, params.Query)
	if errs != nil {
		return &graphql.OperationContext{}, errs
	}
	plainNumbers(params.Variables)
	if err := checkVariables(doc.schema, doc.QueryDocument, params); err != nil {
		return &graphql.OperationContext{}, gqlerror.List{err}
	}
	ctx = context.WithValue(ctx, loadedDocument{}, doc.QueryDocument)
	opCtx, errs := e.Executor.CreateOperationContext(ctx, params)
	if errs != nil {
		// The document is valid, so what is wrong is the operation's name or a variable.
		for _, err := range errs {
			setCode(err, codeBadUserInput)
		}
		return opCtx, errs
	}
	opCtx.DisableIntrospection = false // who may ask is decided by the key
	return opCtx, doc.settle(opCtx, e.limits)
}

// DispatchError answers a request that did not get as far as running. The errors are this package's own, with their
// codes, and need no presenter.
func (e *engine) DispatchError(_ context.Context, errs gqlerror.List) *graphql.Response {
	return &graphql.Response{Errors: errs}
}

// loadedDocument hands the executor the document that load has already checked, in place of parsing and validating the
// text again. It is the query cache and the context key in one.
type loadedDocument struct{}

func (k loadedDocument) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(k).(*ast.QueryDocument)
	return doc, ok
}

func (loadedDocument) Add(context.Context, string, *ast.QueryDocument) {}
