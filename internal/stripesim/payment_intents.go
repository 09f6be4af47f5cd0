package stripesim

type paymentIntent struct {
	record
	Amount             int64             `json:"amount"`
	AmountReceived     int64             `json:"amount_received"`
	CanceledAt         *int64            `json:"canceled_at"`
	CancellationReason *string           `json:"cancellation_reason"`
	ClientSecret       string            `json:"client_secret"`
	Currency           string            `json:"currency"`
	Customer           string            `json:"customer"`
	Description        *string           `json:"description"`
	Invoice            *string           `json:"invoice"`
	LastPaymentError   *apiError         `json:"last_payment_error"`
	LatestCharge       *string           `json:"latest_charge"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         *nextAction       `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	Status             string            `json:"status"`
}

// nextAction asks the frontend to let the card's holder authenticate.
type nextAction struct {
	Type         string         `json:"type"`
	UseStripeSDK map[string]any `json:"use_stripe_sdk"`
}

// newPaymentIntent makes the intent through which an invoice that has just been finalized is paid.
func (c *tx) newPaymentIntent(of *invoice, method *paymentMethod) *paymentIntent {
	made := &paymentIntent{
		record: c.newRecord("payment_intent", "pi_3"), Amount: of.AmountDue, Currency: of.Currency, Customer: of.Customer,
		Invoice: &of.ID, Metadata: map[string]string{}, Status: "requires_payment_method",
	}
	description := "Subscription update"
	if of.BillingReason == reasonCreate {
		description = "Subscription creation"
	}
	made.Description = &description
	if method != nil {
		made.Status, made.PaymentMethod = "requires_confirmation", &method.ID
	}
	made.ClientSecret = made.ID + "_secret_" + randomString(25, idAlphabet)
	return made
}

func getPaymentIntent(c *call) (any, error) {
	secret := c.params.text("client_secret", maxText)
	if err := c.params.done(); err != nil {
		return nil, err
	}
	intent, err := c.paymentIntent()
	if err != nil {
		return nil, err
	}
	return intent, checkSecret("PaymentIntent", intent.ClientSecret, secret)
}

// paymentIntent is the one that the URL names.
func (c *call) paymentIntent() (*paymentIntent, error) {
	return find[paymentIntent](c.tx, "payment_intent", c.id(), notFound("payment_intent", c.id(), "intent"))
}

// checkSecret refuses a client secret that is not the intent's. Kind is PaymentIntent or SetupIntent.
func checkSecret(kind, secret string, given *string) error {
	if given != nil && *given != secret {
		code := map[string]string{"PaymentIntent": "payment_intent_invalid_parameter", "SetupIntent": "setup_intent_invalid_parameter"}[kind]
		return invalid("client_secret", "The client_secret provided does not match any associated %s on this account. Ensure the provided client_secret is valid.", kind).
			withCode(code)
	}
	return nil
}

func listPaymentIntents(c *call) (any, error) {
	list := c.newList("payment_intent", "/v1/payment_intents")
	list.match("customer", c.params.text("customer", maxText))
	list.matchTime("created")
	return list.run()
}

func confirmPaymentIntent(c *call) (any, error) {
	methodID := c.params.text("payment_method", maxText)
	secret := c.params.text("client_secret", maxText)
	c.params.text("return_url", maxText)
	c.params.boolean("off_session")
	c.params.boolean("use_stripe_sdk")
	c.params.choice("setup_future_usage", "", "off_session", "on_session")
	if err := c.params.done("capture_method", "error_on_requires_action", "mandate", "mandate_data", "payment_method_data",
		"payment_method_options", "payment_method_types", "radar_options", "receipt_email", "shipping"); err != nil {
		return nil, err
	}
	intent, err := c.paymentIntent()
	if err != nil {
		return nil, err
	}
	if err := checkSecret("PaymentIntent", intent.ClientSecret, secret); err != nil {
		return nil, err
	}
	if err := c.checkConfirmable(intent, methodID); err != nil {
		return nil, err
	}
	method, err := c.confirmingMethod(intent, methodID)
	if err != nil {
		return nil, err
	}
	due, err := c.invoiceByID(*intent.Invoice) // one without an invoice has succeeded since it exists
	if err != nil {
		return nil, err
	}
	declined, err := c.charge(due, method)
	if err != nil {
		return nil, err
	}
	if declined != nil && declined.Type == "card_error" && declined.DeclineCode != "" {
		return nil, declined
	}
	return c.paymentIntent()
}

// checkConfirmable refuses an intent that is over, or that has nothing to be paid with.
func (c *tx) checkConfirmable(intent *paymentIntent, methodID *string) error {
	var refused *apiError
	switch {
	case intent.Status == "succeeded":
		refused = invalid("", "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case intent.Status == "canceled":
		refused = invalid("", "You cannot confirm this PaymentIntent because it has a status of canceled. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.")
	case methodID == nil && intent.PaymentMethod == nil:
		refused = invalid("", "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method.")
	default:
		return nil
	}
	shown, err := c.render(intent, nil)
	if err != nil {
		return err
	}
	refused.PaymentIntent = shown
	return refused.withCode("payment_intent_unexpected_state")
}

// confirmingMethod is the payment method to confirm with: the one that the request names, or the intent's own.
func (c *tx) confirmingMethod(intent *paymentIntent, id *string) (*paymentMethod, error) {
	if id == nil {
		id = intent.PaymentMethod
	}
	return c.payingMethod(*id, intent.Customer)
}
