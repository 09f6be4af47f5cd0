package store

import (
	"context"
	"database/sql"

	"tallystick/ent"
)

// Reader reads rows. Neither it nor the rows that it returns have a method that
// writes: writing through the readers' pool, which SQLite refuses at run time, does
// not compile. Use [Store.InTx] or a [Writer] for that.
type Reader struct {
	ApiKey                 Rows[string, *ent.ApiKeyQuery, *ent.ApiKey]
	Customer               Rows[string, *ent.CustomerQuery, *ent.Customer]
	CustomerSession        Rows[string, *ent.CustomerSessionQuery, *ent.CustomerSession]
	Difference             Rows[string, *ent.DifferenceQuery, *ent.Difference]
	GoneObject             Rows[string, *ent.GoneObjectQuery, *ent.GoneObject]
	IdempotencyKey         Rows[string, *ent.IdempotencyKeyQuery, *ent.IdempotencyKey]
	Invoice                Rows[string, *ent.InvoiceQuery, *ent.Invoice]
	Operation              Rows[string, *ent.OperationQuery, *ent.Operation]
	Price                  Rows[string, *ent.PriceQuery, *ent.Price]
	Product                Rows[string, *ent.ProductQuery, *ent.Product]
	StripeAccount          Rows[int, *ent.StripeAccountQuery, *ent.StripeAccount]
	StripeCall             Rows[string, *ent.StripeCallQuery, *ent.StripeCall]
	StripeTurn             Rows[string, *ent.StripeTurnQuery, *ent.StripeTurn]
	Subscription           Rows[string, *ent.SubscriptionQuery, *ent.Subscription]
	SubscriptionItem       Rows[string, *ent.SubscriptionItemQuery, *ent.SubscriptionItem]
	SubscriptionTransition Rows[string, *ent.SubscriptionTransitionQuery, *ent.SubscriptionTransition]
	WebhookEvent           Rows[string, *ent.WebhookEventQuery, *ent.WebhookEvent]

	client *ent.Client
}

// Rows reads the rows of one table. ID is the type of the table's ids, Query its
// query builder.
type Rows[ID, Query, Row any] struct{ queries[ID, Query, Row] }

// queries are the methods of an ent client of one table that only read.
type queries[ID, Query, Row any] interface {
	// Query begins a query.
	Query() Query
	// Get returns the row with an id; ent.IsNotFound tells that there is none.
	Get(ctx context.Context, id ID) (Row, error)
	// GetX is Get for tests; it panics instead of returning an error.
	GetX(ctx context.Context, id ID) Row
}

func rows[ID, Query, Row any](of queries[ID, Query, Row]) Rows[ID, Query, Row] {
	return Rows[ID, Query, Row]{of}
}

// NewReader returns a reader that uses a client's connections.
func NewReader(c *ent.Client) *Reader {
	return &Reader{
		ApiKey:                 rows(c.ApiKey),
		Customer:               rows(c.Customer),
		CustomerSession:        rows(c.CustomerSession),
		Difference:             rows(c.Difference),
		GoneObject:             rows(c.GoneObject),
		IdempotencyKey:         rows(c.IdempotencyKey),
		Invoice:                rows(c.Invoice),
		Operation:              rows(c.Operation),
		Price:                  rows(c.Price),
		Product:                rows(c.Product),
		StripeAccount:          rows(c.StripeAccount),
		StripeCall:             rows(c.StripeCall),
		StripeTurn:             rows(c.StripeTurn),
		Subscription:           rows(c.Subscription),
		SubscriptionItem:       rows(c.SubscriptionItem),
		SubscriptionTransition: rows(c.SubscriptionTransition),
		WebhookEvent:           rows(c.WebhookEvent),
		client:                 c,
	}
}

// Intercept adds interceptors to every query of the reader, as the access policies.
// It must be called before the first query.
func (r *Reader) Intercept(interceptors ...ent.Interceptor) { r.client.Intercept(interceptors...) }

// Writer writes rows, with a client of ent.
type Writer struct{ *ent.Client }

// Reader returns a reader that uses the writer's connections; within a transaction
// it sees what the transaction has written.
func (w Writer) Reader() *Reader { return NewReader(w.Client) }

// QueryRow runs a SQL query that returns at most one row, outside of transactions.
// It is for tables without ent schema, such as the job queue's. Errors come from
// [sql.Row.Scan].
func (s *Store) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return s.readers.QueryRowContext(ctx, query, args...)
}
