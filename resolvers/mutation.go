package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"tallystick/graph"
	"tallystick/internal/commands"
)

type mutationResolver struct{ *Resolver }

func (r mutationResolver) CreateProduct(ctx context.Context, input graph.CreateProductInput) (*graph.CreateProductPayload, error) {
	result, err := r.commands.CreateProduct(ctx, commands.CreateProduct{
		Name: input.Name, Description: input.Description, Metadata: input.Metadata, Price: priceInput(input.Price),
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.CreateProductPayload{Product: result.Product, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) UpdateProduct(ctx context.Context, input graph.UpdateProductInput) (*graph.UpdateProductPayload, error) {
	result, err := r.commands.UpdateProduct(ctx, commands.UpdateProduct{
		ProductID: input.ProductID, Name: input.Name, Description: orEmpty(input.Description),
		Metadata: input.Metadata, Active: input.Active, IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.UpdateProductPayload{Product: result.Product, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) ArchiveProduct(ctx context.Context, input graph.ArchiveProductInput) (*graph.ArchiveProductPayload, error) {
	result, err := r.commands.ArchiveProduct(ctx, commands.ArchiveProduct(input))
	refused, err := userErrors(err)
	return &graph.ArchiveProductPayload{Product: result.Product, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) AddProductPrice(ctx context.Context, input graph.AddProductPriceInput) (*graph.AddProductPricePayload, error) {
	result, err := r.commands.AddProductPrice(ctx, commands.AddProductPrice{
		ProductID: input.ProductID,
		PriceInput: commands.PriceInput{
			UnitAmount: input.UnitAmount, Currency: input.Currency, Recurring: input.Recurring,
			LookupKey: input.LookupKey, Nickname: input.Nickname,
		},
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.AddProductPricePayload{
		Product: result.Product, Price: result.Price, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) ArchivePrice(ctx context.Context, input graph.ArchivePriceInput) (*graph.ArchivePricePayload, error) {
	result, err := r.commands.ArchivePrice(ctx, commands.ArchivePrice(input))
	refused, err := userErrors(err)
	return &graph.ArchivePricePayload{
		Product: result.Product, Price: result.Price, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) UpdateProductPrice(ctx context.Context, input graph.UpdateProductPriceInput) (*graph.UpdateProductPricePayload, error) {
	result, err := r.commands.UpdateProductPrice(ctx, commands.UpdateProductPrice{
		ProductID: input.ProductID, PriceID: input.PriceID, UnitAmount: input.UnitAmount, Currency: input.Currency,
		Recurring: input.Recurring.Value(), RecurringGiven: input.Recurring.IsSet(),
		Nickname: orEmpty(input.Nickname), IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.UpdateProductPricePayload{
		Product: result.Product, Price: result.Price, PreviousPrice: result.PreviousPrice,
		Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) CreateCustomer(ctx context.Context, input graph.CreateCustomerInput) (*graph.CreateCustomerPayload, error) {
	result, err := r.commands.CreateCustomer(ctx, commands.CreateCustomer(input))
	refused, err := userErrors(err)
	return &graph.CreateCustomerPayload{Customer: result.Customer, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) UpdateCustomer(ctx context.Context, input graph.UpdateCustomerInput) (*graph.UpdateCustomerPayload, error) {
	result, err := r.commands.UpdateCustomer(ctx, commands.UpdateCustomer{
		CustomerID: input.CustomerID, Email: input.Email, Name: orEmpty(input.Name), Metadata: input.Metadata,
		IdempotencyKey: input.IdempotencyKey,
	})
	refused, err := userErrors(err)
	return &graph.UpdateCustomerPayload{Customer: result.Customer, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) DeleteCustomer(ctx context.Context, input graph.DeleteCustomerInput) (*graph.DeleteCustomerPayload, error) {
	result, err := r.commands.DeleteCustomer(ctx, commands.DeleteCustomer(input))
	refused, err := userErrors(err)
	return &graph.DeleteCustomerPayload{Customer: result.Customer, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) RestoreCustomer(ctx context.Context, input graph.RestoreCustomerInput) (*graph.RestoreCustomerPayload, error) {
	result, err := r.commands.RestoreCustomer(ctx, commands.RestoreCustomer(input))
	refused, err := userErrors(err)
	return &graph.RestoreCustomerPayload{Customer: result.Customer, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) CreateSubscription(ctx context.Context, input graph.CreateSubscriptionInput) (*graph.CreateSubscriptionPayload, error) {
	result, err := r.commands.CreateSubscription(ctx, commands.CreateSubscription(input))
	refused, err := userErrors(err)
	return &graph.CreateSubscriptionPayload{
		Subscription: result.Subscription, ClientSecret: result.ClientSecret,
		Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) CancelSubscription(ctx context.Context, input graph.CancelSubscriptionInput) (*graph.CancelSubscriptionPayload, error) {
	result, err := r.commands.CancelSubscription(ctx, commands.CancelSubscription(input))
	refused, err := userErrors(err)
	return &graph.CancelSubscriptionPayload{
		Subscription: result.Subscription, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) ResumeSubscription(ctx context.Context, input graph.ResumeSubscriptionInput) (*graph.ResumeSubscriptionPayload, error) {
	result, err := r.commands.ResumeSubscription(ctx, commands.ResumeSubscription(input))
	refused, err := userErrors(err)
	return &graph.ResumeSubscriptionPayload{
		Subscription: result.Subscription, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) ChangeSubscriptionPrice(ctx context.Context, input graph.ChangeSubscriptionPriceInput) (*graph.ChangeSubscriptionPricePayload, error) {
	result, err := r.commands.ChangeSubscriptionPrice(ctx, commands.ChangeSubscriptionPrice(input))
	refused, err := userErrors(err)
	return &graph.ChangeSubscriptionPricePayload{
		Subscription: result.Subscription, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) RevokeSubscription(ctx context.Context, input graph.RevokeSubscriptionInput) (*graph.RevokeSubscriptionPayload, error) {
	result, err := r.commands.RevokeSubscription(ctx, commands.RevokeSubscription(input))
	refused, err := userErrors(err)
	return &graph.RevokeSubscriptionPayload{
		Subscription: result.Subscription, Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) PayInvoice(ctx context.Context, input graph.PayInvoiceInput) (*graph.PayInvoicePayload, error) {
	result, err := r.commands.PayInvoice(ctx, commands.PayInvoice(input))
	refused, err := userErrors(err)
	return &graph.PayInvoicePayload{Invoice: result.Invoice, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) VoidInvoice(ctx context.Context, input graph.VoidInvoiceInput) (*graph.VoidInvoicePayload, error) {
	result, err := r.commands.VoidInvoice(ctx, commands.VoidInvoice(input))
	refused, err := userErrors(err)
	return &graph.VoidInvoicePayload{Invoice: result.Invoice, Operation: result.Operation, UserErrors: refused}, err
}

func (r mutationResolver) CreateCheckoutSession(ctx context.Context, input graph.CreateCheckoutSessionInput) (*graph.CreateCheckoutSessionPayload, error) {
	result, err := r.commands.CreateCheckoutSession(ctx, commands.CreateCheckoutSession(input))
	refused, err := userErrors(err)
	return &graph.CreateCheckoutSessionPayload{
		URL: orNone(result.URL), Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) CreateBillingPortalSession(ctx context.Context, input graph.CreateBillingPortalSessionInput) (*graph.CreateBillingPortalSessionPayload, error) {
	result, err := r.commands.CreateBillingPortalSession(ctx, commands.CreateBillingPortalSession(input))
	refused, err := userErrors(err)
	return &graph.CreateBillingPortalSessionPayload{
		URL: orNone(result.URL), Operation: result.Operation, UserErrors: refused,
	}, err
}

func (r mutationResolver) RetryOperation(ctx context.Context, input graph.RetryOperationInput) (*graph.RetryOperationPayload, error) {
	operation, err := r.commands.RetryOperation(ctx, commands.RetryOperation(input))
	refused, err := userErrors(err)
	return &graph.RetryOperationPayload{Operation: operation, UserErrors: refused}, err
}

func priceInput(in *graph.PriceInput) *commands.PriceInput {
	if in == nil {
		return nil
	}
	return &commands.PriceInput{
		UnitAmount: in.UnitAmount, Currency: in.Currency, Recurring: in.Recurring,
		LookupKey: in.LookupKey, Nickname: in.Nickname,
	}
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
