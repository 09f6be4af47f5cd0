package subscription

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// SetupIntent is the way by which a customer's payment method is kept for later.
type SetupIntent struct {
	state.Record
	CancellationReason *string           `json:"cancellation_reason"`
	ClientSecret       string            `json:"client_secret"`
	Customer           *string           `json:"customer"`
	Description        *string           `json:"description"`
	LastSetupError     *apierror.Error   `json:"last_setup_error"`
	Metadata           map[string]string `json:"metadata"`
	NextAction         *nextAction       `json:"next_action"`
	PaymentMethod      *string           `json:"payment_method"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	Status             string            `json:"status"`
	Usage              string            `json:"usage"`
}

// NewSetupIntent is an intent to keep a card. It is not stored.
func NewSetupIntent(t *state.Tx, customerID *string) *SetupIntent {
	made := &SetupIntent{
		Record: t.NewRecord("setup_intent", "seti_1"), Customer: customerID, Metadata: map[string]string{},
		PaymentMethodTypes: []string{"card"}, Status: "requires_payment_method", Usage: "off_session",
	}
	made.ClientSecret = made.ID + "_secret_" + state.RandomString(25, state.IDAlphabet)
	return made
}

func createSetupIntent(c *state.Request) (any, error) {
	customerID, methodID := c.Params.Text("customer", form.MaxText), c.Params.Text("payment_method", form.MaxText)
	description, usage := c.Params.Text("description", 1000), c.Params.Choice("usage", "off_session", "on_session")
	confirm := form.OrDefault(c.Params.Boolean("confirm"), false)
	metadata := c.Params.Metadata()
	c.Params.Texts("payment_method_types")
	c.Params.Text("return_url", form.MaxText)
	c.Params.Boolean("use_stripe_sdk")
	if automatic := c.Params.Object("automatic_payment_methods"); automatic != nil {
		automatic.Boolean("enabled")
		automatic.Choice("allow_redirects", "always", "never")
	}
	if err := c.Params.Done("attach_to_self", "flow_directions", "mandate_data", "on_behalf_of", "payment_method_configuration",
		"payment_method_data", "payment_method_options", "single_use"); err != nil {
		return nil, err
	}
	if customerID != nil {
		if _, err := state.Find[customer.Customer](c.Tx, "customer", *customerID, apierror.UnknownReference("customer", *customerID, "customer")); err != nil {
			return nil, err
		}
	}
	made := NewSetupIntent(c.Tx, customerID)
	made.Description = description
	form.Set(&made.Usage, usage)
	var err error
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	if err := c.Create(made, "setup_intent.created"); err != nil {
		return nil, err
	}
	switch {
	case confirm:
		return ConfirmSetup(c.Tx, made, methodID)
	case methodID != nil:
		made.Status, made.PaymentMethod = "requires_confirmation", methodID
		return made, c.Replace(made, false)
	}
	return made, nil
}

// namedSetupIntent is the one that the URL names.
func namedSetupIntent(c *state.Request) (*SetupIntent, error) {
	return state.Find[SetupIntent](c.Tx, "setup_intent", c.ID(), apierror.NotFound("setup_intent", c.ID(), "intent"))
}

func getSetupIntent(c *state.Request) (any, error) {
	secret := c.Params.Text("client_secret", form.MaxText)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	intent, err := namedSetupIntent(c)
	if err != nil {
		return nil, err
	}
	return intent, checkSecret("SetupIntent", intent.ClientSecret, secret)
}

func listSetupIntents(c *state.Request) (any, error) {
	list := c.NewList("setup_intent", "/v1/setup_intents")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.Match("payment_method", c.Params.Text("payment_method", form.MaxText))
	list.MatchTime("created")
	return list.Run("attach_to_self")
}

func confirmSetupIntent(c *state.Request) (any, error) {
	methodID, secret := c.Params.Text("payment_method", form.MaxText), c.Params.Text("client_secret", form.MaxText)
	c.Params.Text("return_url", form.MaxText)
	c.Params.Boolean("use_stripe_sdk")
	if err := c.Params.Done("mandate_data", "payment_method_data", "payment_method_options"); err != nil {
		return nil, err
	}
	intent, err := namedSetupIntent(c)
	if err != nil {
		return nil, err
	}
	if err := checkSecret("SetupIntent", intent.ClientSecret, secret); err != nil {
		return nil, err
	}
	return ConfirmSetup(c.Tx, intent, methodID)
}

func cancelSetupIntent(c *state.Request) (any, error) {
	reason := c.Params.Choice("cancellation_reason", "abandoned", "duplicate", "requested_by_customer")
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	intent, err := namedSetupIntent(c)
	if err != nil {
		return nil, err
	}
	if intent.Status == "succeeded" || intent.Status == "canceled" {
		return nil, unexpectedSetupState("cancel", intent)
	}
	intent.Status, intent.CancellationReason, intent.NextAction = "canceled", reason, nil
	return intent, c.Update(intent, "setup_intent.canceled")
}

func unexpectedSetupState(action string, intent *SetupIntent) *apierror.Error {
	return apierror.Invalid("", "You cannot %s this SetupIntent because it has a status of %s.", action, intent.Status).
		WithCode("setup_intent_unexpected_state")
}

// ConfirmSetup checks a payment method with its bank, and keeps it for the customer
// when there is one.
func ConfirmSetup(t *state.Tx, intent *SetupIntent, methodID *string) (*SetupIntent, error) {
	if methodID == nil {
		methodID = intent.PaymentMethod
	}
	switch {
	case intent.Status == "succeeded" || intent.Status == "canceled":
		return nil, unexpectedSetupState("confirm", intent)
	case methodID == nil:
		return nil, apierror.Invalid("", "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.").
			WithCode("setup_intent_unexpected_state")
	}
	if card := customer.TestCards[*methodID]; card.Decline != "" && !card.Attachable {
		return nil, failSetup(t, intent, card.Decline)
	}
	method, err := setupMethod(t, intent, *methodID)
	if err != nil {
		return nil, err
	}
	intent.PaymentMethod = &method.ID
	if customer.CardOf(method).Authenticates && intent.Status != "requires_action" {
		intent.Status = "requires_action"
		intent.NextAction = &nextAction{Type: "use_stripe_sdk", UseStripeSDK: map[string]any{"type": "three_d_secure_redirect"}}
		return intent, t.Update(intent, "setup_intent.requires_action")
	}
	return intent, SucceedSetup(t, intent)
}

func setupMethod(t *state.Tx, intent *SetupIntent, id string) (*customer.Method, error) {
	if intent.Customer != nil {
		return customer.PayingMethod(t, id, *intent.Customer)
	}
	if card, ok := customer.TestCards[id]; ok {
		method := customer.NewPaymentMethod(t, card)
		return method, t.Insert(method)
	}
	return state.Find[customer.Method](t, "payment_method", id, apierror.UnknownReference("payment_method", id, "payment_method"))
}

// SucceedSetup ends a setup whose card's holder has passed 3-D Secure.
func SucceedSetup(t *state.Tx, intent *SetupIntent) error {
	intent.Status, intent.NextAction, intent.LastSetupError = "succeeded", nil, nil
	if err := t.Update(intent, "setup_intent.succeeded"); err != nil {
		return err
	}
	return useSetUpMethod(t, intent)
}

// useSetUpMethod gives the subscription that waited for a payment method the one that
// was set up.
func useSetUpMethod(t *state.Tx, intent *SetupIntent) error {
	waiting, err := state.FindAll[Subscription](t, "subscription", state.Equal("pending_setup_intent", intent.ID))
	if err != nil {
		return err
	}
	for _, sub := range waiting {
		sub.PendingSetupIntent, sub.DefaultPaymentMethod = nil, intent.PaymentMethod
		if err := t.Update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}

// failSetup records that the bank would not have the card.
func failSetup(t *state.Tx, intent *SetupIntent, reason string) error {
	declined := apierror.CardDeclined(reason)
	stored := *declined
	intent.Status, intent.PaymentMethod, intent.NextAction, intent.LastSetupError = "requires_payment_method", nil, nil, &stored
	if err := t.Update(intent, "setup_intent.setup_failed"); err != nil {
		return err
	}
	declined.KeepsWork = true
	return declined
}
