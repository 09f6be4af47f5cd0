package stripesim_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// BenchmarkYear is a year of many monthly subscriptions: each is renewed, invoiced and
// paid twelve times.
func BenchmarkYear(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		price := w.monthly(1000)
		for i := range 1000 {
			c := must(w.stripe.Customers.New(&stripe.CustomerParams{
				Email: stripe.String(fmt.Sprintf("c%d@example.com", i)), PaymentMethod: stripe.String("pm_card_visa"),
				InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
			}))(b)
			w.expectOK(w.subscribe(c, price))
		}
		b.StartTimer()
		w.pass("365d")
	}
}

// BenchmarkRequests are the calls that a sign-up makes, one after the other.
func BenchmarkRequests(b *testing.B) {
	w := newWorld(b)
	price := w.monthly(1000)
	for b.Loop() {
		c := w.payingCustomer("pm_card_visa")
		sub := w.expectOK(w.subscribe(c, price)).body
		w.expectOK(w.get(path(sub)))
		w.expectOK(w.get("/v1/invoices?limit=3&customer=" + c.ID))
		w.expectOK(w.send(http.MethodDelete, path(sub), nil))
	}
	b.ReportMetric(float64(5*b.N)/b.Elapsed().Seconds(), "requests/s")
}
