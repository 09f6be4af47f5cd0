package subscription

import "tallystick/internal/stripesim/state"

func searchSubscriptions(c *state.Request) (any, error) {
	return c.Search("subscription", "subscriptions", state.SearchFields{
		"canceled_at": state.Number, "created": state.Number, "status": state.Token,
	})
}

func searchInvoices(c *state.Request) (any, error) {
	return c.Search("invoice", "invoices", state.SearchFields{
		"created": state.Number, "currency": state.Token, "customer": state.Token, "number": state.Text, "receipt_number": state.Text,
		"status": state.Token, "subscription": state.Token, "total": state.Number,
	})
}

func searchCharges(c *state.Request) (any, error) {
	return c.Search("charge", "charges", state.SearchFields{
		"amount": state.Number, "billing_details.address.postal_code": state.Token, "created": state.Number, "currency": state.Token,
		"customer": state.Token, "disputed": state.Flag, "refunded": state.Flag, "status": state.Token,
		"payment_method_details.card.brand": state.Token, "payment_method_details.card.exp_month": state.Number,
		"payment_method_details.card.exp_year": state.Number, "payment_method_details.card.fingerprint": state.Token,
		"payment_method_details.card.last4": state.Token,
	})
}

func searchPaymentIntents(c *state.Request) (any, error) {
	return c.Search("payment_intent", "payment_intents", state.SearchFields{
		"amount": state.Number, "created": state.Number, "currency": state.Token, "customer": state.Token, "status": state.Token,
	})
}
