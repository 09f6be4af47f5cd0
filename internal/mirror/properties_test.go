package mirror

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// Every property in Stripe's specification is shown, ignored or unsupported, and
// in one list alone.
func TestEveryPropertyIsKnown(t *testing.T) {
	t.Parallel()
	var spec struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &spec); err != nil {
		t.Fatal(err)
	}
	for kind, k := range properties {
		var all []string
		for _, list := range []string{k.shown, k.ignored, k.unsupported} {
			all = append(all, strings.Fields(list)...)
		}
		slices.Sort(all)
		if n := len(all); n != len(slices.Compact(all)) {
			t.Errorf("%s: a property is in two lists", kind)
		}
		declared := spec.Components.Schemas[kind].Properties
		if len(declared) == 0 {
			t.Errorf("the specification has no %s", kind)
		}
		for name := range declared {
			if !slices.Contains(all, name) {
				t.Errorf("%s.%s is neither shown, ignored nor unsupported", kind, name)
			}
		}
	}
}

func TestUnsupportedProperties(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ kind, object, want string }{
		"nothing is set":    {"subscription", `{"discount": null, "automatic_tax": {"enabled": false}, "default_tax_rates": [], "schedule": null}`, ""},
		"some are":          {"subscription", `{"schedule": "sub_sched_1", "discount": {"id": "di_1"}, "automatic_tax": {"enabled": true}}`, "automatic_tax discount schedule"},
		"a balance":         {"customer", `{"balance": -500, "tax_exempt": "none"}`, "balance"},
		"no balance":        {"customer", `{"balance": 0, "tax_exempt": "none"}`, ""},
		"an exemption":      {"customer", `{"tax_exempt": "reverse"}`, "tax_exempt"},
		"what is ignored":   {"customer", `{"description": "x", "phone": "1"}`, ""},
		"an open amount":    {"price", `{"custom_unit_amount": {"minimum": null}, "tax_behavior": "unspecified"}`, "custom_unit_amount"},
		"what has no value": {"invoice", `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := unsupportedIn(c.kind, json.RawMessage(c.object))
			if err != nil || strings.Join(got, " ") != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
