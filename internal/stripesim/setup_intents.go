package stripesim

// setupIntent is the way by which a customer's payment method is kept for later.
type setupIntent struct {
	record
	CancellationReason *string           `json:"cancellation_reason"`
	ClientSecret       string            `json:"client_secret"`
	Customer           *string           `json:"customer"`
	Description        *string           `json:"description"`
	LastSetupError     *apiError         `json:"last_setup_error"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         *nextAction       `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	Status             string            `json:"status"`
	Usage              string            `json:"usage"`
}

func (c *tx) newSetupIntent(customerID *string) *setupIntent {
	made := &setupIntent{
		record: c.newRecord("setup_intent", "seti_1"), Customer: customerID, Metadata: map[string]string{},
		PaymentMethodTypes: []string{"card"}, Status: "requires_payment_method", Usage: "off_session",
	}
	made.ClientSecret = made.ID + "_secret_" + randomString(25, idAlphabet)
	return made
}

func createSetupIntent(c *call) (any, error) {
	customerID, methodID := c.params.text("customer", maxText), c.params.text("payment_method", maxText)
	description, usage := c.params.text("description", 1000), c.params.choice("usage", "off_session", "on_session")
	confirm := orDefault(c.params.boolean("confirm"), false)
	metadata := c.params.metadata()
	c.params.texts("payment_method_types")
	c.params.text("return_url", maxText)
	c.params.boolean("use_stripe_sdk")
	if automatic := c.params.object("automatic_payment_methods"); automatic != nil {
		automatic.boolean("enabled")
		automatic.choice("allow_redirects", "always", "never")
	}
	if err := c.params.done("attach_to_self", "flow_directions", "mandate_data", "on_behalf_of", "payment_method_configuration",
		"payment_method_data", "payment_method_options", "single_use"); err != nil {
		return nil, err
	}
	if customerID != nil {
		if _, err := find[customer](c.tx, "customer", *customerID, unknownReference("customer", *customerID, "customer")); err != nil {
			return nil, err
		}
	}
	made := c.newSetupIntent(customerID)
	made.Description = description
	set(&made.Usage, usage)
	var err error
	if made.Metadata, err = metadata.applyTo(nil); err != nil {
		return nil, err
	}
	if err := c.create(made, "setup_intent.created"); err != nil {
		return nil, err
	}
	switch {
	case confirm:
		return c.confirmSetup(made, methodID)
	case methodID != nil:
		made.Status, made.PaymentMethod = "requires_confirmation", methodID
		return made, c.replace(made, false)
	}
	return made, nil
}

// setupIntent is the one that the URL names.
func (c *call) setupIntent() (*setupIntent, error) {
	return find[setupIntent](c.tx, "setup_intent", c.id(), notFound("setup_intent", c.id(), "intent"))
}

func getSetupIntent(c *call) (any, error) {
	secret := c.params.text("client_secret", maxText)
	if err := c.params.done(); err != nil {
		return nil, err
	}
	intent, err := c.setupIntent()
	if err != nil {
		return nil, err
	}
	return intent, checkSecret("SetupIntent", intent.ClientSecret, secret)
}

func listSetupIntents(c *call) (any, error) {
	list := c.newList("setup_intent", "/v1/setup_intents")
	list.match("customer", c.params.text("customer", maxText))
	list.match("payment_method", c.params.text("payment_method", maxText))
	list.matchTime("created")
	return list.run("attach_to_self")
}

func confirmSetupIntent(c *call) (any, error) {
	methodID, secret := c.params.text("payment_method", maxText), c.params.text("client_secret", maxText)
	c.params.text("return_url", maxText)
	c.params.boolean("use_stripe_sdk")
	if err := c.params.done("mandate_data", "payment_method_data", "payment_method_options"); err != nil {
		return nil, err
	}
	intent, err := c.setupIntent()
	if err != nil {
		return nil, err
	}
	if err := checkSecret("SetupIntent", intent.ClientSecret, secret); err != nil {
		return nil, err
	}
	return c.confirmSetup(intent, methodID)
}

func cancelSetupIntent(c *call) (any, error) {
	reason := c.params.choice("cancellation_reason", "abandoned", "duplicate", "requested_by_customer")
	if err := c.params.done(); err != nil {
		return nil, err
	}
	intent, err := c.setupIntent()
	if err != nil {
		return nil, err
	}
	if intent.Status == "succeeded" || intent.Status == "canceled" {
		return nil, unexpectedSetupState("cancel", intent)
	}
	intent.Status, intent.CancellationReason, intent.NextAction = "canceled", reason, nil
	return intent, c.update(intent, "setup_intent.canceled")
}

func unexpectedSetupState(action string, intent *setupIntent) *apiError {
	return invalid("", "You cannot %s this SetupIntent because it has a status of %s.", action, intent.Status).
		withCode("setup_intent_unexpected_state")
}

// confirmSetup checks a payment method with its bank, and keeps it for the customer when there is one.
func (c *tx) confirmSetup(intent *setupIntent, methodID *string) (*setupIntent, error) {
	if methodID == nil {
		methodID = intent.PaymentMethod
	}
	switch {
	case intent.Status == "succeeded" || intent.Status == "canceled":
		return nil, unexpectedSetupState("confirm", intent)
	case methodID == nil:
		return nil, invalid("", "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.").
			withCode("setup_intent_unexpected_state")
	}
	if card := testCards[*methodID]; card.decline != "" && !card.attachable {
		return nil, c.failSetup(intent, card.decline)
	}
	method, err := c.setupMethod(intent, *methodID)
	if err != nil {
		return nil, err
	}
	intent.PaymentMethod = &method.ID
	if cardOf(method).authenticates && intent.Status != "requires_action" {
		intent.Status = "requires_action"
		intent.NextAction = &nextAction{Type: "use_stripe_sdk", UseStripeSDK: map[string]any{"type": "three_d_secure_redirect"}}
		return intent, c.update(intent, "setup_intent.requires_action")
	}
	return intent, c.succeedSetup(intent)
}

func (c *tx) setupMethod(intent *setupIntent, id string) (*paymentMethod, error) {
	if intent.Customer != nil {
		return c.payingMethod(id, *intent.Customer)
	}
	if card, ok := testCards[id]; ok {
		method := c.newPaymentMethod(card)
		return method, c.insert(method)
	}
	return find[paymentMethod](c, "payment_method", id, unknownReference("payment_method", id, "payment_method"))
}

func (c *tx) succeedSetup(intent *setupIntent) error {
	intent.Status, intent.NextAction, intent.LastSetupError = "succeeded", nil, nil
	if err := c.update(intent, "setup_intent.succeeded"); err != nil {
		return err
	}
	return c.useSetUpMethod(intent)
}

// useSetUpMethod gives the subscription that waited for a payment method the one that was set up.
func (c *tx) useSetUpMethod(intent *setupIntent) error {
	waiting, err := findAll[subscription](c, "subscription", equal("pending_setup_intent", intent.ID))
	if err != nil {
		return err
	}
	for _, sub := range waiting {
		sub.PendingSetupIntent, sub.DefaultPaymentMethod = nil, intent.PaymentMethod
		if err := c.update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}

// failSetup records that the bank would not have the card.
func (c *tx) failSetup(intent *setupIntent, reason string) error {
	declined := cardDeclined(reason)
	stored := *declined
	intent.Status, intent.PaymentMethod, intent.NextAction, intent.LastSetupError = "requires_payment_method", nil, nil, &stored
	if err := c.update(intent, "setup_intent.setup_failed"); err != nil {
		return err
	}
	declined.keepsWork = true
	return declined
}
