package mutations_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tallystick/internal/testkit"
)

func TestCancelSubscription(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		_, price := newProduct(t, k, "Team")
		customer := newCustomer(t, k, "ada@example.com")

		t.Run("at the end of the period, and back", func(t *testing.T) {
			s := newSubscription(t, k, customer, price)
			k.Stripe.Forget(t)
			canceled := done(t, k, "cancelSubscription", object{
				"subscriptionId": s.String("id"), "reason": "TOO_EXPENSIVE", "comment": "too dear",
			})
			requests(t, k, "POST /v1/subscriptions/*")
			testkit.Equal(t, "kind", canceled.String("operation.kind"), "CANCEL_SUBSCRIPTION")
			testkit.EqualSlices(t, "steps", steps(canceled.At("operation")), []string{"cancel_subscription DONE"})
			now := canceled.At("subscription")
			testkit.Equal(t, "status", now.String("status"), "ACTIVE")
			testkit.Equal(t, "ends", now.Bool("cancelAtPeriodEnd"), true)
			testkit.Equal(t, "when", now.String("cancelAt"), now.String("currentPeriodEnd"))
			testkit.Equal(t, "it says when it was asked for", now.Has("canceledAt"), true)
			testkit.Equal(t, "it has ended", now.Has("endedAt"), false)
			testkit.EqualSlices(t, "actions", texts(now, "availableActions"), []string{"CANCEL", "RESUME", "REVOKE", "CHANGE_PRICE"})
			testkit.Equal(t, "cause", now.String("history.1.cause"), "schedule_cancel")
			inStripe := k.Stripe.Get(t, "/v1/subscriptions/"+s.String("stripe.id"))
			details := inStripe["cancellation_details"].(object)
			testkit.Equal(t, "feedback in Stripe", details["feedback"], any("too_expensive"))
			testkit.Equal(t, "comment in Stripe", details["comment"], any("too dear"))

			k.Stripe.Forget(t)
			resumed := done(t, k, "resumeSubscription", object{"subscriptionId": s.String("id")})
			requests(t, k, "POST /v1/subscriptions/*")
			testkit.Equal(t, "kind", resumed.String("operation.kind"), "RESUME_SUBSCRIPTION")
			now = resumed.At("subscription")
			testkit.Equal(t, "ends", now.Bool("cancelAtPeriodEnd"), false)
			testkit.Equal(t, "it says when", now.Has("cancelAt"), false)
			testkit.Equal(t, "cause", now.String("history.2.cause"), "unschedule_cancel")
			testkit.Equal(t, "in Stripe", k.Stripe.Get(t, "/v1/subscriptions/"+s.String("stripe.id"))["cancel_at_period_end"], any(false))
		})

		t.Run("at once", func(t *testing.T) {
			s := newSubscription(t, k, customer, price)
			k.Stripe.Forget(t)
			now := done(t, k, "cancelSubscription", object{"subscriptionId": s.String("id"), "at": "IMMEDIATELY"}).At("subscription")
			requests(t, k, "DELETE /v1/subscriptions/*")
			testkit.Equal(t, "status", now.String("status"), "CANCELED")
			testkit.Equal(t, "it says when it ended", now.Has("endedAt"), true)
			testkit.EqualSlices(t, "actions", texts(now, "availableActions"), nil)
			testkit.Equal(t, "from", now.String("history.1.from"), "ACTIVE")
			testkit.Equal(t, "to", now.String("history.1.to"), "CANCELED")
			testkit.Equal(t, "cause", now.String("history.1.cause"), "cancel")
			k.Stripe.Forget(t)
			again := mutate(t, k, "cancelSubscription", object{"subscriptionId": s.String("id"), "at": "IMMEDIATELY"})
			refused(t, again, "SUBSCRIPTION_ENDED", "input.subscriptionId")
			requests(t, k)
		})

		t.Run("one that Stripe refuses to cancel", func(t *testing.T) {
			s := newSubscription(t, k, customer, price)
			path := "/v1/subscriptions/" + s.String("stripe.id")
			k.Stripe.Fail(t, testkit.Fault{Method: http.MethodDelete, Path: "/v1/subscriptions/*", Kind: "refuse", Count: 1})
			k.Stripe.Forget(t)
			answer := mutate(t, k, "cancelSubscription", object{"subscriptionId": s.String("id"), "at": "IMMEDIATELY"})
			testkit.Equal(t, "code", answer.String("userErrors.0.code"), "STRIPE_REJECTED")
			requests(t, k, "DELETE "+path, "GET "+path)
			calls(t, answer.At("operation"), "DELETE "+path, "GET "+path)
			testkit.Equal(t, "operation", answer.String("operation.status"), "FAILED")
			testkit.EqualSlices(t, "steps", steps(answer.At("operation")), []string{"cancel_subscription FAILED"})
			testkit.Equal(t, "status", answer.String("subscription.status"), "ACTIVE")
		})

		for _, status := range []string{"trialing", "past_due", "unpaid", "paused", "incomplete"} {
			t.Run("one that is "+status, func(t *testing.T) {
				s := newSubscription(t, k, customer, price)
				k.Stripe.Force(t, s.String("stripe.id"), status, "")
				refresh(t, k, s.String("stripe.id"))
				was := read(t, k, planQuery, s.String("id"))
				testkit.Equal(t, "status before", was.String("status"), strings.ToUpper(status))
				if status != "incomplete" {
					scheduled := done(t, k, "cancelSubscription", object{"subscriptionId": s.String("id")}).At("subscription")
					testkit.Equal(t, "status", scheduled.String("status"), strings.ToUpper(status))
					testkit.Equal(t, "ends", scheduled.Bool("cancelAtPeriodEnd"), true)
				}
				now := done(t, k, "cancelSubscription", object{"subscriptionId": s.String("id"), "at": "IMMEDIATELY"}).At("subscription")
				testkit.Equal(t, "status", now.String("status"), "CANCELED")
				testkit.Equal(t, "its last invoice", now.String("latestInvoice.status"), was.String("latestInvoice.status"))
				if status == "past_due" {
					testkit.Equal(t, "its last invoice", now.String("latestInvoice.status"), "OPEN")
					testkit.Equal(t, "left to pay", now.Int("latestInvoice.amountRemaining.amount"), 2900)
				}
			})
		}

		for _, at := range []string{"IMMEDIATELY", "PERIOD_END"} {
			t.Run("one that Stripe has ended already, "+at, func(t *testing.T) {
				s := newSubscription(t, k, customer, price)
				k.Stripe.Force(t, s.String("stripe.id"), "canceled", "payment_failed")
				now := done(t, k, "cancelSubscription", object{"subscriptionId": s.String("id"), "at": at}).At("subscription")
				testkit.Equal(t, "status", now.String("status"), "REVOKED")
			})
		}

		t.Run("a refusal of Stripe changes nothing", func(t *testing.T) {
			s := newSubscription(t, k, customer, price)
			k.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: "refuse", Count: 1})
			now := mutate(t, k, "cancelSubscription", object{"subscriptionId": s.String("id")})
			testkit.Equal(t, "code", now.String("userErrors.0.code"), "STRIPE_REJECTED")
			testkit.Equal(t, "ends", now.Bool("subscription.cancelAtPeriodEnd"), false)
			testkit.Equal(t, "sync", now.String("subscription.stripe.status"), "FAILED")
		})
	})
}

func texts(a testkit.Answer, path string) []string {
	var all []string
	for i := range a.List(path) {
		all = append(all, a.String(fmt.Sprintf("%s.%d", path, i)))
	}
	return all
}

// refresh takes over what has happened to a subscription in Stripe.
func refresh(t testing.TB, k *testkit.Kit, stripeID string) {
	t.Helper()
	if _, err := k.Mirror.Refresh(t.Context(), "subscription", stripeID); err != nil {
		t.Fatal(err)
	}
}
