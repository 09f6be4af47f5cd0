package httpapi

import (
	"cmp"
	"time"
)

// Limits bound what one request may ask for. Zero values mean the contract's defaults.
type Limits struct {
	// BodyBytes is the largest request body (and GET query) that is read.
	BodyBytes int64
	// Tokens is the number of lexical tokens of a document, comments included.
	Tokens int
	// Depth is how deep fields may nest; introspection is exempt.
	Depth int
	// Aliases is the number of aliases of one operation, fragments expanded.
	Aliases int
	// RootFields is the number of fields at the root of one operation.
	RootFields int
	// SchemaRoots is how often one operation may ask for __schema.
	SchemaRoots int
	// Complexity is the cost of one operation: a field costs 1, a list multiplies by its
	// page size.
	Complexity int
	// PageSize is the largest page a connection serves.
	PageSize int
	// DefaultPage is the page a connection serves when the request names none.
	DefaultPage int
	// Errors is how many errors one response lists.
	Errors int
	// Time is how long one request may take.
	Time time.Duration
}

func (l Limits) withDefaults() Limits {
	l.BodyBytes = cmp.Or(l.BodyBytes, 1<<20)
	l.Tokens = cmp.Or(l.Tokens, 1500)
	l.Depth = cmp.Or(l.Depth, 15)
	l.Aliases = cmp.Or(l.Aliases, 50)
	l.RootFields = cmp.Or(l.RootFields, 20)
	l.SchemaRoots = cmp.Or(l.SchemaRoots, 1)
	l.Complexity = cmp.Or(l.Complexity, 10_000)
	l.PageSize = cmp.Or(l.PageSize, 100)
	l.DefaultPage = min(cmp.Or(l.DefaultPage, 25), l.PageSize)
	l.Errors = cmp.Or(l.Errors, 20)
	l.Time = cmp.Or(l.Time, 30*time.Second)
	return l
}
