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
	same(t, "status", plan.String("status"), "PAST_DUE")
	same(t, "invoice", plan.String("latestInvoice.status"), "OPEN")
	return plan.String("id"), plan.String("latestInvoice.id")
}

func TestPayInvoice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		subscription, invoice := overdue(t, k)

		declined := mutate(t, k, "payInvoice", object{"invoiceId": invoice, "paymentMethod": "pm_card_chargeCustomerFail"})
		same(t, "code", declined.String("userErrors.0.code"), "CARD_DECLINED")
		same(t, "invoice", declined.String("invoice.status"), "OPEN")
		same(t, "operation", declined.String("operation.status"), "FAILED")

		paid := done(t, k, "payInvoice", object{"invoiceId": invoice, "paymentMethod": "pm_card_visa"})
		same(t, "invoice", paid.String("invoice.status"), "PAID")
		same(t, "remaining", paid.Int("invoice.amountRemaining.amount"), 0)
		same(t, "subscription", paid.String("invoice.subscription.status"), "ACTIVE")
		history := read(t, k, planQuery, subscription).List("history")
		same(t, "cause", history[len(history)-1].String("cause"), "payment_recovered")

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
		same(t, "invoice after the cancellation", canceled.String("subscription.latestInvoice.status"), "OPEN")

		voided := done(t, k, "voidInvoice", object{"invoiceId": invoice})
		same(t, "invoice", voided.String("invoice.status"), "VOID")
		same(t, "subscription", voided.String("invoice.subscription.status"), "CANCELED")

		k.Stripe.Forget(t)
		refused(t, mutate(t, k, "voidInvoice", object{"invoiceId": invoice}), "INVALID_TRANSITION", "input.invoiceId")
		requests(t, k)
	})
}
