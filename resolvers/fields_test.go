package resolvers_test

import (
	"strings"
	"testing"
	"time"

	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

func TestFields(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		w := seed(t, k, 2)
		answer := k.Query(t, `query($p: ID!, $s: ID!, $i: ID!, $o: ID!) {
			product(id: $p) { defaultPrice { id product { id } stripe { id status pendingOperation { id } } }
				stripe { id status lastError pendingOperation { id kind stripeCalls { path } } } createdAt updatedAt }
			subscription(id: $s) { history { from to cause at operation { id } } availableActions customer { id } product { id } price { id }
				latestInvoice { id } invoices { totalCount } }
			invoice(id: $i) { number status total { amount currency } amountDue { amount } amountPaid { amount } amountRemaining { amount } billingReason }
			operation(id: $o) { kind status attempts nextAttemptAt finishedAt steps { name status } subject { id ... on Product { name } }
				stripeCalls { method path status requestId durationMs at } }
			viewer { kind scopes customer { id } } }`,
			object{"p": w.products[0], "s": w.subscriptions[1], "i": w.invoices[1], "o": w.operations[0]})
		testkit.Equal(t, "default price", answer.String("product.defaultPrice.id"), w.prices[0])
		testkit.Equal(t, "its product", answer.String("product.defaultPrice.product.id"), w.products[0])
		testkit.Equal(t, "it has an operation", answer.Has("product.defaultPrice.stripe.pendingOperation"), false)
		testkit.Equal(t, "link", answer.String("product.stripe.status"), "PENDING")
		testkit.Equal(t, "operation", answer.String("product.stripe.pendingOperation.id"), w.operations[0])
		testkit.Equal(t, "its first call", answer.String("product.stripe.pendingOperation.stripeCalls.0.path"), "/v1/first")
		testkit.Equal(t, "created", answer.String("product.createdAt"), "2026-01-02T03:04:05.000678Z")
		testkit.Equal(t, "first cause", answer.String("subscription.history.0.cause"), "activate")
		testkit.Equal(t, "second cause", answer.String("subscription.history.1.cause"), "payment_failed")
		testkit.Equal(t, "there is a state before", answer.Has("subscription.history.0.from"), false)
		testkit.Equal(t, "number of actions", len(answer.List("subscription.availableActions")), len(billing.SubscriptionPastDue.Actions(false)))
		testkit.Equal(t, "customer", answer.String("subscription.customer.id"), w.customers[0])
		testkit.Equal(t, "price", answer.String("subscription.price.id"), w.prices[0])
		testkit.Equal(t, "product", answer.String("subscription.product.id"), w.products[0])
		testkit.Equal(t, "latest invoice", answer.String("subscription.latestInvoice.id"), w.invoices[1])
		testkit.Equal(t, "invoices", answer.Int("subscription.invoices.totalCount"), 1)
		testkit.Equal(t, "invoice", answer.String("invoice.status"), "OPEN")
		testkit.Equal(t, "currency", answer.String("invoice.total.currency"), "USD")
		testkit.Equal(t, "paid", answer.Int("invoice.amountPaid.amount"), 60)
		testkit.Equal(t, "remaining", answer.Int("invoice.amountRemaining.amount"), 40)
		testkit.Equal(t, "subject", answer.String("operation.subject.name"), "Product 000")
		testkit.Equal(t, "step", answer.String("operation.steps.0.status"), "TODO")
		testkit.Equal(t, "first call", answer.String("operation.stripeCalls.0.path"), "/v1/first")
		testkit.Equal(t, "its status", answer.Int("operation.stripeCalls.0.status"), 200)
		testkit.Equal(t, "the other has a status", answer.Has("operation.stripeCalls.1.status"), false)
		testkit.Equal(t, "viewer", answer.String("viewer.kind"), "ADMIN")
		testkit.Equal(t, "scope", answer.String("viewer.scopes.0"), "*")
		testkit.Equal(t, "the viewer is a customer", answer.Has("viewer.customer"), false)

		t.Run("what different fields select of one object does not mix", func(t *testing.T) {
			both := k.Query(t, `query($o: ID!) { a: operation(id: $o) { subject { id } }
				b: operation(id: $o) { subject { ... on Product { name prices { totalCount } } } }
				c: operation(id: $o) { subject { ... on Product { active defaultPrice { id } } } } }`, object{"o": w.operations[0]})
			testkit.Equal(t, "id", both.String("a.subject.id"), w.products[0])
			testkit.Equal(t, "name", both.String("b.subject.name"), "Product 000")
			testkit.Equal(t, "prices", both.Int("b.subject.prices.totalCount"), 3)
			testkit.Equal(t, "active", both.Bool("c.subject.active"), true)
			testkit.Equal(t, "default price", both.String("c.subject.defaultPrice.id"), w.prices[0])
		})
		t.Run("the subject that is no more", func(t *testing.T) {
			lost := billing.NewID("opn")
			k.Store.Writer.Operation.Create().SetID(lost).SetKind("CREATE_SUBSCRIPTION").SetSubjectID(billing.NewID("sbn")).
				SetScopeID(w.customers[0]).SetPosition(9).SetParams([]byte("{}")).SetSteps(nil).ExecX(t.Context())
			operation := k.Query(t, `query($o: ID!) { operation(id: $o) { subject { id } } operations { edges { node { subject { id } } } } }`, object{"o": lost})
			testkit.Equal(t, "there is a subject", operation.Has("operation.subject"), false)
			testkit.Equal(t, "the others have theirs", operation.Has("operations.edges.1.node.subject"), true)
		})
	})
}

func TestBillingHealth(t *testing.T) {
	t.Parallel()
	const document = `{ billingHealth { status stripe pendingOperations oldestPendingAt needsAttention } }`
	create := func(t *testing.T, k *testkit.Kit, email string) {
		t.Helper()
		k.Query(t, `mutation($e: String!) { createCustomer(input: {email: $e}) { operation { id } } }`, object{"e": email})
	}
	health := func(t *testing.T, k *testkit.Kit, status, stripe string) testkit.Answer {
		t.Helper()
		h := k.Query(t, document).At("billingHealth")
		testkit.Equal(t, "status", h.String("status"), status)
		testkit.Equal(t, "stripe", h.String("stripe"), stripe)
		return h
	}
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		h := health(t, k, "OK", "OK")
		testkit.Equal(t, "pending", h.Int("pendingOperations"), 0)
		testkit.Equal(t, "there is an oldest one", h.Has("oldestPendingAt"), false)

		create(t, k, "a@example.com")
		h = health(t, k, "OK", "OK")
		testkit.Equal(t, "pending", h.Int("pendingOperations"), 1)
		oldest, err := time.Parse(time.RFC3339, h.String("oldestPendingAt"))
		if err != nil || time.Since(oldest) > time.Hour {
			t.Errorf("oldest: %v, %v", oldest, err)
		}
		for kind, stripe := range map[string]string{
			"drop_before": "UNREACHABLE", "unauthorized": "INVALID_KEY", "forbidden": "FORBIDDEN", "rate_limit": "RATE_LIMITED",
		} {
			t.Run(kind, func(t *testing.T) {
				k := testkit.New(t, k.Database, testkit.Idle)
				create(t, k, "a@example.com")
				k.Stripe.Fail(t, testkit.Fault{Kind: kind})
				k.Work(t)
				testkit.Equal(t, "pending", health(t, k, "DEGRADED", stripe).Int("pendingOperations"), 1)
				k.Stripe.Heal(t)
				if kind != "rate_limit" { // which stays in sight for a while
					k.Eventually(t, "Stripe to be well", func() bool {
						k.Work(t)
						return k.Query(t, document).String("billingHealth.status") == "OK"
					})
				}
			})
		}
		t.Run("an operation that waits too long", func(t *testing.T) {
			w := seed(t, k, 1)
			testkit.Equal(t, "pending", health(t, k, "DEGRADED", "OK").Int("pendingOperations"), 3)
			k.Store.Writer.Operation.Update().SetFinishedAt(at(1)).SetStatus("SUCCEEDED").ExecX(t.Context())
			health(t, k, "OK", "OK")
			k.Store.Writer.Operation.UpdateOneID(w.operations[0]).ClearFinishedAt().SetStatus("NEEDS_ATTENTION").ExecX(t.Context())
			h := health(t, k, "DEGRADED", "OK")
			testkit.Equal(t, "need attention", h.Int("needsAttention"), 1)
			testkit.Equal(t, "pending", h.Int("pendingOperations"), 0)
		})
	})
	t.Run("sandbox", func(t *testing.T) {
		t.Parallel()
		testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) { health(t, k, "OK", "SANDBOX") },
			func(s *app.Settings) { s.Stripe.Sandbox = true })
	})
}

// TestFault asserts that what goes wrong inside is not told to clients.
func TestFault(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		if err := k.Store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, document := range []string{
			`{ products { totalCount } }`, `{ billingHealth { status } }`, `{ customerByEmail(email: "a@b.co") { id } }`,
			`mutation { createCustomer(input: {email: "a@b.co"}) { userErrors { code } } }`,
			`mutation { createProduct(input: {name: "a", idempotencyKey: "k"}) { userErrors { code } } }`,
			`{ node(id: "` + billing.NewID("pdt") + `") { id } }`,
		} {
			answer := k.Send(t, document)
			testkit.Equal(t, "code", answer.String("errors.0.extensions.code"), "INTERNAL")
			testkit.Equal(t, "there is an id to quote", strings.Contains(answer.String("errors.0.message"), "flt_"), true)
			for _, secret := range []string{"sql", "closed", "database", "pool", "panic", "SELECT"} {
				if strings.Contains(strings.ToLower(answer.Raw()), secret) {
					t.Errorf("the answer tells of %q: %s", secret, answer.Raw())
				}
			}
		}
	})
}
