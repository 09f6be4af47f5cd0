package resolvers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"tallystick/ent"
	"tallystick/graph"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// userErrors tells a refusal, which is for the payload, from a fault.
func userErrors(err error) ([]*graph.UserError, error) {
	var refusal *billing.Error
	switch {
	case err == nil:
		return []*graph.UserError{}, nil
	case !errors.As(err, &refusal):
		return nil, err
	}
	e := &graph.UserError{Message: refusal.Message, Code: refusal.Code, Path: refusal.Path}
	if refusal.NodeID != "" {
		e.NodeID = &refusal.NodeID
	}
	if refusal.DeclineCode != "" {
		e.DeclineCode = &refusal.DeclineCode
	}
	return []*graph.UserError{e}, nil
}

// outcome is userErrors for a mutation that may have begun. Once it has, its
// operation is the answer, whatever else cannot be read: the change goes on.
func (r *Resolver) outcome(ctx context.Context, op *ent.Operation, err error) ([]*graph.UserError, error) {
	refused, err := userErrors(err)
	if err == nil || op == nil || shown(ctx, op) == nil {
		return refused, err
	}
	r.logger.ErrorContext(ctx, "a mutation has begun, and what it changes cannot be read", "operation", op.ID, "error", err)
	return []*graph.UserError{}, nil
}

// PresentError turns an error of a resolver into a GraphQL error with a code.
// A fault shows the client an id to quote; the log has the rest.
func (r *Resolver) PresentError(ctx context.Context, err error) *gqlerror.Error {
	var refusal *billing.Error
	var forbidden *auth.ForbiddenError
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return coded(ctx, "UNAUTHENTICATED", err.Error())
	case errors.As(err, &forbidden):
		return coded(ctx, "FORBIDDEN", forbidden.Error())
	case errors.As(err, &refusal):
		code := string(refusal.Code)
		if refusal.Code == billing.CodeInvalidInput {
			code = "BAD_USER_INPUT"
		}
		return coded(ctx, code, refusal.Message)
	}
	var presented *gqlerror.Error
	if errors.As(err, &presented) && presented.Extensions["code"] != nil {
		return presented
	}
	if errors.Is(err, context.Canceled) { // the client has gone; nobody reads this
		return coded(ctx, "INTERNAL", "The request was given up.")
	}
	faults.Inc()
	id := billing.NewID("flt")
	r.logger.ErrorContext(ctx, "a fault", "fault", id, "path", graphql.GetPath(ctx).String(), "error", err)
	return coded(ctx, "INTERNAL", fmt.Sprintf("Something went wrong here. Quote %s when you report it.", id))
}

// Recover turns a panic into a fault.
func (r *Resolver) Recover(ctx context.Context, cause any) error {
	r.logger.ErrorContext(ctx, "a panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v", cause)
}

func coded(ctx context.Context, code, message string) *gqlerror.Error {
	return &gqlerror.Error{
		Message: message, Path: graphql.GetPath(ctx), Extensions: map[string]any{"code": code},
	}
}
