package webhooks_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"tallystick/internal/testkit"
)

// FuzzDelivery sends whatever there is as an event, with a signature of its own and with
// a valid one. It is stored or refused, and never a fault of the server.
func FuzzDelivery(f *testing.F) {
	for _, seed := range []string{
		event("evt_1", "product.updated", "product", "prod_1"), `{"id":"evt_1"}`, `{"id":"evt_1","data":{"object":null}}`, `{"id":1}`, `null`,
		`{"id":"evt_\u0000","type":"x","data":{"object":{"id":"a","object":"b"}}}`, `{"id":"evt_2","data":{"object":{"id":{"a":1},"object":"b"}}}`, "\xff",
		`{"id":"evt_3","type":"x","created":99999999999999,"data":{"object":{"id":"a","object":"customer"}}}`,
		`{"id":"\ud800","type":"\udfff","data":{"object":{"id":"a","object":"b"}}}`,
	} {
		f.Add(seed, "t=1,v1=00")
	}
	k := testkit.New(f, "sqlite", testkit.Idle)
	f.Fuzz(func(t *testing.T, body, signature string) {
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: testkit.WebhookSecret, Timestamp: time.Now()})
		for _, header := range []string{signature, signed.Header} {
			r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
			r.Header.Set("Stripe-Signature", header)
			w := httptest.NewRecorder()
			k.Handler.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}
