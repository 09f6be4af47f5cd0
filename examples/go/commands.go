package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"tallystick/examples/go/billing"
)

const pageSize = 20

func (a admin) plans(ctx context.Context, _ []string) error {
	table := a.table()
	for after := (*string)(nil); ; {
		data, err := billing.Plans(ctx, a.client, pageSize, after)
		if err != nil {
			return err
		}
		for _, edge := range data.Products.Edges {
			fmt.Fprintf(table, "%s\t%s\n", edge.Node.Name, describe(edge.Node.DefaultPrice))
		}
		if !data.Products.PageInfo.HasNextPage {
			return table.Flush()
		}
		after = data.Products.PageInfo.EndCursor
	}
}

func (a admin) reprice(ctx context.Context, args []string) error {
	price, err := a.priceOf(ctx, args[0])
	if err != nil {
		return err
	}
	amount, err := whole("the amount", args[1])
	if err != nil {
		return err
	}
	data, err := billing.Reprice(ctx, a.client, billing.UpdateProductPriceInput{
		ProductId:  price.Product.Id,
		PriceId:    &price.Id,
		UnitAmount: int64(amount),
	})
	if err != nil {
		return err
	}
	answer := data.UpdateProductPrice
	if err := refusal(answer.UserErrors); err != nil {
		return err
	}
	if answer.Operation.Status != billing.OperationStatusSucceeded {
		_, err := fmt.Fprintf(a.out, "Stripe has not answered yet. The change goes on by itself, as %s.\n", answer.Operation.Id)
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s is now %s.\n", price.Product.Name, describe(answer.Price))
	return err
}

func (a admin) customers(ctx context.Context, args []string) error {
	var search *string
	if len(args) == 1 {
		search = &args[0]
	}
	table := a.table()
	for after := (*string)(nil); ; {
		data, err := billing.Customers(ctx, a.client, pageSize, after, search)
		if err != nil {
			return err
		}
		for _, edge := range data.Customers.Edges {
			customer := edge.Node
			fmt.Fprintf(table, "%s\t%s\t%s\n", customer.Id, said(customer.Email), customer.Stripe.Status)
			for _, edge := range customer.Subscriptions.Edges {
				fmt.Fprintf(table, "  %s\n", line(edge.Node.SubscriptionFields))
			}
		}
		if !data.Customers.PageInfo.HasNextPage {
			return table.Flush()
		}
		after = data.Customers.PageInfo.EndCursor
	}
}

func (a admin) signUp(ctx context.Context, args []string) error {
	data, err := billing.SignUp(ctx, a.client, billing.CreateCustomerInput{Email: args[0]})
	if err != nil {
		return err
	}
	if err := refusal(data.CreateCustomer.UserErrors); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, data.CreateCustomer.Customer.Id)
	return err
}

func (a admin) subscribe(ctx context.Context, args []string) error {
	seats, err := whole("the number of seats", args[2])
	if err != nil {
		return err
	}
	price, err := a.priceOf(ctx, args[1])
	if err != nil {
		return err
	}
	found, err := billing.CustomerByEmail(ctx, a.client, args[0])
	if err != nil {
		return err
	}
	if found.CustomerByEmail == nil {
		return fmt.Errorf("there is no customer with the e-mail %s", args[0])
	}
	data, err := billing.Subscribe(ctx, a.client, billing.CreateSubscriptionInput{
		CustomerId:    found.CustomerByEmail.Id,
		PriceId:       &price.Id,
		Quantity:      &seats,
		PaymentMethod: &args[3],
	})
	if err != nil {
		return err
	}
	return a.show(data.CreateSubscription.Subscription, data.CreateSubscription.UserErrors)
}

func (a admin) seats(ctx context.Context, args []string) error {
	seats, err := whole("the number of seats", args[1])
	if err != nil {
		return err
	}
	found, err := billing.SubscriptionById(ctx, a.client, args[0])
	if err != nil {
		return err
	}
	if found.Subscription == nil {
		return fmt.Errorf("there is no subscription %s", args[0])
	}
	if len(found.Subscription.Items) != 1 {
		return errors.New("the subscription has several items: this tool changes the seats of one only")
	}
	data, err := billing.SetSeats(ctx, a.client, billing.UpdateSubscriptionItemsInput{
		SubscriptionId: args[0],
		Items:          []billing.SubscriptionItemChangeInput{{Id: &found.Subscription.Items[0].Id, Quantity: &seats}},
	})
	if err != nil {
		return err
	}
	return a.show(data.UpdateSubscriptionItems.Subscription, data.UpdateSubscriptionItems.UserErrors)
}

func (a admin) cancel(ctx context.Context, args []string) error {
	data, err := billing.Cancel(ctx, a.client, billing.CancelSubscriptionInput{SubscriptionId: args[0]})
	if err != nil {
		return err
	}
	return a.show(data.CancelSubscription.Subscription, data.CancelSubscription.UserErrors)
}

func (a admin) stuck(ctx context.Context, _ []string) error {
	table := a.table()
	for after := (*string)(nil); ; {
		data, err := billing.Stuck(ctx, a.client, pageSize, after)
		if err != nil {
			return err
		}
		for _, edge := range data.Operations.Edges {
			operation := edge.Node
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", operation.Id, operation.Kind, operation.CreatedAt.Format(time.DateTime), said(operation.LastError))
		}
		if !data.Operations.PageInfo.HasNextPage {
			return table.Flush()
		}
		after = data.Operations.PageInfo.EndCursor
	}
}

func (a admin) retry(ctx context.Context, args []string) error {
	data, err := billing.Retry(ctx, a.client, billing.RetryOperationInput{OperationId: args[0]})
	if err != nil {
		return err
	}
	if err := refusal(data.RetryOperation.UserErrors); err != nil {
		return err
	}
	operation := data.RetryOperation.Operation
	_, err = fmt.Fprintf(a.out, "%s  %s  %s\n", operation.Id, operation.Status, said(operation.LastError))
	return err
}

// priceOf is the price with a lookup key.
func (a admin) priceOf(ctx context.Context, lookupKey string) (*billing.PriceByLookupKeyPriceByLookupKeyPrice, error) {
	data, err := billing.PriceByLookupKey(ctx, a.client, lookupKey)
	if err != nil {
		return nil, err
	}
	if data.PriceByLookupKey == nil {
		return nil, fmt.Errorf("there is no price with the lookup key %s", lookupKey)
	}
	return data.PriceByLookupKey, nil
}

// show writes what a change has made of a subscription, or says why it was refused.
func (a admin) show(subscription *billing.SubscriptionFields, userErrors []billing.UserErrorFields) error {
	if err := refusal(userErrors); err != nil {
		return err
	}
	if subscription == nil {
		_, err := fmt.Fprintln(a.out, "Stripe has not answered yet. The change goes on by itself.")
		return err
	}
	_, err := fmt.Fprintln(a.out, line(*subscription))
	return err
}

func (a admin) table() *tabwriter.Writer { return tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0) }
