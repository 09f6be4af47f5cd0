package stripesync_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/operation"
	"tallystick/ent/price"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/stripesync"
	"tallystick/internal/testkit"
)

const (
	linkFields = `stripe { id status lastSyncedAt lastError pendingOperation { id } }`

	priceFields = `id status lookupKey unitAmount { amount currency } nickname ` + linkFields

	productFields = `id active defaultPrice { ` + priceFields + ` } ` + linkFields

	operationFields = `operation { ` + operationSelf + ` }`

	operationSelf = `id kind status attempts lastError steps { name status }
		stripeCalls { method path status requestId idempotencyKey errorCode durationMs }`

	errorFields = `userErrors { code message path nodeId declineCode }`

	createProduct = `mutation($input: CreateProductInput!) { createProduct(input: $input) {
		product { ` + productFields + ` } ` + operationFields + errorFields + ` } }`

	addProductPrice = `mutation($input: AddProductPriceInput!) { addProductPrice(input: $input) {
		price { ` + priceFields + ` } ` + operationFields + errorFields + ` } }`

	updateProductPrice = `mutation($input: UpdateProductPriceInput!) { updateProductPrice(input: $input) {
		product { ` + productFields + ` } price { ` + priceFields + ` } previousPrice { ` + priceFields + ` } ` +
		operationFields + errorFields + ` } }`

	retryOperation = `mutation($input: RetryOperationInput!) { retryOperation(input: $input) { ` +
		operationFields + errorFields + ` } }`

	customerFields = `id email deletedAt ` + linkFields

	createCustomer = `mutation($input: CreateCustomerInput!) { createCustomer(input: $input) {
		customer { ` + customerFields + ` } ` + operationFields + errorFields + ` } }`

	updateCustomer = `mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
		customer { ` + customerFields + ` } ` + operationFields + errorFields + ` } }`

	deleteCustomer = `mutation($input: DeleteCustomerInput!) { deleteCustomer(input: $input) {
		customer { ` + customerFields + ` } ` + operationFields + errorFields + ` } }`

	restoreCustomer = `mutation($input: RestoreCustomerInput!) { restoreCustomer(input: $input) {
		customer { ` + customerFields + ` } ` + operationFields + errorFields + ` } }`

	subscriptionFields = `subscription { id status cancelAtPeriodEnd canceledAt endedAt latestInvoice { status amountRemaining { amount } }
		history { from to cause } ` + linkFields + ` } `

	createSubscription = `mutation($input: CreateSubscriptionInput!) { createSubscription(input: $input) {
		clientSecret ` + subscriptionFields + operationFields + errorFields + ` } }`

	cancelSubscription = `mutation($input: CancelSubscriptionInput!) { cancelSubscription(input: $input) { ` +
		subscriptionFields + operationFields + errorFields + ` } }`

	resumeSubscription = `mutation($input: ResumeSubscriptionInput!) { resumeSubscription(input: $input) { ` +
		subscriptionFields + operationFields + errorFields + ` } }`
)

// clock is the engine's: the real one, put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// shop is a server with a clock of the test's own, and shorthands.
type shop struct {
	*testkit.Kit
	Clock *clock
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, s *shop), change ...func(*app.Settings)) {
	t.Helper()
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			test(t, newShop(t, database, change...))
		})
	}
}

func newShop(t *testing.T, database string, change ...func(*app.Settings)) *shop {
	t.Helper()
	c := new(clock)
	all := append([]func(*app.Settings){testkit.Idle, func(s *app.Settings) {
		s.Engine.Now = c.Now
		s.Stripe.ProbeEvery = 5 * time.Millisecond
	}}, change...)
	return &shop{Kit: testkit.New(t, database, all...), Clock: c}
}

// run sends a mutation and returns its payload.
func (s *shop) run(t *testing.T, document string, input map[string]any) testkit.Answer {
	t.Helper()
	data := s.Query(t, document, map[string]any{"input": input})
	name := strings.TrimSpace(strings.SplitN(strings.SplitN(document, "{", 2)[1], "(", 2)[0])
	return data.At(name)
}

// available waits until requests are let through to Stripe again.
func (s *shop) available(t *testing.T) {
	t.Helper()
	s.Eventually(t, "Stripe to be available again", func() bool {
		return s.App.Stripe.Available() || s.App.Stripe.Ping(t.Context()) == nil
	})
}

// settle lets everything come to its end that can.
func (s *shop) settle(t *testing.T) {
	t.Helper()
	for range 30 {
		s.available(t)
		s.Work(t)
		left, err := s.Store.Reader.Operation.Query().Where(operation.StatusNotIn(
			billing.OperationSucceeded, billing.OperationFailed, billing.OperationNeedsAttention)).Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
	}
	t.Fatal("the operations do not come to an end")
}

// op reads an operation as clients see it.
func (s *shop) op(t *testing.T, id string) testkit.Answer {
	t.Helper()
	return s.Query(t, `query($id: ID!) { operation(id: $id) { `+operationSelf+` } }`, map[string]any{"id": id}).At("operation")
}

// row reads an operation's row.
func (s *shop) row(t *testing.T, id string) *ent.Operation {
	t.Helper()
	row, err := s.Store.Reader.Operation.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// stepNamed is a step of an operation.
func stepNamed(t *testing.T, op *ent.Operation, name string) billing.OperationStep {
	t.Helper()
	for _, step := range op.Steps {
		if step.Name == name {
			return step
		}
	}
	t.Fatalf("the operation has no step %s", name)
	return billing.OperationStep{}
}

// createdPrice is the id in Stripe of the price that an operation has created.
func (s *shop) createdPrice(t *testing.T, operationID string) string {
	t.Helper()
	return stepNamed(t, s.row(t, operationID), "create_price").Result["price"]
}

// steps are the statuses of an operation's steps, "DONE FAILED TODO" say.
func steps(op testkit.Answer) string {
	var words []string
	for _, step := range op.List("steps") {
		words = append(words, step.String("status"))
	}
	return strings.Join(words, " ")
}

// writes are the requests that reached Stripe to change something.
func (s *shop) writes(t *testing.T) []testkit.Request {
	t.Helper()
	var writes []testkit.Request
	for _, r := range s.Stripe.Requests(t) {
		if r.Method != http.MethodGet {
			writes = append(writes, r)
		}
	}
	return writes
}

// product makes a product with a monthly default price and a lookup key for
// it, and returns its row with its prices.
func (s *shop) product(t *testing.T, name string) *ent.Product {
	t.Helper()
	p := s.run(t, createProduct, map[string]any{"name": name, "price": map[string]any{
		"unitAmount": 1000, "currency": "USD", "recurring": map[string]any{"interval": "MONTH"}, "lookupKey": name,
	}})
	testkit.Equal(t, "createProduct", p.String("operation.status"), "SUCCEEDED")
	return s.productRow(t, p.String("product.id"))
}

func (s *shop) productRow(t *testing.T, id string) *ent.Product {
	t.Helper()
	row, err := s.Store.Reader.Product.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (s *shop) priceRow(t *testing.T, id string) *ent.Price {
	t.Helper()
	row, err := s.Store.Reader.Price.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// customer makes a customer that is in Stripe, or not.
func (s *shop) customer(t *testing.T, email string, linked bool) string {
	t.Helper()
	c := s.run(t, createCustomer, map[string]any{"email": email, "name": "Ada"})
	if linked {
		s.settle(t)
	}
	return c.String("customer.id")
}

func (s *shop) customerRow(t *testing.T, id string) *ent.Customer {
	t.Helper()
	row, err := s.Store.Reader.Customer.Get(withDeleted(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func (s *shop) subscriptionRow(t *testing.T, id string) *ent.Subscription {
	t.Helper()
	row, err := s.Store.Reader.Subscription.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// invoiceOf is the only invoice of a subscription.
func (s *shop) invoiceOf(t *testing.T, subscription string) string {
	t.Helper()
	id, err := s.Store.Reader.Invoice.Query().Where(invoice.SubscriptionID(subscription)).OnlyID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// itemOf is the only item of a subscription.
func (s *shop) itemOf(t *testing.T, subscription string) string {
	t.Helper()
	id, err := s.Store.Reader.SubscriptionItem.Query().Where(subscriptionitem.SubscriptionID(subscription)).OnlyID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// all lists all objects of a kind in Stripe.
func (s *shop) all(t *testing.T, path string, params ...string) []map[string]any {
	t.Helper()
	filter := url.Values{}
	for i := 0; i < len(params); i += 2 {
		filter.Set(params[i], params[i+1])
	}
	return s.Stripe.All(t, path, filter)
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return ""
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// catalogue describes products with their prices, as one half has them.
type catalogue map[string]string

// equalCatalogues fails the test unless both halves have the same products and
// prices, in the same state.
func (s *shop) equalCatalogues(t *testing.T) {
	t.Helper()
	products, err := s.Store.Reader.Product.Query().All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range products {
		known[deref(p.StripeID)] = true
		s.equalProduct(t, p.ID)
	}
	for _, p := range s.all(t, "/v1/products") {
		if !known[text(p["id"])] {
			t.Errorf("%s is in Stripe only: %v", p["id"], p)
		}
	}
}

// equalProduct is equalCatalogues for one product.
func (s *shop) equalProduct(t *testing.T, id string) {
	t.Helper()
	p := s.productRow(t, id)
	here, there := s.productHere(t, p), s.productThere(t, deref(p.StripeID))
	for id, state := range here {
		if there[id] != state {
			t.Errorf("%s differs:\n  here      %s\n  in Stripe %s", id, state, there[id])
		}
	}
	for id, state := range there {
		if _, ok := here[id]; !ok {
			t.Errorf("%s is in Stripe only: %s", id, state)
		}
	}
}

func (s *shop) productHere(t *testing.T, p *ent.Product) catalogue {
	t.Helper()
	byDefault := ""
	if p.DefaultPriceID != nil {
		byDefault = deref(s.priceRow(t, *p.DefaultPriceID).StripeID)
	}
	c := catalogue{deref(p.StripeID): fmt.Sprintf("%s (%s) active=%t default=%s", p.Name, p.Description, p.Active, byDefault)}
	prices, err := p.QueryPrices().Order(price.ByID()).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range prices {
		if row.Status == billing.PricePending {
			t.Errorf("the price %s is still pending", row.ID)
		}
		c[deref(row.StripeID)] = fmt.Sprintf("active=%t key=%s %d %s",
			row.Status == billing.PriceActive, deref(row.LookupKey), row.UnitAmount, row.Currency)
	}
	return c
}

func (s *shop) productThere(t *testing.T, stripeID string) catalogue {
	t.Helper()
	p := s.Stripe.Get(t, "/v1/products/"+stripeID)
	c := catalogue{stripeID: fmt.Sprintf("%s (%s) active=%t default=%s",
		text(p["name"]), text(p["description"]), p["active"], text(p["default_price"]))}
	for _, p := range s.all(t, "/v1/prices", "product", stripeID) {
		c[text(p["id"])] = fmt.Sprintf("active=%t key=%s %d %s", p["active"],
			text(p["lookup_key"]), int64(p["unit_amount"].(float64)), strings.ToUpper(text(p["currency"])))
	}
	return c
}

// sameCalls fails the test unless an operation shows, in order, exactly the
// requests that reached Stripe since the last Forget.
func (s *shop) sameCalls(t *testing.T, op testkit.Answer) {
	t.Helper()
	var reached []testkit.Request
	for _, r := range s.Stripe.Requests(t) {
		if r.Method != http.MethodGet || r.Path != "/v1/products" { // a probe
			reached = append(reached, r)
		}
	}
	calls := op.List("stripeCalls")
	if len(calls) != len(reached) {
		t.Fatalf("the operation shows %d calls, Stripe saw %v: %s", len(calls), reached, op.Raw())
	}
	for i, call := range calls {
		shown := call.String("method") + " " + call.String("path")
		testkit.Equal(t, "call", shown, reached[i].String())
		if call.Has("idempotencyKey") || reached[i].IdempotencyKey != "" {
			testkit.Equal(t, "idempotency key of "+shown, call.String("idempotencyKey"), reached[i].IdempotencyKey)
		}
		lost := strings.HasPrefix(reached[i].Fault, "drop_")
		switch {
		case lost && call.Has("status"):
			t.Errorf("%s shows a status, although no answer came", shown)
		case !lost:
			testkit.Equal(t, "status of "+shown, call.Int("status"), reached[i].Status)
			if call.Int("status") > 299 && !call.Has("errorCode") {
				t.Errorf("%s shows no error code", shown)
			}
		}
		if call.Int("durationMs") < 0 {
			t.Errorf("%s shows no duration", shown)
		}
	}
}

// takeOver makes the leases of dead processes lapse and lets the living ones
// go on.
func (s *shop) takeOver(t *testing.T) {
	t.Helper()
	s.Clock.Advance(stripesync.Lease + time.Second)
	s.available(t)
	if _, err := s.Engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
}
