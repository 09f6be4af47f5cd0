package stripesim

import "encoding/json"

// constants are the fields, by kind of object, that the sandbox never changes. They complete each object on the wire.
var constants = parseConstants(`{
	"product": {},
	"price": {
		"billing_scheme": "per_unit", "custom_unit_amount": null, "tiers_mode": null, "transform_quantity": null
	},
	"customer": {
		"default_source": null, "discount": null, "test_clock": null
	}
}`)

func parseConstants(text string) map[string]map[string]any {
	var parsed map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		panic("stripesim: constants: " + err.Error())
	}
	return parsed
}
