package subscription

import (
	"net/http"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// chargeUnmodelled are Stripe's parameters of a charge that the sandbox leaves out.
var chargeUnmodelled = []string{
	"application_fee", "application_fee_amount", "capture", "card", "destination", "on_behalf_of", "radar_options", "receipt_email", "shipping",
	"statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
}

// createCharge takes money from the card of a token, as it was done before there were
// payment intents.
func createCharge(c *state.Request) (any, error) {
	amount, currency := c.Params.Between("amount", 1, billing.MaxAmount("idr")), strings.ToLower(c.Params.Required("currency", 3))
	source, customerID := c.Params.Text("source", form.MaxText), c.Params.Text("customer", form.MaxText)
	description, metadata := c.Params.Text("description", form.MaxText), c.Params.Metadata()
	switch {
	case amount == nil:
		c.Params.Missing("amount")
	case currency != "":
		catalog.CheckCurrency(c.Params, currency)
	}
	if source == nil && customerID == nil {
		c.Params.Fail(apierror.Invalid("", "Must provide source or customer."))
	}
	if err := c.Params.Done(chargeUnmodelled...); err != nil {
		return nil, err
	}
	if customerID != nil {
		if _, err := payerOf(c.Tx, *customerID); err != nil {
			return nil, err
		}
	}
	switch {
	case source == nil:
		return nil, noActiveCard()
	case customerID != nil:
		return nil, apierror.Invalid("source", "Customer %s does not have a linked source with ID %s.", *customerID, *source).WithCode("missing")
	}
	method, err := customer.MethodOfToken(c.Tx, *source, "source")
	if err != nil {
		return nil, err
	}
	kept, err := metadata.ApplyTo(nil)
	if err != nil {
		return nil, err
	}
	asked := &PaymentIntent{Amount: *amount, Currency: currency, Description: description, Metadata: kept}
	return chargeAlone(c.Tx, asked, method)
}

// noActiveCard is the answer for a customer without a source; payment methods are none.
func noActiveCard() *apierror.Error {
	e := apierror.Invalid("card", "Cannot charge a customer that has no active card").WithCode("missing")
	e.Status, e.Type = http.StatusPaymentRequired, "card_error"
	return e
}

// chargeAlone makes a charge without a payment intent. The attempt stays even if the
// card is declined.
func chargeAlone(t *state.Tx, asked *PaymentIntent, method *customer.Method) (*Charge, error) {
	card := customer.CardOf(method)
	var declined *apierror.Error
	switch {
	case card.Authenticates:
		declined = apierror.CardDeclined("authentication_required")
	case card.Decline != "":
		declined = apierror.CardDeclined(card.Decline)
	}
	made, err := newCharge(t, asked, method, declined)
	if err != nil {
		return nil, err
	}
	if declined != nil {
		declined.Charge, declined.KeepsWork = made.ID, true
		return nil, declined
	}
	return made, nil
}
