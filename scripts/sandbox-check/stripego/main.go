// Command stripego is a quickstart as any program with stripe-go has it. Nothing in it
// knows of the sandbox but the base URL, which SANDBOX_BASE names; without it, the
// calls go to Stripe.
package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stripe-go:", err)
		os.Exit(1)
	}
}

func run() error {
	config := &stripe.BackendConfig{LeveledLogger: &stripe.LeveledLogger{}, EnableTelemetry: stripe.Bool(false)}
	if base := os.Getenv("SANDBOX_BASE"); base != "" {
		config.URL = stripe.String(base)
	}
	api := client.New(cmp.Or(os.Getenv("STRIPE_TEST_KEY"), "sk_test_stripe_go"), &stripe.Backends{API: stripe.GetBackendWithConfig(stripe.APIBackend, config)})

	price, err := api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1500), ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Gold")},
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	})
	if err != nil {
		return fmt.Errorf("price: %w", err)
	}
	ada, err := api.Customers.New(&stripe.CustomerParams{
		Email: stripe.String("ada@example.com"), PaymentMethod: stripe.String("pm_card_visa"),
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
	})
	if err != nil {
		return fmt.Errorf("customer: %w", err)
	}
	coupon, err := api.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(20), Duration: stripe.String("forever")})
	if err != nil {
		return fmt.Errorf("coupon: %w", err)
	}
	wanted := &stripe.SubscriptionParams{
		Customer: &ada.ID, Items: []*stripe.SubscriptionItemsParams{{Price: &price.ID}}, Coupon: &coupon.ID,
	}
	wanted.AddExpand("latest_invoice.payment_intent")
	sub, err := api.Subscriptions.New(wanted)
	if err != nil {
		return fmt.Errorf("subscription: %w", err)
	}
	if sub.Status != stripe.SubscriptionStatusActive || sub.LatestInvoice.AmountPaid != 1200 || sub.LatestInvoice.PaymentIntent.Status != stripe.PaymentIntentStatusSucceeded {
		return fmt.Errorf("the subscription is %s, and %d are paid", sub.Status, sub.LatestInvoice.AmountPaid)
	}
	canceled, err := api.Subscriptions.Cancel(sub.ID, nil)
	if err != nil {
		return fmt.Errorf("cancel: %w", err)
	}
	seen := 0
	for invoices := api.Invoices.List(&stripe.InvoiceListParams{Customer: &ada.ID}); invoices.Next(); seen++ {
		if err := invoices.Err(); err != nil {
			return fmt.Errorf("invoices: %w", err)
		}
	}
	fmt.Printf("stripe-go: subscribed, %d paid, %s; %d invoice\n", sub.LatestInvoice.AmountPaid, canceled.Status, seen)
	return nil
}
