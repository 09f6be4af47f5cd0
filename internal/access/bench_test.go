package access_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/internal/access"
	"tallystick/internal/testkit"
)

// BenchmarkAccess measures, in one run, what a small read costs the admin's key, and
// what of that is access: the key, and the policy before each of its queries.
func BenchmarkAccess(b *testing.B) {
	k := testkit.New(b, "sqlite", testkit.Idle)
	k.Query(b, `mutation { createProduct(input: {name: "Plan", price: {unitAmount: 900, currency: "USD"}}) { product { id } } }`)
	body, err := json.Marshal(object{"query": `{ products { edges { node { id name active defaultPrice { id unitAmount { amount currency } } } } } }`})
	if err != nil {
		b.Fatal(err)
	}
	const queries = 2
	read := func() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "http://127.0.0.1/graphql", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+k.Key)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		k.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	keys := access.NewKeys(k.Store, k.Key, nil)
	row := k.Store.Reader.Product.Query()
	policy := access.DefaultRules().Policy()
	traverse, ok := policy.(ent.Traverser)
	if !ok {
		b.Fatal("the policy does not look at queries")
	}
	only := func() {
		ctx, err := keys.Authenticate(b.Context(), k.Key)
		if err != nil {
			b.Fatal(err)
		}
		for range queries {
			if err := traverse.Traverse(ctx, row); err != nil {
				b.Fatal(err)
			}
		}
	}
	var whole, part time.Duration
	for b.Loop() {
		begun := time.Now()
		read()
		whole += time.Since(begun)
		begun = time.Now()
		only()
		part += time.Since(begun)
	}
	b.ReportMetric(float64(whole.Nanoseconds())/float64(b.N), "ns/read")
	b.ReportMetric(float64(part.Nanoseconds())/float64(b.N), "ns/access")
	b.ReportMetric(100*float64(part)/float64(whole), "%access")
}
