package mirror

import (
	"encoding/json"
	"slices"
	"strings"
)

// known says what becomes of each property that Stripe's objects of a kind
// have. A property that is in none of the lists fails a test, so that no new one
// is overlooked.
type known struct {
	// shown are those that the API shows, or that lead to what it shows.
	shown string
	// ignored are those that the API leaves out, as they change neither what is
	// charged nor when: labels and pages, bookkeeping of Stripe's, how payments are
	// made, and what is said elsewhere.
	ignored string
	// unsupported are those that make a reader's picture incomplete when they are
	// set: the object is PARTIAL then.
	unsupported string
}

// properties are those of each kind, in API version 2023-10-16, and the ones that
// recordings of Stripe's answers show beside its specification.
var properties = map[string]known{
	"product": {
		shown: `active created default_price description id metadata name object`,
		ignored: `features images livemode package_dimensions shippable statement_descriptor tax_code unit_label updated url
			attributes type`,
	},
	"price": {
		shown: `active billing_scheme created currency currency_options id lookup_key metadata nickname object product recurring
			tiers tiers_mode type unit_amount unit_amount_decimal`,
		ignored:     `livemode`,
		unsupported: `custom_unit_amount tax_behavior transform_quantity`,
	},
	"customer": {
		shown: `created email id metadata name object`,
		ignored: `address currency default_source delinquent description invoice_prefix invoice_settings livemode
			next_invoice_sequence phone preferred_locales shipping sources subscriptions tax tax_ids test_clock`,
		unsupported: `balance cash_balance discount invoice_credit_balance tax_exempt`,
	},
	"subscription": {
		shown: `cancel_at cancel_at_period_end canceled_at cancellation_details collection_method created currency
			current_period_end current_period_start customer ended_at id items latest_invoice metadata object pause_collection
			status trial_end`,
		ignored: `application billing_cycle_anchor billing_cycle_anchor_config days_until_due default_payment_method
			default_source description livemode next_pending_invoice_item_invoice payment_settings pending_setup_intent
			plan quantity start_date test_clock trial_settings trial_start`,
		unsupported: `application_fee_percent automatic_tax billing_thresholds default_tax_rates discount on_behalf_of
			pending_invoice_item_interval pending_update schedule transfer_data`,
	},
	"subscription_item": {
		shown:       `id object price quantity subscription`,
		ignored:     `created metadata plan`,
		unsupported: `billing_thresholds tax_rates`,
	},
	"invoice": {
		shown: `amount_due amount_paid amount_remaining billing_reason created currency customer due_date
			hosted_invoice_url id number object status subscription total`,
		ignored: `account_country account_name account_tax_ids application attempt_count attempted auto_advance charge
			collection_method custom_fields customer_address customer_email customer_name customer_phone customer_shipping
			customer_tax_exempt customer_tax_ids default_payment_method default_source default_tax_rates description
			effective_at footer from_invoice invoice_pdf issuer last_finalization_error latest_revision lines livemode
			metadata next_payment_attempt paid paid_out_of_band payment_intent payment_settings period_end period_start
			quote receipt_number rendering rendering_options shipping_cost shipping_details statement_descriptor
			status_transitions subscription_details subscription_proration_date subtotal subtotal_excluding_tax test_clock
			threshold_reason total_excluding_tax webhooks_delivered_at`,
		unsupported: `amount_shipping application_fee_amount automatic_tax discount discounts ending_balance on_behalf_of
			post_payment_credit_notes_amount pre_payment_credit_notes_amount starting_balance tax total_discount_amounts
			total_tax_amounts transfer_data`,
	},
}

// unset are the values of properties that say nothing, beside null, false, zero
// and what is empty.
var unset = map[string]string{
	"tax_behavior": `"unspecified"`,
	"tax_exempt":   `"none"`,
}

// unsupportedIn are the properties of an object in Stripe that are set and that
// nothing here shows, in the order of their names; nil when there is none.
func unsupportedIn(kind string, raw json.RawMessage) ([]string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	var found []string
	for _, name := range strings.Fields(properties[kind].unsupported) {
		if isSet(name, object[name]) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

func isSet(name string, value json.RawMessage) bool {
	switch text := string(value); text {
	case "", "null", "false", "0", `""`, "[]", "{}", unset[name]:
		return false
	}
	var switched struct {
		Enabled *bool `json:"enabled"`
	}
	if json.Unmarshal(value, &switched) == nil && switched.Enabled != nil {
		return *switched.Enabled
	}
	return true
}
