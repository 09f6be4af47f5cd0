// Package auth tells who is asking, and what they may do.
package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is what kind of key somebody has presented.
type Kind string

// The kinds of principals.
const (
	KindAdmin    Kind = "ADMIN"    // the key with every scope
	KindAPIKey   Kind = "API_KEY"  // a key with some scopes
	KindCustomer Kind = "CUSTOMER" // the token of one customer's browser
)

// Scope is what an API key may do.
type Scope string

// The scopes. One to write includes the one to read.
const (
	ReadCatalog            Scope = "READ_CATALOG"
	WriteCatalog           Scope = "WRITE_CATALOG"
	ReadCustomers          Scope = "READ_CUSTOMERS"
	WriteCustomers         Scope = "WRITE_CUSTOMERS"
	ReadSubscriptions      Scope = "READ_SUBSCRIPTIONS"
	WriteSubscriptions     Scope = "WRITE_SUBSCRIPTIONS"
	ReadInvoices           Scope = "READ_INVOICES"
	WriteInvoices          Scope = "WRITE_INVOICES"
	ReadOperations         Scope = "READ_OPERATIONS"
	WriteOperations        Scope = "WRITE_OPERATIONS"
	CreateCustomerSessions Scope = "CREATE_CUSTOMER_SESSIONS"
	WriteAPIKeys           Scope = "WRITE_API_KEYS" //nolint:gosec // a name, and no key
)

// Scopes are all scopes.
var Scopes = []Scope{
	ReadCatalog, WriteCatalog, ReadCustomers, WriteCustomers, ReadSubscriptions, WriteSubscriptions, ReadInvoices, WriteInvoices,
	ReadOperations, WriteOperations, CreateCustomerSessions, WriteAPIKeys,
}

// Action is what a customer's own browser may ask for.
type Action string

// The actions of customers.
const (
	ActionCancel            Action = "CANCEL"
	ActionCancelAtPeriodEnd Action = "CANCEL_AT_PERIOD_END"
	ActionResume            Action = "RESUME"
	ActionChangePrice       Action = "CHANGE_PRICE"
	ActionChangeQuantity    Action = "CHANGE_QUANTITY"
	ActionPayInvoice        Action = "PAY_INVOICE"
	ActionCheckout          Action = "CHECKOUT"
	ActionPortal            Action = "PORTAL"
)

// Actions are all actions.
var Actions = []Action{
	ActionCancel, ActionCancelAtPeriodEnd, ActionResume, ActionChangePrice, ActionChangeQuantity, ActionPayInvoice, ActionCheckout,
	ActionPortal,
}

// Principal is who is asking.
type Principal struct {
	// ID is the principal's own; idempotency keys belong to it.
	ID   string
	Kind Kind
	// Label is what people call it: a key's name.
	Label string
	// Scopes are those of an API key; the admin has every one.
	Scopes []Scope
	// CustomerID is the customer whose browser it is.
	CustomerID string
	// Actions are what that browser may ask for.
	Actions []Action
}

// Has reports whether a principal has a scope. One to write includes the one to
// read.
func (p Principal) Has(s Scope) bool {
	if p.Kind == KindAdmin || slices.Contains(p.Scopes, s) {
		return true
	}
	what, ok := strings.CutPrefix(string(s), "READ_")
	return ok && slices.Contains(p.Scopes, Scope("WRITE_"+what))
}

// May reports whether a customer's browser may ask for something.
func (p Principal) May(a Action) bool { return slices.Contains(p.Actions, a) }

// ErrUnauthenticated says that no valid key was presented.
var ErrUnauthenticated = errors.New("a valid key is needed: Authorization: Bearer KEY")

// ForbiddenError says what a principal lacks.
type ForbiddenError struct{ Lacks string }

func (e *ForbiddenError) Error() string { return "This needs " + e.Lacks + "." }

// LacksScope is the error of a principal without a scope.
func LacksScope(s Scope) error { return &ForbiddenError{fmt.Sprintf("the scope %s", s)} }

// LacksAction is the error of a customer's browser that may not ask for something.
func LacksAction(a Action) error { return &ForbiddenError{fmt.Sprintf("the action %s", a)} }

type (
	principalKey struct{}
	trustedKey   struct{}
)

// From is who is asking in a context.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// With returns a context in which a principal is asking.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Trusted returns a context in which the program itself reads, on behalf of a
// principal that was found to be allowed what it asks for.
func Trusted(ctx context.Context) context.Context { return context.WithValue(ctx, trustedKey{}, true) }

// Untrusted returns a context in which a principal reads for itself again.
func Untrusted(ctx context.Context) context.Context {
	return context.WithValue(ctx, trustedKey{}, false)
}

// IsTrusted reports whether the program itself reads: on somebody's behalf, or on
// its own.
func IsTrusted(ctx context.Context) bool {
	if trusted, _ := ctx.Value(trustedKey{}).(bool); trusted {
		return true
	}
	_, asked := From(ctx)
	return !asked
}

// Admin is the principal with every scope.
var Admin = Principal{ID: "admin", Kind: KindAdmin, Label: "admin"}
