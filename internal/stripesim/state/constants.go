package state

import (
	"encoding/json"
)

// constants are the fields, by kind of object, that the sandbox never changes. They
// complete each object on the wire.
var constants = parseConstants(`{
	"product": {"features": [], "package_dimensions": null},
	"price": {
		"custom_unit_amount": null, "transform_quantity": null
	},
	"customer": {
		"default_source": null, "discount": null
	},
	"subscription": {
		"application": null, "application_fee_percent": null, "automatic_tax": {"enabled": false, "liability": null},
		"billing_cycle_anchor_config": null, "billing_thresholds": null, "default_source": null, "default_tax_rates": [],
		"discount": null, "next_pending_invoice_item_invoice": null, "on_behalf_of": null,
		"pending_invoice_item_interval": null, "pending_update": null,
		"transfer_data": null
	},
	"subscription_item": {"billing_thresholds": null, "tax_rates": []},
	"invoice": {
		"account_country": "US", "account_name": "Sandbox", "account_tax_ids": null, "amount_shipping": 0, "application": null,
		"application_fee_amount": null, "automatic_tax": {"enabled": false, "liability": null, "status": null},
		"custom_fields": null, "customer_tax_ids": [], "default_source": null, "default_tax_rates": [],
		"discount": null, "discounts": [], "from_invoice": null, "issuer": {"type": "self"},
		"last_finalization_error": null, "latest_revision": null, "on_behalf_of": null,
		"payment_settings": {"default_mandate": null, "payment_method_options": null, "payment_method_types": null},
		"post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "quote": null, "receipt_number": null,
		"rendering": null, "shipping_cost": null, "shipping_details": null, "statement_descriptor": null, "tax": null,
		"rendering_options": null, "total_discount_amounts": [], "total_tax_amounts": [], "transfer_data": null
	},
	"line_item": {
		"discount_amounts": [], "discounts": [], "proration_details": {"credited_items": null}, "tax_amounts": [], "tax_rates": []
	},
	"invoiceitem": {"discountable": false, "discounts": [], "tax_rates": []},
	"payment_intent": {
		"amount_details": {"tip": {}}, "application": null, "application_fee_amount": null,
		"confirmation_method": "automatic",
		"on_behalf_of": null, "payment_method_configuration_details": null, "payment_method_options": {},
		"processing": null, "review": null, "shipping": null, "transfer_data": null, "transfer_group": null
	},
	"setup_intent": {
		"application": null, "automatic_payment_methods": null, "flow_directions": null, "latest_attempt": null, "mandate": null,
		"on_behalf_of": null, "payment_method_configuration_details": null, "payment_method_options": {"card": {
			"mandate_options": null, "network": null, "request_three_d_secure": "automatic"
		}}, "single_use_mandate": null
	},
	"checkout.session": {
		"after_expiration": null, "allow_promotion_codes": null, "automatic_tax": {"enabled": false, "liability": null, "status": null},
		"billing_address_collection": null, "client_secret": null, "consent": null, "consent_collection": null,
		"currency_conversion": null, "custom_fields": [], "custom_text": {
			"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null
		}, "invoice_creation": null, "locale": null, "payment_link": null, "payment_method_collection": null,
		"payment_method_configuration_details": null, "payment_method_options": {}, "phone_number_collection": {"enabled": false},
		"recovered_from": null, "shipping_address_collection": null, "shipping_cost": null, "shipping_details": null,
		"shipping_options": [], "submit_type": null, "ui_mode": "hosted"
	},
	"billing_portal.session": {"on_behalf_of": null},
	"charge": {
		"application": null, "application_fee": null, "application_fee_amount": null,
		"calculated_statement_descriptor": "SANDBOX",
		"failure_balance_transaction": null, "fraud_details": {}, "on_behalf_of": null, "receipt_email": null,
		"receipt_number": null, "receipt_url": null, "review": null, "shipping": null,
		"source_transfer": null, "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_data": null,
		"transfer_group": null
	}
}`)

func parseConstants(text string) map[string]map[string]any {
	var parsed map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		panic("stripesim: constants: " + err.Error())
	}
	return parsed
}
