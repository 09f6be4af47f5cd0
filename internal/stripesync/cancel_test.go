package stripesync_test

import (
	"strings"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// into brings a subscription into a status, in Stripe and here.
func (s *shop) into(t *testing.T, here, there string, status billing.SubscriptionStatus) {
	t.Helper()
	s.Stripe.Force(t, there, strings.ToLower(string(status)), "")
	if err := s.Store.Writer.Subscription.UpdateOneID(here).SetStatus(status).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// equalSubscription fails the test unless a subscription is the same in both
// halves.
func (s *shop) equalSubscription(t *testing.T, here, there string) {
	t.Helper()
	row, object := s.subscriptionRow(t, here), s.Stripe.Get(t, "/v1/subscriptions/"+there)
	testkit.Equal(t, "status in Stripe", text(object["status"]), strings.ToLower(string(row.Status)))
	testkit.Equal(t, "cancel_at_period_end in Stripe", object["cancel_at_period_end"], any(row.CancelAtPeriodEnd))
	for name, moment := range map[string]bool{
		"canceled_at": row.CanceledAt != nil, "ended_at": row.EndedAt != nil, "cancel_at": row.CancelAt != nil,
	} {
		testkit.Equal(t, name+" is set in Stripe", object[name] != nil, moment)
	}
	testkit.Equal(t, "sync status", row.StripeStatus, billing.SyncSynced)
}

func TestCancelSubscription(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		customer := s.customer(t, "ada@example.com", true)
		for _, status := range []billing.SubscriptionStatus{
			billing.SubscriptionIncomplete, billing.SubscriptionTrialing, billing.SubscriptionActive, billing.SubscriptionPastDue, billing.SubscriptionUnpaid, billing.SubscriptionPaused,
		} {
			for _, at := range []string{"PERIOD_END", "IMMEDIATELY"} {
				t.Run(string(status)+" "+at, func(t *testing.T) {
					here, there := s.subscribe(t, customer, price)
					if status != billing.SubscriptionActive {
						s.into(t, here, there, status)
					}
					invoice := text(s.Stripe.Get(t, "/v1/subscriptions/"+there)["latest_invoice"])
					before := text(s.Stripe.Get(t, "/v1/invoices/"+invoice)["status"])
					s.Stripe.Forget(t)
					answer := s.run(t, cancelSubscription, map[string]any{
						"subscriptionId": here, "at": at, "reason": "TOO_EXPENSIVE", "comment": "Too dear.",
					})
					if status == billing.SubscriptionIncomplete && at == "PERIOD_END" {
						testkit.Equal(t, "code", answer.String("userErrors.0.code"), "INVALID_TRANSITION")
						testkit.Equal(t, "requests", len(s.writes(t)), 0)
						return
					}
					testkit.Equal(t, "operation", answer.String("operation.status"), "SUCCEEDED")
					testkit.Equal(t, "user errors", len(answer.List("userErrors")), 0)
					if at == "IMMEDIATELY" {
						testkit.Equal(t, "status", answer.String("subscription.status"), "CANCELED")
					} else {
						testkit.Equal(t, "status", answer.String("subscription.status"), string(status))
						testkit.Equal(t, "cancelAtPeriodEnd", answer.Bool("subscription.cancelAtPeriodEnd"), true)
					}
					s.equalSubscription(t, here, there)
					object := s.Stripe.Get(t, "/v1/subscriptions/"+there)
					testkit.Equal(t, "feedback", text(object["cancellation_details"].(map[string]any)["feedback"]), "too_expensive")
					testkit.Equal(t, "the last invoice in Stripe", text(s.Stripe.Get(t, "/v1/invoices/"+invoice)["status"]), before)
					if status == billing.SubscriptionPastDue {
						testkit.Equal(t, "the unpaid invoice", before, "open")
					}
					history := answer.List("subscription.history")
					if last := history[len(history)-1]; last.Has("from") {
						testkit.Equal(t, "history", last.String("from"), string(status))
					} else {
						t.Error("the history does not tell of the change")
					}

					again := s.run(t, cancelSubscription, map[string]any{"subscriptionId": here, "at": "IMMEDIATELY"})
					if at == "IMMEDIATELY" {
						testkit.Equal(t, "code of canceling it again", again.String("userErrors.0.code"), "SUBSCRIPTION_ENDED")
						return
					}
					testkit.Equal(t, "status of canceling it now", again.String("subscription.status"), "CANCELED")
					s.equalSubscription(t, here, there)
				})
			}
		}
	})
}

func TestCanceledOverdueSubscriptionKeepsItsInvoiceOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		customer := s.customer(t, "ada@example.com", true)
		sub := s.run(t, createSubscription, map[string]any{
			"customerId": customer, "priceId": price, "collection": "CHARGE_AUTOMATICALLY",
			"paymentBehavior": "DEFAULT_INCOMPLETE",
		})
		here, there := sub.String("subscription.id"), sub.String("subscription.stripe.id")
		testkit.Equal(t, "the invoice", sub.String("subscription.latestInvoice.status"), "OPEN")
		owed := sub.Int("subscription.latestInvoice.amountRemaining.amount")

		canceled := s.run(t, cancelSubscription, map[string]any{"subscriptionId": here, "at": "IMMEDIATELY"})
		testkit.Equal(t, "status", canceled.String("subscription.status"), "CANCELED")
		testkit.Equal(t, "the invoice here", canceled.String("subscription.latestInvoice.status"), "OPEN")
		testkit.Equal(t, "what is owed", canceled.Int("subscription.latestInvoice.amountRemaining.amount"), owed)
		s.equalSubscription(t, here, there)
		invoice := s.Stripe.Get(t, "/v1/invoices/"+text(s.Stripe.Get(t, "/v1/subscriptions/"+there)["latest_invoice"]))
		testkit.Equal(t, "the invoice in Stripe", text(invoice["status"]), "open")
		testkit.Equal(t, "what is owed in Stripe", int(invoice["amount_remaining"].(float64)), owed)
	})
}

func TestSubscriptionThatEndedInStripe(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		customer := s.customer(t, "ada@example.com", true)
		for _, end := range []struct {
			name, status, reason string
			want                 billing.SubscriptionStatus
		}{
			{"somebody canceled it", "canceled", "", billing.SubscriptionCanceled},
			{"dunning was exhausted", "canceled", "payment_failed", billing.SubscriptionRevoked},
			{"its first payment did not come", "incomplete_expired", "", billing.SubscriptionIncompleteExpired},
		} {
			for _, at := range []string{"PERIOD_END", "IMMEDIATELY"} {
				t.Run("cancel "+at+" when "+end.name, func(t *testing.T) {
					here, there := s.subscribe(t, customer, price)
					s.Stripe.Force(t, there, end.status, end.reason)
					answer := s.run(t, cancelSubscription, map[string]any{"subscriptionId": here, "at": at})
					testkit.Equal(t, "operation", answer.String("operation.status"), "SUCCEEDED")
					testkit.Equal(t, "user errors", len(answer.List("userErrors")), 0)
					testkit.Equal(t, "status", answer.String("subscription.status"), string(end.want))
					if !answer.Has("subscription.endedAt") {
						t.Error("it does not tell when it ended")
					}
				})
			}
			t.Run("resume when "+end.name, func(t *testing.T) {
				here, there := s.subscribe(t, customer, price)
				s.run(t, cancelSubscription, map[string]any{"subscriptionId": here})
				s.Stripe.Force(t, there, end.status, end.reason)
				answer := s.run(t, resumeSubscription, map[string]any{"subscriptionId": here})
				testkit.Equal(t, "operation", answer.String("operation.status"), "FAILED")
				testkit.Equal(t, "code", answer.String("userErrors.0.code"), "SUBSCRIPTION_ENDED")
				row := s.subscriptionRow(t, here)
				testkit.Equal(t, "status", row.Status, end.want)
				again := s.run(t, resumeSubscription, map[string]any{"subscriptionId": here})
				testkit.Equal(t, "code of the next try", again.String("userErrors.0.code"), "SUBSCRIPTION_ENDED")
				if again.Has("operation") {
					t.Error("the next try has asked Stripe")
				}
			})
		}
	})
}

func TestResumeSubscription(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		here, there := s.subscribe(t, s.customer(t, "ada@example.com", true), price)
		s.run(t, cancelSubscription, map[string]any{"subscriptionId": here})
		answer := s.run(t, resumeSubscription, map[string]any{"subscriptionId": here})
		testkit.Equal(t, "operation", answer.String("operation.status"), "SUCCEEDED")
		testkit.Equal(t, "cancelAtPeriodEnd", answer.Bool("subscription.cancelAtPeriodEnd"), false)
		s.equalSubscription(t, here, there)

		// Stripe took the cancellation in, and then refused the repeat: what it
		// shows counts.
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: "stored_error_after", Count: 1})
		s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/subscriptions/*", Kind: "refuse", Skip: 1, Count: 1})
		answer = s.run(t, cancelSubscription, map[string]any{"subscriptionId": here})
		testkit.Equal(t, "operation", answer.String("operation.status"), "SUCCEEDED")
		row := s.subscriptionRow(t, here)
		testkit.Equal(t, "cancelAtPeriodEnd in Stripe", s.Stripe.Get(t, "/v1/subscriptions/"+there)["cancel_at_period_end"], any(row.CancelAtPeriodEnd))
		testkit.Equal(t, "sync status", row.StripeStatus, billing.SyncSynced)
	})
}

func TestCancelWhileStripeIsDown(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		customer := s.customer(t, "ada@example.com", true)
		for _, at := range []string{"PERIOD_END", "IMMEDIATELY"} {
			here, there := s.subscribe(t, customer, price)
			s.Stripe.Down()
			answer := s.run(t, cancelSubscription, map[string]any{"subscriptionId": here, "at": at})
			testkit.Equal(t, "operation", answer.String("operation.status"), "PENDING")
			testkit.Equal(t, "user errors", len(answer.List("userErrors")), 0)
			testkit.Equal(t, "status meanwhile", answer.String("subscription.status"), "ACTIVE")
			testkit.Equal(t, "cancelAtPeriodEnd meanwhile", answer.Bool("subscription.cancelAtPeriodEnd"), false)
			testkit.Equal(t, "sync status meanwhile", answer.String("subscription.stripe.status"), "PENDING")
			testkit.Equal(t, "pending operation", answer.String("subscription.stripe.pendingOperation.id"), answer.String("operation.id"))
			next := s.run(t, resumeSubscription, map[string]any{"subscriptionId": here})
			testkit.Equal(t, "code of the next change", next.String("userErrors.0.code"), "OPERATION_IN_PROGRESS")
			testkit.Equal(t, "its node", next.String("userErrors.0.nodeId"), answer.String("operation.id"))
			s.Stripe.Up(t)
			s.settle(t)
			testkit.Equal(t, "operation in the end", s.op(t, answer.String("operation.id")).String("status"), "SUCCEEDED")
			s.equalSubscription(t, here, there)
			row := s.subscriptionRow(t, here)
			testkit.Equal(t, "it is canceled", row.CancelAtPeriodEnd || row.Status == billing.SubscriptionCanceled, true)
		}
	})
}
