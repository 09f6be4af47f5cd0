package stripesync_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
)

// subscribe makes a subscription with a card that pays, and returns its id
// here and in Stripe.
func (s *shop) subscribe(t *testing.T, customer, price string) (here, there string) {
	t.Helper()
	sub := s.run(t, createSubscription, map[string]any{"customerId": customer, "priceId": price, "paymentMethod": "pm_card_visa"})
	if got := sub.String("operation.status"); got != "SUCCEEDED" {
		t.Fatalf("createSubscription: %s", sub.Raw())
	}
	return sub.String("subscription.id"), sub.String("subscription.stripe.id")
}

func TestCreateSubscription(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID

		t.Run("links the customer first", func(t *testing.T) {
			s.Stripe.Fail(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "refuse", Count: 1})
			customer := s.customer(t, "ada@example.com", true)
			testkit.Equal(t, "the customer's status", s.customerRow(t, customer).StripeStatus, billing.SyncFailed)
			s.Stripe.Forget(t)
			sub := s.run(t, createSubscription, map[string]any{"customerId": customer, "priceId": price, "paymentMethod": "pm_card_visa"})
			testkit.Equal(t, "status", sub.String("operation.status"), "SUCCEEDED")
			testkit.Equal(t, "subscription", sub.String("subscription.status"), "ACTIVE")
			testkit.Equal(t, "first step", sub.String("operation.steps.0.name"), "link_customer")
			testkit.Equal(t, "invoice", sub.String("subscription.latestInvoice.status"), "PAID")
			testkit.Equal(t, "first request", s.writes(t)[0].String(), "POST /v1/customers")
			s.oneCustomer(t, customer)
		})
		t.Run("waits behind a customer that is on its way", func(t *testing.T) {
			s.Stripe.Down()
			customer := s.customer(t, "grace@example.com", false)
			sub := s.run(t, createSubscription, map[string]any{"customerId": customer, "priceId": price, "paymentMethod": "pm_card_visa"})
			testkit.Equal(t, "status", sub.String("operation.status"), "PENDING")
			testkit.Equal(t, "user errors", len(sub.List("userErrors")), 0)
			s.Stripe.Up(t)
			s.settle(t)
			stripeCustomer := s.oneCustomer(t, customer)
			row := s.subscriptionRow(t, sub.String("subscription.id"))
			testkit.Equal(t, "subscription", row.Status, billing.SubscriptionActive)
			testkit.Equal(t, "subscriptions in Stripe", len(s.all(t, "/v1/subscriptions", "customer", stripeCustomer, "status", "all")), 1)
		})
		t.Run("stores no client secret", func(t *testing.T) {
			customer := s.customer(t, "hedy@example.com", true)
			sub := s.run(t, createSubscription, map[string]any{
				"customerId": customer, "priceId": price, "paymentBehavior": "DEFAULT_INCOMPLETE",
			})
			testkit.Equal(t, "subscription", sub.String("subscription.status"), "INCOMPLETE")
			secret := sub.String("clientSecret")
			if !strings.Contains(secret, "_secret_") {
				t.Fatalf("the client secret: %q", secret)
			}
			s.nowhereInDatabase(t, secret, strings.SplitN(secret, "_secret_", 2)[1], testkit.SecretKey)
		})
	})
}

func TestDeclinedCardLeavesNoSubscription(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		price := *s.product(t, "Team").DefaultPriceID
		customer := s.customer(t, "ada@example.com", true)
		there := s.oneCustomer(t, customer)
		declined := func(t *testing.T, card, declineCode, wantSteps string) {
			t.Helper()
			sub := s.run(t, createSubscription, map[string]any{"customerId": customer, "priceId": price, "paymentMethod": card})
			testkit.Equal(t, "status", sub.String("operation.status"), "FAILED")
			testkit.Equal(t, "steps", steps(sub.At("operation")), wantSteps)
			testkit.Equal(t, "code", sub.String("userErrors.0.code"), "CARD_DECLINED")
			testkit.Equal(t, "decline code", sub.String("userErrors.0.declineCode"), declineCode)
			if sub.Has("subscription") || sub.Has("clientSecret") {
				t.Errorf("a declined subscription is there: %s", sub.Raw())
			}
			n, err := s.Store.Reader.Subscription.Query().Count(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			testkit.Equal(t, "subscriptions here", n, 0)
			testkit.Equal(t, "subscriptions in Stripe", len(s.all(t, "/v1/subscriptions", "customer", there, "status", "all")), 0)
			testkit.Equal(t, "sync status of the customer", s.customerRow(t, customer).StripeStatus, billing.SyncSynced)
		}
		methods := func() []map[string]any { return s.all(t, "/v1/customers/"+there+"/payment_methods") }

		t.Run("when it is attached", func(t *testing.T) {
			declined(t, "pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "FAILED TODO")
			testkit.Equal(t, "payment methods", len(methods()), 0)
		})
		t.Run("when it is charged", func(t *testing.T) {
			declined(t, "pm_card_chargeCustomerFail", "generic_decline", "DONE FAILED")
			testkit.Equal(t, "payment methods", len(methods()), 1)
		})
		t.Run("and tried once more", func(t *testing.T) {
			declined(t, text(methods()[0]["id"]), "generic_decline", "DONE FAILED")
			testkit.Equal(t, "payment methods", len(methods()), 1)
		})
		t.Run("when the answer to attaching it was lost", func(t *testing.T) {
			w := testkit.NewWire(t)
			w.Before(func(n int, r *http.Request) testkit.Verdict {
				if n == 3 { // the second look; a test card's name does not show the card that was made of it
					r.URL.Path = "/v1/payment_methods/" + text(methods()[0]["id"]) // the newest
				}
				return testkit.Pass
			})
			w.After(func(n int, _ *http.Request) testkit.Verdict {
				if n == 2 {
					return testkit.Drop
				}
				return testkit.Pass
			})
			card := "pm_card_chargeCustomerFail"
			_, err := s.Replica(t, w.Lay).Subscriptions.CreateSubscription(testkit.Context(t), subscriptions.CreateSubscription{
				CustomerID: customer, PriceID: &price, PaymentMethod: &card,
				Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentErrorIfIncomplete,
			})
			testkit.Equal(t, "the card is declined", billing.IsCode(err, billing.CodeCardDeclined), true)
			testkit.Equal(t, "requests", strings.Join(w.Seen()[:3], ", "), "GET /v1/payment_methods/"+card+
				", POST /v1/payment_methods/"+card+"/attach, GET /v1/payment_methods/"+card)
			testkit.Equal(t, "payment methods", len(methods()), 2)
		})
		t.Run("when it was the customer's before", func(t *testing.T) {
			attached := s.Stripe.Post(t, "/v1/payment_methods/pm_card_chargeCustomerFail/attach", map[string][]string{"customer": {there}})
			declined(t, text(attached["id"]), "generic_decline", "DONE FAILED")
			testkit.Equal(t, "payment methods", len(methods()), 3)
		})
	})
}

// nowhereInDatabase searches every column of every table for texts.
func (s *shop) nowhereInDatabase(t *testing.T, texts ...string) {
	t.Helper()
	list := `SELECT name FROM sqlite_master WHERE type = 'table'`
	read := `SELECT * FROM "%s"`
	if s.Database == "postgres" {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
		read = `SELECT t::text FROM "%s" t`
	}
	tables := s.strings(t, list)
	if len(tables) < 10 {
		t.Fatalf("only these tables were found: %v", tables)
	}
	rows := 0
	for _, table := range tables {
		for _, row := range s.strings(t, fmt.Sprintf(read, table)) {
			rows++
			for _, secret := range texts {
				if strings.Contains(row, secret) {
					t.Errorf("the table %s holds a secret: %s", table, row)
				}
			}
		}
	}
	if rows < 20 {
		t.Fatalf("only %d rows were searched", rows)
	}
}

// strings reads the rows of a query, each as one text.
func (s *shop) strings(t *testing.T, query string) []string {
	t.Helper()
	rows, err := s.Store.DB.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var row []string
		for _, value := range values {
			if b, ok := (*value.(*any)).([]byte); ok {
				row = append(row, string(b))
				continue
			}
			row = append(row, fmt.Sprint(*value.(*any)))
		}
		texts = append(texts, strings.Join(row, " | "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}
