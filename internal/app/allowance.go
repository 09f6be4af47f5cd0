package app

import (
	"context"
	"slices"

	"tallystick/internal/auth"
	"tallystick/internal/httpapi"
)

// What a customer's token may ask for. It is in a browser, and thus in the hands
// of strangers.
const (
	customersComplexity    = 1000
	customersAtOnce        = 4
	customersCostPerSecond = 100
)

// allowance is what a principal may ask for.
func (a *App) allowance(ctx context.Context) httpapi.Allowance {
	p, _ := auth.From(ctx)
	allowed := httpapi.Allowance{
		Principal: p.ID, CostPerSecond: a.config.RateLimit,
		NoIntrospection: a.config.Introspection == "false" || a.config.Introspection == "admin" && p.Kind != auth.KindAdmin,
	}
	if p.Kind == auth.KindCustomer {
		allowed.Principal = p.CustomerID // all of its tokens together
		allowed.Complexity, allowed.AtOnce = customersComplexity, customersAtOnce
		if allowed.CostPerSecond == 0 {
			allowed.CostPerSecond = customersCostPerSecond
		}
	}
	allowed.TrustedOnly = a.config.TrustedDocuments != "" && inBrowser(p)
	return allowed
}

// inBrowser tells the tokens and keys that are made for browsers: a customer's, and
// a key for a page of prices.
func inBrowser(p auth.Principal) bool {
	return p.Kind == auth.KindCustomer || p.Kind == auth.KindAPIKey && slices.Equal(p.Scopes, []auth.Scope{auth.ReadCatalog})
}
