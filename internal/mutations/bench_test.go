package mutations_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/testkit"
)

// onEach runs a benchmark on SQLite and on PostgreSQL.
func onEach(b *testing.B, bench func(b *testing.B, k *testkit.Kit)) {
	b.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		b.Run(database, func(b *testing.B) { bench(b, testkit.New(b, database, testkit.Idle)) })
	}
}

// measure reports how many SQL statements a run took, each time.
func measure(b *testing.B, run func(i int)) {
	b.Helper()
	i, before := 0, statements(b)
	for b.Loop() {
		run(i)
		i++
	}
	b.ReportMetric((statements(b)-before)/float64(i), "statements/op")
}

func statements(b *testing.B) float64 {
	b.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tallystick_database_statements_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	b.Fatal("there is no metric of statements")
	return 0
}

func ptr[T any](v T) *T { return &v }

// BenchmarkReadProducts reads a page of products, each with its prices. The
// number of statements must not grow with the page.
func BenchmarkReadProducts(b *testing.B) {
	onEach(b, func(b *testing.B, k *testkit.Kit) {
		for i := range 100 {
			created, err := k.Catalog.CreateProduct(testkit.Context(b), catalog.CreateProduct{
				Name: fmt.Sprintf("Product %d", i), Price: &billing.PriceTerms{UnitAmount: 900, Currency: "USD"},
			})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := k.Catalog.AddProductPrice(testkit.Context(b), catalog.AddProductPrice{
				ProductID: created.Product.ID, PriceTerms: billing.PriceTerms{UnitAmount: 9000, Currency: "USD"},
			}); err != nil {
				b.Fatal(err)
			}
		}
		for _, page := range []int{1, 10, 100} {
			b.Run(strconv.Itoa(page), func(b *testing.B) {
				measure(b, func(int) {
					k.Query(b, `query($first: Int!) { products(first: $first) { edges { node {
						id name active defaultPrice { id unitAmount { amount currency } }
						prices(first: 5) { edges { node { id status unitAmount { amount currency } } } } stripe { id status }
					} } pageInfo { hasNextPage endCursor } } }`, map[string]any{"first": page})
				})
			})
		}
	})
}

// BenchmarkCreateCustomer signs people up, which waits for nobody.
func BenchmarkCreateCustomer(b *testing.B) {
	onEach(b, func(b *testing.B, k *testkit.Kit) {
		ctx := testkit.Context(b)
		measure(b, func(i int) {
			if _, err := k.Customers.CreateCustomer(ctx, customers.CreateCustomer{Email: fmt.Sprintf("c%d@example.com", i)}); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkUpdateProductPrice changes a price, and asks Stripe for the same
// three changes without any of the engine, turn by turn. The difference is
// what keeping both halves equal costs; all are medians. Stripe itself answers at once,
// or after 50 ms, which is quick for it.
func BenchmarkUpdateProductPrice(b *testing.B) {
	onEach(b, func(b *testing.B, k *testkit.Kit) {
		for _, delay := range []int{0, 50} {
			b.Run(fmt.Sprintf("%d ms", delay), func(b *testing.B) {
				k.Stripe.Heal(b)
				if delay > 0 {
					k.Stripe.Fail(b, testkit.Fault{Kind: "delay", DelayMs: delay})
				}
				changePrices(b, k)
			})
		}
	})
}

func changePrices(b *testing.B, k *testkit.Kit) {
	b.Helper()
	ctx := testkit.Context(b)
	created, err := k.Catalog.CreateProduct(ctx, catalog.CreateProduct{
		Name: "Team", Price: &billing.PriceTerms{UnitAmount: 1, Currency: "USD"},
	})
	if err != nil {
		b.Fatal(err)
	}
	bare, err := k.App.Stripe.Products.New(&stripe.ProductParams{
		Name: ptr("Bare"), DefaultPriceData: &stripe.ProductDefaultPriceDataParams{Currency: ptr("usd"), UnitAmount: ptr(int64(1))},
	})
	if err != nil {
		b.Fatal(err)
	}
	old := bare.DefaultPrice.ID
	var whole, alone []time.Duration
	measure(b, func(i int) {
		began := time.Now()
		changed, err := k.Catalog.UpdateProductPrice(ctx, catalog.UpdateProductPrice{
			ProductID: created.Product.ID, PriceChange: billing.PriceChange{UnitAmount: int64(i%90_000_000 + 2)},
		})
		if err != nil || changed.Operation.Status != "SUCCEEDED" {
			b.Fatal(err, changed.Operation)
		}
		whole = append(whole, time.Since(began))

		began = time.Now()
		old = replaceBare(b, k, bare.ID, old, int64(i+2))
		alone = append(alone, time.Since(began))
	})
	change, bareChange := median(whole), median(alone)
	b.ReportMetric(float64(change.Microseconds()), "µs/change")
	b.ReportMetric(float64(bareChange.Microseconds()), "µs/stripe")
	b.ReportMetric(float64((change - bareChange).Microseconds()), "µs/engine")
	b.ReportMetric(change.Seconds()/bareChange.Seconds(), "×stripe")
	b.ReportMetric(0, "ns/op") // of both together: means nothing
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// replaceBare is a price change in Stripe alone.
func replaceBare(b *testing.B, k *testkit.Kit, product, old string, amount int64) (price string) {
	b.Helper()
	api := k.App.Stripe
	created, err := api.Prices.New(&stripe.PriceParams{Product: &product, Currency: ptr("usd"), UnitAmount: &amount})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := api.Products.Update(product, &stripe.ProductParams{DefaultPrice: &created.ID}); err != nil {
		b.Fatal(err)
	}
	if _, err := api.Prices.Update(old, &stripe.PriceParams{Active: ptr(false)}); err != nil {
		b.Fatal(err)
	}
	return created.ID
}
