// Package billing holds the rules of billing and nothing else: which
// subscription may do what, what a price change means, which input is
// acceptable. It knows neither the database nor Stripe's API nor GraphQL.
package billing
