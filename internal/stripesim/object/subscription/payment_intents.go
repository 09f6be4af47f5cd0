package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// PaymentIntent is one payment on its way.
type PaymentIntent struct {
	state.Record
	Amount             int64             `json:"amount"`
	AmountReceived     int64             `json:"amount_received"`
	CanceledAt         *int64            `json:"canceled_at"`
	CancellationReason *string           `json:"cancellation_reason"`
	ClientSecret       string            `json:"client_secret"`
	Currency           string            `json:"currency"`
	Customer           state.Ref         `json:"customer"`
	Description        *string           `json:"description"`
	Invoice            *string           `json:"invoice"`
	LastPaymentError   *apierror.Error   `json:"last_payment_error"`
	LatestCharge       *string           `json:"latest_charge"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         *nextAction       `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	Status             string            `json:"status"`

	// What only an intent of its own can have, without an invoice.
	AmountCapturable          int64             `json:"amount_capturable"`
	AutomaticPaymentMethods   *automaticMethods `json:"automatic_payment_methods"`
	CaptureMethod             string            `json:"capture_method"`
	PaymentMethodTypes        []string          `json:"payment_method_types"`
	ReceiptEmail              *string           `json:"receipt_email"`
	StatementDescriptor       *string           `json:"statement_descriptor"`
	StatementDescriptorSuffix *string           `json:"statement_descriptor_suffix"`
	Usage                     *string           `json:"setup_future_usage"`
}

type automaticMethods struct {
	AllowRedirects string `json:"allow_redirects"`
	Enabled        bool   `json:"enabled"`
}

// nextAction asks the frontend to let the card's holder authenticate.
type nextAction struct {
	Type         string         `json:"type"`
	UseStripeSDK map[string]any `json:"use_stripe_sdk"`
}

// forLater is what the payment of an invoice does with its card: it is kept for the next ones.
var forLater = "off_session"

// newPaymentIntent makes the intent through which an invoice that has just been
// finalized is paid.
func newPaymentIntent(t *state.Tx, of *Invoice, method *customer.Method) *PaymentIntent {
	made := &PaymentIntent{
		Record: t.NewRecord("payment_intent", "pi_3"), Amount: of.AmountDue, Currency: of.Currency, Customer: state.Ref(of.Customer),
		Invoice: &of.ID, Metadata: map[string]string{}, Status: needsMethod,
		CaptureMethod: captureAutomatic, PaymentMethodTypes: []string{"card"}, Usage: &forLater,
	}
	made.Description = of.purpose()
	if method != nil {
		made.Status, made.PaymentMethod = "requires_confirmation", &method.ID
	}
	made.ClientSecret = made.ID + "_secret_" + state.RandomString(25, state.IDAlphabet)
	return made
}

func getPaymentIntent(c *state.Request) (any, error) {
	secret := c.Params.Text("client_secret", form.MaxText)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	intent, err := NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	return intent, checkSecret("PaymentIntent", intent.ClientSecret, secret)
}

// NamedPaymentIntent is the one that the URL names.
func NamedPaymentIntent(c *state.Request) (*PaymentIntent, error) {
	return state.Find[PaymentIntent](c.Tx, "payment_intent", c.ID(), apierror.NotFound("payment_intent", c.ID(), "intent"))
}

// checkSecret refuses a client secret that is not the intent's. Kind is PaymentIntent
// or SetupIntent.
func checkSecret(kind, secret string, given *string) error {
	if given != nil && *given != secret {
		code := map[string]string{"PaymentIntent": "payment_intent_invalid_parameter", "SetupIntent": "setup_intent_invalid_parameter"}[kind]
		return apierror.Invalid("client_secret", "The client_secret provided does not match any associated %s on this account. Ensure the provided client_secret is valid.", kind).
			WithCode(code)
	}
	return nil
}

func listPaymentIntents(c *state.Request) (any, error) {
	list := c.NewList("payment_intent", "/v1/payment_intents")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.MatchTime("created")
	return list.Run()
}

func confirmPaymentIntent(c *state.Request) (any, error) {
	methodID := c.Params.Text("payment_method", form.MaxText)
	secret := c.Params.Text("client_secret", form.MaxText)
	c.Params.Text("return_url", form.MaxText)
	c.Params.Boolean("off_session")
	c.Params.Boolean("use_stripe_sdk")
	c.Params.Choice("setup_future_usage", "", "off_session", "on_session")
	if err := c.Params.Done("capture_method", "error_on_requires_action", "mandate", "mandate_data", "payment_method_data",
		"payment_method_options", "payment_method_types", "radar_options", "receipt_email", "shipping"); err != nil {
		return nil, err
	}
	intent, err := NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	if err := checkSecret("PaymentIntent", intent.ClientSecret, secret); err != nil {
		return nil, err
	}
	if err := checkConfirmable(c.Tx, intent, methodID); err != nil {
		return nil, err
	}
	if intent.Invoice == nil {
		return confirmAlone(c.Tx, intent, methodID, false)
	}
	method, err := confirmingMethod(c.Tx, intent, methodID)
	if err != nil {
		return nil, err
	}
	due, err := InvoiceByID(c.Tx, *intent.Invoice)
	if err != nil {
		return nil, err
	}
	declined, err := chargeInvoice(c.Tx, due, method)
	if err != nil {
		return nil, err
	}
	if declined != nil && declined.Type == "card_error" && declined.DeclineCode != "" {
		return nil, declined
	}
	return NamedPaymentIntent(c)
}

// checkConfirmable refuses an intent that is over, or that has nothing to be paid with.
func checkConfirmable(t *state.Tx, intent *PaymentIntent, methodID *string) error {
	var refused *apierror.Error
	switch {
	case intent.Status == "succeeded":
		refused = apierror.Invalid("", "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case intent.Status == "canceled":
		refused = apierror.Invalid("", "You cannot confirm this PaymentIntent because it has a status of canceled. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.")
	case methodID == nil && intent.PaymentMethod == nil:
		refused = apierror.Invalid("", "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.")
	default:
		return nil
	}
	shown, err := t.Render(intent, nil)
	if err != nil {
		return err
	}
	refused.PaymentIntent = shown
	return refused.WithCode("payment_intent_unexpected_state")
}

// confirmingMethod is the payment method to confirm with: the one that the request
// names, or the intent's own.
func confirmingMethod(t *state.Tx, intent *PaymentIntent, id *string) (*customer.Method, error) {
	if id == nil {
		id = intent.PaymentMethod
	}
	return customer.PayingMethod(t, *id, string(intent.Customer))
}
