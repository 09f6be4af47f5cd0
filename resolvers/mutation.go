package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/graph"
	"tallystick/internal/access"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/reconciliation"
	"tallystick/internal/stripesync"
	"tallystick/internal/subscriptions"
)

type mutationResolver struct{ *Resolver }

func (r mutationResolver) CreateProduct(ctx context.Context, input graph.CreateProductInput) (*graph.CreateProductPayload, error) {
	result, err := r.catalog.CreateProduct(ctx, catalog.CreateProduct{
		Name: input.Name, Description: input.Description, Metadata: input.Metadata, Price: input.Price,
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CreateProductPayload{Product: result.Product, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) UpdateProduct(ctx context.Context, input graph.UpdateProductInput) (*graph.UpdateProductPayload, error) {
	result, err := r.catalog.UpdateProduct(ctx, catalog.UpdateProduct{
		ProductID: input.ProductID, Name: input.Name, Description: orEmpty(input.Description),
		Metadata: input.Metadata, Active: input.Active, IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.UpdateProductPayload{Product: result.Product, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) ArchiveProduct(ctx context.Context, input graph.ArchiveProductInput) (*graph.ArchiveProductPayload, error) {
	result, err := r.catalog.ArchiveProduct(ctx, catalog.ArchiveProduct(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.ArchiveProductPayload{Product: result.Product, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) AddProductPrice(ctx context.Context, input graph.AddProductPriceInput) (*graph.AddProductPricePayload, error) {
	result, err := r.catalog.AddProductPrice(ctx, catalog.AddProductPrice{
		ProductID: input.ProductID,
		PriceTerms: billing.PriceTerms{
			UnitAmount: input.UnitAmount, Currency: input.Currency, Recurring: input.Recurring,
			LookupKey: input.LookupKey, Nickname: input.Nickname,
		},
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.AddProductPricePayload{
		Product: result.Product, Price: result.Price, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) ArchivePrice(ctx context.Context, input graph.ArchivePriceInput) (*graph.ArchivePricePayload, error) {
	result, err := r.catalog.ArchivePrice(ctx, catalog.ArchivePrice(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.ArchivePricePayload{
		Product: result.Product, Price: result.Price, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) UpdateProductPrice(ctx context.Context, input graph.UpdateProductPriceInput) (*graph.UpdateProductPricePayload, error) {
	result, err := r.catalog.UpdateProductPrice(ctx, catalog.UpdateProductPrice{
		ProductID: input.ProductID, PriceID: input.PriceID, IdempotencyKey: input.IdempotencyKey,
		PriceChange: billing.PriceChange{
			UnitAmount: input.UnitAmount, Currency: input.Currency, Recurring: input.Recurring,
			Nickname: orEmpty(input.Nickname),
		},
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.UpdateProductPricePayload{
		Product: result.Product, Price: result.Price, PreviousPrice: result.PreviousPrice,
		Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) CreateCustomer(ctx context.Context, input graph.CreateCustomerInput) (*graph.CreateCustomerPayload, error) {
	result, err := r.customers.CreateCustomer(ctx, customers.CreateCustomer(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CreateCustomerPayload{Customer: result.Customer, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) UpdateCustomer(ctx context.Context, input graph.UpdateCustomerInput) (*graph.UpdateCustomerPayload, error) {
	result, err := r.customers.UpdateCustomer(ctx, customers.UpdateCustomer{
		CustomerID: input.CustomerID, Email: input.Email, Name: orEmpty(input.Name),
		ExternalID: orEmpty(input.ExternalID), Metadata: input.Metadata,
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.UpdateCustomerPayload{Customer: result.Customer, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) DeleteCustomer(ctx context.Context, input graph.DeleteCustomerInput) (*graph.DeleteCustomerPayload, error) {
	result, err := r.customers.DeleteCustomer(ctx, customers.DeleteCustomer(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.DeleteCustomerPayload{Customer: result.Customer, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) RestoreCustomer(ctx context.Context, input graph.RestoreCustomerInput) (*graph.RestoreCustomerPayload, error) {
	result, err := r.customers.RestoreCustomer(ctx, customers.RestoreCustomer(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.RestoreCustomerPayload{Customer: result.Customer, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) CreateSubscription(ctx context.Context, input graph.CreateSubscriptionInput) (*graph.CreateSubscriptionPayload, error) {
	result, err := r.subscriptions.CreateSubscription(ctx, subscriptions.CreateSubscription{
		CustomerID: input.CustomerID, PriceID: input.PriceID, Quantity: input.Quantity, Items: input.Items,
		TrialDays: input.TrialDays, Collection: billing.ValueOr(input.Collection, billing.CollectionChargeAutomatically),
		DaysUntilDue: input.DaysUntilDue, PaymentMethod: input.PaymentMethod,
		PaymentBehavior: billing.ValueOr(input.PaymentBehavior, billing.PaymentErrorIfIncomplete),
		IdempotencyKey:  input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CreateSubscriptionPayload{
		Subscription: result.Subscription, ClientSecret: result.ClientSecret,
		Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) CancelSubscription(ctx context.Context, input graph.CancelSubscriptionInput) (*graph.CancelSubscriptionPayload, error) {
	at := billing.ValueOr(input.At, billing.CancelPeriodEnd)
	if err := r.permit(ctx, cancelAction(at), owned{subscription: input.SubscriptionID}); err != nil {
		refused, err := userErrors(err)
		return &graph.CancelSubscriptionPayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.CancelSubscription(ctx, subscriptions.CancelSubscription{
		SubscriptionID: input.SubscriptionID, At: at, Reason: input.Reason, Comment: input.Comment,
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CancelSubscriptionPayload{
		Subscription: result.Subscription, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) ResumeSubscription(ctx context.Context, input graph.ResumeSubscriptionInput) (*graph.ResumeSubscriptionPayload, error) {
	if err := r.permit(ctx, auth.ActionResume, owned{subscription: input.SubscriptionID}); err != nil {
		refused, err := userErrors(err)
		return &graph.ResumeSubscriptionPayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.ResumeSubscription(ctx, subscriptions.ResumeSubscription(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.ResumeSubscriptionPayload{
		Subscription: result.Subscription, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) ChangeSubscriptionPrice(ctx context.Context, input graph.ChangeSubscriptionPriceInput) (*graph.ChangeSubscriptionPricePayload, error) {
	if err := r.permit(ctx, auth.ActionChangePrice, owned{subscription: input.SubscriptionID}); err != nil {
		refused, err := userErrors(err)
		return &graph.ChangeSubscriptionPricePayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.ChangeSubscriptionPrice(ctx, subscriptions.ChangeSubscriptionPrice{
		SubscriptionID: input.SubscriptionID, PriceID: input.PriceID, ItemID: input.ItemID,
		Proration:      billing.ValueOr(input.Proration, billing.ProrationCreateProrations),
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.ChangeSubscriptionPricePayload{
		Subscription: result.Subscription, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) UpdateSubscriptionItems(ctx context.Context, input graph.UpdateSubscriptionItemsInput) (*graph.UpdateSubscriptionItemsPayload, error) {
	for _, action := range itemActions(input.Items) {
		if err := r.permit(ctx, action, owned{subscription: input.SubscriptionID}); err != nil {
			refused, err := userErrors(err)
			return &graph.UpdateSubscriptionItemsPayload{UserErrors: refused}, err
		}
	}
	result, err := r.subscriptions.UpdateSubscriptionItems(ctx, subscriptions.UpdateSubscriptionItems{
		SubscriptionID: input.SubscriptionID, Items: input.Items,
		Proration:      billing.ValueOr(input.Proration, billing.ProrationCreateProrations),
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.UpdateSubscriptionItemsPayload{
		Subscription: result.Subscription, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) RevokeSubscription(ctx context.Context, input graph.RevokeSubscriptionInput) (*graph.RevokeSubscriptionPayload, error) {
	result, err := r.subscriptions.RevokeSubscription(ctx, subscriptions.RevokeSubscription(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.RevokeSubscriptionPayload{
		Subscription: result.Subscription, Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) PayInvoice(ctx context.Context, input graph.PayInvoiceInput) (*graph.PayInvoicePayload, error) {
	if err := r.permit(ctx, auth.ActionPayInvoice, owned{invoice: input.InvoiceID}); err != nil {
		refused, err := userErrors(err)
		return &graph.PayInvoicePayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.PayInvoice(ctx, subscriptions.PayInvoice(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.PayInvoicePayload{Invoice: result.Invoice, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) VoidInvoice(ctx context.Context, input graph.VoidInvoiceInput) (*graph.VoidInvoicePayload, error) {
	result, err := r.subscriptions.VoidInvoice(ctx, subscriptions.VoidInvoice(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.VoidInvoicePayload{Invoice: result.Invoice, Operation: shown(ctx, result.Operation), UserErrors: refused}, err
}

func (r mutationResolver) CreateCheckoutSession(ctx context.Context, input graph.CreateCheckoutSessionInput) (*graph.CreateCheckoutSessionPayload, error) {
	if err := r.permit(ctx, auth.ActionCheckout, owned{customer: input.CustomerID}); err != nil {
		refused, err := userErrors(err)
		return &graph.CreateCheckoutSessionPayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.CreateCheckoutSession(ctx, subscriptions.CreateCheckoutSession{
		CustomerID: input.CustomerID, Mode: billing.ValueOr(input.Mode, billing.CheckoutSubscription),
		PriceID: input.PriceID, Quantity: input.Quantity, TrialDays: input.TrialDays,
		SuccessURL: input.SuccessURL, CancelURL: input.CancelURL, IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CreateCheckoutSessionPayload{
		URL: orNone(result.URL), Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) CreateBillingPortalSession(ctx context.Context, input graph.CreateBillingPortalSessionInput) (*graph.CreateBillingPortalSessionPayload, error) {
	if err := r.permit(ctx, auth.ActionPortal, owned{customer: input.CustomerID}); err != nil {
		refused, err := userErrors(err)
		return &graph.CreateBillingPortalSessionPayload{UserErrors: refused}, err
	}
	result, err := r.subscriptions.CreateBillingPortalSession(ctx, subscriptions.CreateBillingPortalSession(input))
	refused, err := r.outcome(ctx, result.Operation, err)
	return &graph.CreateBillingPortalSessionPayload{
		URL: orNone(result.URL), Operation: shown(ctx, result.Operation), UserErrors: refused,
	}, err
}

func (r mutationResolver) StartReconciliation(ctx context.Context, input graph.StartReconciliationInput) (*graph.StartReconciliationPayload, error) {
	operation, err := r.reconciliation.StartReconciliation(ctx, reconciliation.StartReconciliation{
		Repair: billing.ValueOr(input.Repair, false), IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.StartReconciliationPayload{Operation: operation, UserErrors: refused}, err
}

func (r mutationResolver) RetryOperation(ctx context.Context, input graph.RetryOperationInput) (*graph.RetryOperationPayload, error) {
	operation, err := r.sync.RetryOperation(ctx, stripesync.RetryOperation(input))
	refused, err := userErrors(err)
	return &graph.RetryOperationPayload{Operation: operation, UserErrors: refused}, err
}

func (r mutationResolver) ResolveOperation(ctx context.Context, input graph.ResolveOperationInput) (*graph.ResolveOperationPayload, error) {
	operation, err := r.sync.ResolveOperation(ctx, stripesync.ResolveOperation{
		OperationID: input.OperationID, Accept: billing.ValueOr(input.Accept, billing.ResolutionStripe),
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.ResolveOperationPayload{Operation: operation, UserErrors: refused}, err
}

// orEmpty reads a text that may be left out: nil then, and empty for null.
func orEmpty(s graphql.Omittable[*string]) *string {
	value, given := s.ValueOK()
	if !given {
		return nil
	}
	if value == nil {
		return new(string)
	}
	return value
}

// cancelAction is what a customer's browser needs to cancel.
func cancelAction(at billing.CancelTime) auth.Action {
	if at == billing.CancelImmediately {
		return auth.ActionCancel
	}
	return auth.ActionCancelAtPeriodEnd
}

// itemActions are what a customer's browser needs to change items: one action for
// quantities, and one for everything else.
func itemActions(changes []*billing.ItemChange) (actions []auth.Action) {
	for _, c := range changes {
		action := auth.ActionChangePrice
		if c.ID != nil && c.PriceID == nil && c.Quantity != nil && !billing.ValueOr(c.Delete, false) {
			action = auth.ActionChangeQuantity
		}
		actions = append(actions, action)
	}
	return actions
}

func (r mutationResolver) CreateAPIKey(ctx context.Context, input graph.CreateAPIKeyInput) (*graph.CreateAPIKeyPayload, error) {
	row, secret, err := r.keys.CreateAPIKey(ctx, access.CreateAPIKey(input))
	refused, err := userErrors(err)
	return &graph.CreateAPIKeyPayload{APIKey: row, Secret: orNone(secret), UserErrors: refused}, err
}

func (r mutationResolver) RotateAPIKey(ctx context.Context, input graph.RotateAPIKeyInput) (*graph.RotateAPIKeyPayload, error) {
	row, secret, err := r.keys.RotateAPIKey(ctx, access.RotateAPIKey{
		APIKeyID: input.APIKeyID, GraceSeconds: billing.ValueOr(input.GraceSeconds, 0), IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.RotateAPIKeyPayload{APIKey: row, Secret: orNone(secret), UserErrors: refused}, err
}

func (r mutationResolver) RevokeAPIKey(ctx context.Context, input graph.RevokeAPIKeyInput) (*graph.RevokeAPIKeyPayload, error) {
	row, err := r.keys.RevokeAPIKey(ctx, access.RevokeAPIKey(input))
	refused, err := userErrors(err)
	return &graph.RevokeAPIKeyPayload{APIKey: row, UserErrors: refused}, err
}

func (r mutationResolver) CreateCustomerSession(ctx context.Context, input graph.CreateCustomerSessionInput) (*graph.CreateCustomerSessionPayload, error) {
	token, expiresAt, err := r.keys.CreateCustomerSession(ctx, access.CreateCustomerSession{
		CustomerID: input.CustomerID, ExpiresInSeconds: billing.ValueOr(input.ExpiresInSeconds, access.DefaultSessionSeconds),
		Actions: input.Actions, IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	payload := &graph.CreateCustomerSessionPayload{Token: orNone(token), UserErrors: refused}
	if !expiresAt.IsZero() {
		payload.ExpiresAt = &expiresAt
	}
	return payload, err
}
