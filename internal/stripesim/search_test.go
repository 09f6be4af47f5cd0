package stripesim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// search returns the ids that a search finds.
func (w *world) search(resource, query string) []string {
	w.t.Helper()
	ids := []string{}
	for _, found := range w.expectOK(w.get("/v1/" + resource + "/search?query=" + url.QueryEscape(query))).body["data"].([]any) {
		ids = append(ids, found.(map[string]any)["id"].(string))
	}
	return ids
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	person := func(pairs ...string) string { return w.expectOK(w.post("/v1/customers", pairs...)).body["id"].(string) }
	ada := person("name", "Ada Lovelace", "email", "ada@example.com", "metadata[tier]", "gold", "metadata[a\"b]", "x")
	bob := person("name", "Bob O'Hara", "email", "bob@example.com", "metadata[tier]", "silver")
	eve := person("email", "eve@example.org")
	w.pass("1h")
	late := person("email", "late@example.org")
	w.pass("1h")
	for query, want := range map[string][]string{
		`email:"ada@example.com"`:                                     {ada},
		`email:'ADA@example.com'`:                                     {ada},
		`email~"example.com"`:                                         {bob, ada},
		`name:'Bob O\'Hara'`:                                          {bob},
		`metadata['tier']:'gold'`:                                     {ada},
		`metadata["tier"]:"gold" OR metadata["tier"]:"silver"`:        {bob, ada},
		`-metadata["tier"]:null`:                                      {bob, ada},
		`metadata["tier"]:null`:                                       {late, eve},
		`metadata["a\"b"]:"x"`:                                        {ada},
		`-metadata["tier"]:"gold"`:                                    {late, eve, bob},
		`-name~"lovelace"`:                                            {late, eve, bob},
		`email~"example" AND name:null`:                               {late, eve},
		`email~"example"  -name:null`:                                 {bob, ada},
		fmt.Sprintf(`created>=%d`, w.time.Unix()+3600):                {late},
		fmt.Sprintf(`created<%d and email~"ada"`, w.time.Unix()+3600): {ada},
		`email:"'; DROP TABLE objects --"`:                            {},
	} {
		if got := w.search("customers", query); !slices.Equal(got, want) {
			t.Errorf("%s finds %v, not %v", query, got, want)
		}
	}
	for query, want := range map[string]refused{
		`nope:"x"`:                          {contains: "Field `nope` is an unsupported search field for resource `customers`."},
		`email:ada`:                         {contains: "unable to parse your search query"},
		`email:"ada`:                        {contains: "unable to parse your search query"},
		`metadata:"x"`:                      {contains: "unable to parse your search query"},
		`email`:                             {contains: "unable to parse your search query"},
		`email~"ad"`:                        {contains: "at least 3 characters"},
		`created>"x"`:                       {contains: "unable to parse your search query"},
		`email>"a"`:                         {contains: "does not support the operator"},
		`name:"a" AND name:"b" OR name:"c"`: {contains: "combine AND and OR"},
		strings.Repeat(`name:"a" `, 11):     {contains: "up to 10 clauses"},
		`email') OR 1=1 --:"x"`:             {contains: "unable to parse your search query"},
	} {
		want.param = "query"
		w.expectRefusal(w.get("/v1/customers/search?query="+url.QueryEscape(query)), want)
	}
	w.expectRefusal(w.get("/v1/customers/search"), refused{code: "parameter_missing", param: "query"})
}

func TestSearchPages(t *testing.T) {
	w := newWorld(t)
	want := []string{}
	for i := range 7 {
		want = append([]string{w.product(fmt.Sprintf("Product %d", i)).ID}, want...)
	}
	w.pass("1h")
	var got []string
	at := "/v1/products/search?query=" + url.QueryEscape(`active:"true"`) + "&limit=3&expand[]=total_count"
	for next := ""; ; {
		page := w.expectOK(w.get(at + next)).body
		if page["total_count"] != 7.0 || page["object"] != "search_result" {
			t.Fatalf("page: %v", page)
		}
		for _, found := range page["data"].([]any) {
			got = append(got, found.(map[string]any)["id"].(string))
		}
		if page["has_more"] == false {
			break
		}
		next = "&page=" + page["next_page"].(string)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	w.expectRefusal(w.get(at+"&page=nope"), refused{param: "page"})
	if _, counted := w.expectOK(w.get("/v1/products/search?query=" + url.QueryEscape(`active:"true"`))).body["total_count"]; counted {
		t.Error("the count comes unasked")
	}
}

func TestSearchLag(t *testing.T) {
	w := newWorld(t)
	w.expectOK(w.post("/v1/customers", "email", "ada@example.com"))
	if got := w.search("customers", `email:"ada@example.com"`); len(got) != 0 {
		t.Errorf("found at once: %v", got)
	}
	w.pass("10s")
	if got := w.search("customers", `email:"ada@example.com"`); len(got) != 1 {
		t.Errorf("found in the end: %v", got)
	}
	for _, nonsense := range []string{"0s", "soon", "-1m", "2h"} {
		if r := w.control("settings", map[string]any{"searchLag": nonsense}); r.status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", nonsense, r.status, r.body)
		}
	}
	if r := w.control("settings", map[string]any{"searchLag": "1m"}); r.status != http.StatusOK || r.body["searchLag"] != "1m0s" {
		t.Errorf("settings: %v", r.body)
	}
	w.expectOK(w.post("/v1/customers", "email", "bob@example.com"))
	w.pass("59s")
	if got := w.search("customers", `email:"bob@example.com"`); len(got) != 0 {
		t.Errorf("found too early: %v", got)
	}
}

func TestSearchEveryResource(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	due := object(sub, "latest_invoice")
	price := object(object(sub, "items")["data"].([]any)[0].(map[string]any), "price")
	w.expectOK(w.post(path(sub), "metadata[order]", "7"))
	w.pass("1h")
	for query, want := range map[string]any{
		`subscriptions status:"active" AND metadata["order"]:"7"`:                                     sub["id"],
		`subscriptions canceled_at:null`:                                                              sub["id"],
		fmt.Sprintf(`invoices customer:"%s" total>=1000 status:"paid"`, sub["customer"]):              due["id"],
		fmt.Sprintf(`invoices subscription:"%s" number:"%s"`, sub["id"], due["number"]):               due["id"],
		`charges amount>999 refunded:"false" currency:"USD" payment_method_details.card.last4:4242`:   nil,
		`charges amount>999 refunded:"false" currency:"USD" payment_method_details.card.last4:"4242"`: due["charge"],
		`payment_intents status:"succeeded" amount=1000`:                                              object(due, "payment_intent")["id"],
		fmt.Sprintf(`prices product:"%s" type:"recurring"`, price["product"]):                         price["id"],
		`products name~"pla" active:"true"`:                                                           price["product"],
	} {
		resource, query, _ := strings.Cut(query, " ")
		if want == nil {
			w.expectRefusal(w.get("/v1/"+resource+"/search?query="+url.QueryEscape(query)), refused{param: "query", contains: "unable to parse"})
			continue
		}
		if got := w.search(resource, query); len(got) != 1 || got[0] != want {
			t.Errorf("%s %s finds %v, not %v", resource, query, got, want)
		}
	}
}
