package stripesim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"
)

// loadSpec parses Stripe's own OpenAPI document once for all tests.
var loadSpec = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(embedded.OpenAPISpec)
	if err != nil {
		panic(err)
	}
	return doc
})

// specTransport lets a test fail when any response under /v1/ is not what Stripe's
// specification promises: it has to validate, and to have no key that the specification
// does not declare.
type specTransport struct {
	t    testing.TB
	next http.RoundTripper
}

func (s specTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	if err != nil || !strings.HasPrefix(r.URL.Path, "/v1/") || res.Header.Get("Content-Type") != "application/json" {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := checkResponse(r.Method, r.URL.Path, res.StatusCode, body); err != nil {
		s.t.Errorf("%s %s: %v\n%s", r.Method, r.URL.Path, err, body)
	}
	return res, nil
}

func checkResponse(method, path string, status int, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	schema := loadSpec().Components.Schemas["error"]
	if status == http.StatusOK {
		operation := findOperation(method, path)
		if operation == nil {
			return fmt.Errorf("the specification has no such operation")
		}
		schema = operation.Responses.Status(http.StatusOK).Value.Content.Get("application/json").Schema
	}
	if err := schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
		return err
	}
	if err := checkEventData(value); err != nil {
		return err
	}
	if unknown := undeclared(schema.Value, value, "$"); len(unknown) > 0 {
		return fmt.Errorf("undeclared keys: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// findOperation finds the path template that fits, preferring literal segments over
// placeholders.
func findOperation(method, path string) *openapi3.Operation {
	segments := strings.Split(path, "/")
	templates := loadSpec().Paths.InMatchingOrder()
	sort.SliceStable(templates, func(i, j int) bool { return strings.Count(templates[i], "{") < strings.Count(templates[j], "{") })
	for _, template := range templates {
		parts := strings.Split(template, "/")
		fits := len(parts) == len(segments)
		for i := 0; fits && i < len(parts); i++ {
			fits = strings.HasPrefix(parts[i], "{") || parts[i] == segments[i]
		}
		if fits {
			if operation := loadSpec().Paths.Value(template).GetOperation(method); operation != nil {
				return operation
			}
		}
	}
	return nil
}

// checkEventData validates the snapshots inside events, for which the specification
// says no more than "object".
func checkEventData(value any) error {
	object, _ := value.(map[string]any)
	events, _ := object["data"].([]any)
	for _, element := range append(events, value) {
		event, _ := element.(map[string]any)
		if event["object"] != "event" {
			continue
		}
		snapshot := event["data"].(map[string]any)["object"].(map[string]any)
		schema := loadSpec().Components.Schemas[snapshot["object"].(string)]
		if err := schema.Value.VisitJSON(snapshot, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
			return fmt.Errorf("%s: %w", event["type"], err)
		}
		if unknown := undeclared(schema.Value, snapshot, "$.data.object"); len(unknown) > 0 {
			return fmt.Errorf("%s: undeclared keys: %s", event["type"], strings.Join(unknown, ", "))
		}
	}
	return nil
}

// undeclared lists the keys in value that its schema does not know.
func undeclared(schema *openapi3.Schema, value any, path string) []string {
	switch value := value.(type) {
	case []any:
		var unknown []string
		for i, element := range value {
			if schema.Items != nil {
				unknown = append(unknown, undeclared(schema.Items.Value, element, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
		return unknown
	case map[string]any:
		if len(schema.AnyOf) > 0 {
			return undeclaredInAny(schema.AnyOf, value, path)
		}
		if len(schema.Properties) == 0 {
			return nil // a free-form object such as metadata
		}
		var unknown []string
		for key, inner := range value {
			property, declared := schema.Properties[key]
			if !declared && recorded(value, key, path) {
				continue
			}
			if !declared {
				unknown = append(unknown, path+"."+key)
				continue
			}
			unknown = append(unknown, undeclared(property.Value, inner, path+"."+key)...)
		}
		return unknown
	}
	return nil
}

// recorded says whether recordings of the real API have a key that the specification
// does not declare.
func recorded(object map[string]any, key, path string) bool {
	kind, _ := object["object"].(string)
	switch key {
	case "plan":
		return kind == "subscription" || kind == "subscription_item" || kind == "line_item" || kind == "invoiceitem"
	case "quantity":
		return kind == "subscription"
	case "total_count":
		return kind == "list"
	case "rendering_options":
		return kind == "invoice"
	case "trial_period_days":
		return strings.HasSuffix(path, ".recurring")
	}
	return false
}

// undeclaredInAny judges by the alternative that fits best among those that validate.
func undeclaredInAny(alternatives openapi3.SchemaRefs, value map[string]any, path string) []string {
	best, found := []string{path + " fits no alternative"}, false
	for _, alternative := range alternatives {
		if alternative.Value.VisitJSON(value, openapi3.VisitAsResponse()) != nil {
			continue
		}
		unknown := undeclared(alternative.Value, value, path)
		if !found || len(unknown) < len(best) {
			best, found = unknown, true
		}
	}
	return best
}

// TestEveryParameterOfStripesIsKnown sends each top-level parameter that the
// specification has for an endpoint, alone. The sandbox may want more, or not model it,
// but must not claim that Stripe does not know it.
func TestEveryParameterOfStripesIsKnown(t *testing.T) {
	w := newWorld(t)
	sub := w.active()
	ids := map[string]string{
		"products": w.product("Tally").ID, "prices": w.monthly(1000).ID, "customers": w.customer("ada@example.com").ID,
		"subscriptions": sub["id"].(string), "invoices": object(sub, "latest_invoice")["id"].(string),
		"payment_intents": object(object(sub, "latest_invoice"), "payment_intent")["id"].(string), "payment_methods": "pm_card_visa",
	}
	ids["coupons"] = w.coupon("percent_off", "5")
	ids["promotion_codes"] = w.promotion(ids["coupons"])
	for _, endpoint := range []string{
		"GET products", "POST products", "GET products/", "POST products/", "GET prices", "POST prices", "GET prices/", "POST prices/",
		"GET customers", "POST customers", "GET customers/", "POST customers/", "GET customers/ payment_methods",
		"GET payment_methods", "GET payment_methods/", "POST payment_methods/ attach", "POST payment_methods/ detach",
		"GET subscriptions", "POST subscriptions", "GET subscriptions/", "POST subscriptions/", "POST subscriptions/ resume",
		"GET invoices", "GET invoices/", "POST invoices/ pay", "POST invoices/ finalize", "POST invoices/ send", "POST invoices/ void",
		"POST invoices/ mark_uncollectible", "GET invoiceitems", "GET payment_intents", "GET payment_intents/", "POST payment_intents/ confirm",
		"GET checkout/sessions", "POST checkout/sessions", "POST billing_portal/sessions", "GET setup_intents", "POST setup_intents",
		"GET webhook_endpoints", "POST webhook_endpoints", "GET test_helpers/test_clocks", "POST test_helpers/test_clocks",
		"GET events", "DELETE subscriptions/", "GET coupons", "POST coupons", "GET coupons/", "POST coupons/", "GET promotion_codes",
		"POST promotion_codes", "GET promotion_codes/", "POST promotion_codes/", "POST invoices", "POST invoices/", "POST invoiceitems",
	} {
		method, rest, _ := strings.Cut(endpoint, " ")
		resource, action, _ := strings.Cut(rest, " ")
		url := "/v1/" + resource
		if name, one := strings.CutSuffix(resource, "/"); one {
			url += ids[name]
		}
		if action != "" {
			url += "/" + action
		}
		operation := findOperation(method, url)
		if operation == nil {
			t.Fatalf("%s: the specification has no such operation", endpoint)
		}
		for _, name := range parameterNames(operation) {
			if r := w.send(method, url, form(name, "1")); r.errorField("code") == "parameter_unknown" {
				t.Errorf("%s: %s", endpoint, r.errorField("message"))
			}
		}
	}
}

func parameterNames(operation *openapi3.Operation) (names []string) {
	for _, parameter := range operation.Parameters {
		if parameter.Value.In == "query" {
			names = append(names, parameter.Value.Name)
		}
	}
	if operation.RequestBody == nil {
		return names
	}
	if media := operation.RequestBody.Value.Content.Get("application/x-www-form-urlencoded"); media != nil {
		for name := range media.Schema.Value.Properties {
			names = append(names, name)
		}
	}
	return names
}
