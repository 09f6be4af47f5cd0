package mutations_test

import (
	"testing"

	"tallystick/internal/testkit"
)

// overdue makes a subscription that is past due, and returns it with its open
// invoice.
func overdue(t *testing.T, k *testkit.Kit) (subscription, invoice string) {
	t.Helper()
	_, price := newProduct(t, k, "Team")
	plan := newSubscription(t, k, newCustomer(t, k, "ada@example.com"), price)
	k.Stripe.Force(t, plan.String("stripe.id"), "past_due", "")
	if _, err := k.Mirror.Refresh(t.Context(), "subscription", plan.String("stripe.id")); err != nil {
		t.Fatal(err)
	}
	plan = read(t, k, planQuery, plan.String("id"))
	testkit.Equal(t, "status", plan.String("status"), "PAST_DUE")
	testkit.Equal(t, "invoice", plan.String("latestInvoice.status"), "OPEN")
	return plan.String("id"), plan.String("latestInvoice.id")
}

func TestPayInvoice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		subscription, invoice := overdue(t, k)

		declined := mutate(t, k, "payInvoice", object{"invoiceId": invoice, "paymentMethod": "pm_card_chargeCustomerFail"})
		testkit.Equal(t, "code", declined.String("userErrors.0.code"), "CARD_DECLINED")
		testkit.Equal(t, "invoice", declined.String("invoice.status"), "OPEN")
		testkit.Equal(t, "operation", declined.String("operation.status"), "FAILED")

		paid := done(t, k, "payInvoice", object{"invoiceId": invoice, "paymentMethod": "pm_card_visa"})
		testkit.Equal(t, "invoice", paid.String("invoice.status"), "PAID")
		testkit.Equal(t, "remaining", paid.Int("invoice.amountRemaining.amount"), 0)
		testkit.Equal(t, "subscription", paid.String("invoice.subscription.status"), "ACTIVE")
		history := read(t, k, planQuery, subscription).List("history")
		testkit.Equal(t, "cause", history[len(history)-1].String("cause"), "payment_recovered")

		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "payInvoice", object{"invoiceId": invoice}), "INVALID_TRANSITION", "input.invoiceId")
		requests(t, k)
	})
}

func TestVoidInvoice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		subscription, invoice := overdue(t, k)
		canceled := done(t, k, "cancelSubscription", object{"subscriptionId": subscription, "at": "IMMEDIATELY"})
		testkit.Equal(t, "invoice after the cancellation", canceled.String("subscription.latestInvoice.status"), "OPEN")

		voided := done(t, k, "voidInvoice", object{"invoiceId": invoice})
		testkit.Equal(t, "invoice", voided.String("invoice.status"), "VOID")
		testkit.Equal(t, "subscription", voided.String("invoice.subscription.status"), "CANCELED")

		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "voidInvoice", object{"invoiceId": invoice}), "INVALID_TRANSITION", "input.invoiceId")
		requests(t, k)
	})
}
