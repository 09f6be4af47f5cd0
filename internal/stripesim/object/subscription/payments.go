package subscription

import (
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// The ways to capture a payment.
const (
	captureAutomatic      = "automatic"
	captureAutomaticAsync = "automatic_async"
	captureManual         = "manual"
)

// The statuses of an intent that has not ended.
const (
	needsMethod       = "requires_payment_method"
	needsConfirmation = "requires_confirmation"
	needsAction       = "requires_action"
	needsCapture      = "requires_capture"
)

// intentUnmodelled are Stripe's parameters of an intent that the sandbox leaves out.
var intentUnmodelled = []string{
	"application_fee_amount", "confirmation_method", "mandate", "mandate_data", "on_behalf_of", "payment_method_configuration",
	"payment_method_data", "payment_method_options", "radar_options", "shipping", "transfer_data", "transfer_group",
}

// intentChange is what a request says about an intent without an invoice, at its
// creation or later.
type intentChange struct {
	amount                           *int64
	currency, customer, method       *string
	description, receiptEmail, usage *string
	descriptor, descriptorSuffix     *string
	captureMethod                    *string
	methodTypes                      []string
	methodTypesGiven                 bool
	metadata                         form.MetadataChange
}

func readIntentChange(p *form.Params) intentChange {
	change := intentChange{
		amount: p.Integer("amount"), currency: p.Text("currency", 3), customer: p.Text("customer", form.MaxText),
		method: p.Clearable("payment_method", form.MaxText), description: p.Clearable("description", 1000),
		receiptEmail: p.Clearable("receipt_email", 800), usage: p.Choice("setup_future_usage", "", "off_session", "on_session"),
		descriptor: p.Clearable("statement_descriptor", 22), descriptorSuffix: p.Clearable("statement_descriptor_suffix", 22),
		captureMethod: p.Choice("capture_method", captureAutomatic, captureAutomaticAsync, captureManual), metadata: p.Metadata(),
	}
	if change.currency != nil {
		catalog.CheckCurrency(p, *change.currency)
	}
	change.methodTypes, change.methodTypesGiven = p.Texts("payment_method_types")
	if change.amount != nil && *change.amount < 1 {
		p.Fail(apierror.Invalid("amount", "This value must be greater than or equal to 1.").WithCode("parameter_invalid_integer"))
	}
	return change
}

func (change intentChange) applyTo(t *state.Tx, x *PaymentIntent) (err error) {
	form.Set(&x.Amount, change.amount)
	if change.currency != nil {
		x.Currency = strings.ToLower(*change.currency)
	}
	if change.customer != nil {
		owner, err := state.Find[customer.Customer](t, "customer", *change.customer, apierror.UnknownReference("customer", *change.customer, "customer"))
		if err != nil {
			return err
		}
		x.Customer = state.Ref(owner.ID)
	}
	form.SetNullable(&x.Description, change.description)
	form.SetNullable(&x.ReceiptEmail, change.receiptEmail)
	form.SetNullable(&x.Usage, change.usage)
	form.SetNullable(&x.StatementDescriptor, change.descriptor)
	form.SetNullable(&x.StatementDescriptorSuffix, change.descriptorSuffix)
	form.Set(&x.CaptureMethod, change.captureMethod)
	if change.methodTypesGiven {
		x.PaymentMethodTypes = change.methodTypes
	}
	if most := billing.MaxAmount(x.Currency); x.Amount > most {
		return apierror.Invalid("amount", "Amount must be no more than %d", most).WithCode("amount_too_large").BeforeWork()
	}
	if x.Metadata, err = change.metadata.ApplyTo(x.Metadata); err != nil || change.method == nil {
		return err
	}
	if *change.method == "" {
		x.PaymentMethod, x.Status = nil, needsMethod
		return nil
	}
	method, err := methodFor(t, x, *change.method)
	if err != nil {
		return err
	}
	x.PaymentMethod, x.Status = &method.ID, needsConfirmation
	return nil
}

// methodFor resolves the payment method that an intent is to be paid with. A test
// card's token is a new method.
func methodFor(t *state.Tx, x *PaymentIntent, id string) (*customer.Method, error) {
	method, err := customer.Unattached(t, id, apierror.UnknownReference("payment_method", id, "payment_method"))
	if err != nil {
		return nil, err
	}
	if method.Customer != nil && *method.Customer != string(x.Customer) {
		if x.Customer == "" {
			return nil, apierror.Invalid("payment_method", "The PaymentMethod %s belongs to the Customer %s. Please include the Customer in the `customer` parameter on the PaymentIntent.", method.ID, *method.Customer)
		}
		return nil, apierror.Invalid("payment_method", "The payment method %s does not belong to the Customer %s.", method.ID, x.Customer)
	}
	return method, nil
}

// NewPaymentIntent is an intent without an invoice. It is not stored.
func NewPaymentIntent(t *state.Tx, amount int64, currency, customerID string) *PaymentIntent {
	made := &PaymentIntent{
		Record: t.NewRecord("payment_intent", "pi_3"), Amount: amount, Currency: currency, Customer: state.Ref(customerID),
		Metadata: map[string]string{}, Status: needsMethod, CaptureMethod: captureAutomatic, PaymentMethodTypes: []string{"card"},
	}
	made.ClientSecret = made.ID + "_secret_" + state.RandomString(25, state.IDAlphabet)
	return made
}

func createPaymentIntent(c *state.Request) (any, error) {
	change := readIntentChange(c.Params)
	confirm := form.OrDefault(c.Params.Boolean("confirm"), false)
	strict := form.OrDefault(c.Params.Boolean("error_on_requires_action"), false)
	c.Params.Text("return_url", form.MaxText)
	c.Params.Text("off_session", form.MaxText)
	c.Params.Boolean("use_stripe_sdk")
	made := NewPaymentIntent(c.Tx, 0, "", "")
	if automatic := c.Params.Object("automatic_payment_methods"); automatic != nil {
		made.AutomaticPaymentMethods = &automaticMethods{
			AllowRedirects: form.OrDefault(automatic.Choice("allow_redirects", "always", "never"), "always"),
			Enabled:        form.OrDefault(automatic.Boolean("enabled"), false),
		}
	}
	switch {
	case change.amount == nil:
		c.Params.Missing("amount")
	case change.currency == nil:
		c.Params.Missing("currency")
	}
	if err := c.Params.Done(intentUnmodelled...); err != nil {
		return nil, err
	}
	if err := change.applyTo(c.Tx, made); err != nil {
		return nil, err
	}
	if err := c.Create(made, "payment_intent.created"); err != nil || !confirm {
		return made, err
	}
	return confirmAlone(c.Tx, made, nil, strict)
}

// confirmAlone pays an intent that has no invoice.
func confirmAlone(t *state.Tx, intent *PaymentIntent, methodID *string, strict bool) (any, error) {
	if err := checkConfirmable(t, intent, methodID); err != nil {
		return nil, err
	}
	if methodID == nil {
		methodID = intent.PaymentMethod
	}
	method, err := methodFor(t, intent, *methodID)
	if err != nil {
		return nil, err
	}
	card := customer.CardOf(method)
	switch {
	case card.Authenticates && strict:
		return nil, apierror.CardDeclined("authentication_required")
	case card.Authenticates:
		return intent, awaitHolder(t, intent, method)
	case card.Decline != "":
		return nil, declineAlone(t, intent, method, card.Decline)
	}
	return intent, payAlone(t, intent, method)
}

func awaitHolder(t *state.Tx, intent *PaymentIntent, method *customer.Method) error {
	intent.Status, intent.PaymentMethod = needsAction, &method.ID
	intent.NextAction = &nextAction{Type: "use_stripe_sdk", UseStripeSDK: map[string]any{"type": "three_d_secure_redirect"}}
	return t.Update(intent, "payment_intent.requires_action")
}

// declineAlone records a failed attempt, and returns the refusal.
func declineAlone(t *state.Tx, intent *PaymentIntent, method *customer.Method, reason string) error {
	declined, err := recordFailure(t, intent, method, reason)
	if err != nil {
		return err
	}
	if declined.PaymentIntent, err = t.Render(intent, nil); err != nil {
		return err
	}
	declined.KeepsWork = true
	return declined
}

// payAlone takes the money, or holds it until it is captured. A method without a
// customer can pay once, unless the intent sets it up for later.
func payAlone(t *state.Tx, intent *PaymentIntent, method *customer.Method) error {
	if err := customer.Spend(t, method, string(intent.Customer), intent.Usage != nil); err != nil {
		return err
	}
	if intent.CaptureMethod != captureManual {
		_, err := TakeMoney(t, intent, method)
		return err
	}
	held, err := holdMoney(t, intent, method)
	if err != nil {
		return err
	}
	intent.Status, intent.AmountCapturable, intent.LatestCharge = needsCapture, intent.Amount, &held.ID
	intent.PaymentMethod, intent.LastPaymentError, intent.NextAction = &method.ID, nil, nil
	return t.Update(intent, "payment_intent.amount_capturable_updated")
}

// AuthenticateAlone is the holder's answer to the question of the card's bank.
func AuthenticateAlone(t *state.Tx, intent *PaymentIntent, method *customer.Method, passed bool) error {
	if passed {
		return payAlone(t, intent, method)
	}
	_, err := recordFailure(t, intent, method, "authentication_required")
	return err
}

func capturePaymentIntent(c *state.Request) (any, error) {
	amount := c.Params.Integer("amount_to_capture")
	metadata := c.Params.Metadata()
	if err := c.Params.Done("application_fee_amount", "final_capture", "statement_descriptor", "statement_descriptor_suffix", "transfer_data"); err != nil {
		return nil, err
	}
	intent, err := NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	if intent.Status != needsCapture {
		return nil, unexpectedState(c.Tx, intent, "This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.", intent.Status)
	}
	taken := form.OrDefault(amount, intent.AmountCapturable)
	if taken < 1 || taken > intent.AmountCapturable {
		return nil, apierror.Invalid("amount_to_capture", "The amount to capture must be at least 1 and at most the amount that can be captured: %d.", intent.AmountCapturable)
	}
	if intent.Metadata, err = metadata.ApplyTo(intent.Metadata); err != nil {
		return nil, err
	}
	if err := captureCharge(c.Tx, *intent.LatestCharge, taken); err != nil {
		return nil, err
	}
	intent.Status, intent.AmountReceived, intent.AmountCapturable = "succeeded", taken, 0
	return intent, c.Update(intent, "payment_intent.succeeded")
}

func cancelPaymentIntent(c *state.Request) (any, error) {
	reason := c.Params.Choice("cancellation_reason", "abandoned", "duplicate", "fraudulent", "requested_by_customer")
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	intent, err := NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	if intent.Status == "succeeded" || intent.Status == "canceled" {
		return nil, unexpectedState(c.Tx, intent, "You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_reauthorization, requires_confirmation, requires_action, processing.", intent.Status)
	}
	if intent.Invoice != nil {
		return nil, apierror.Invalid("", "You cannot cancel a PaymentIntent that belongs to an invoice. Void the invoice instead.")
	}
	intent.Status, intent.CanceledAt, intent.CancellationReason = "canceled", &c.Now, reason
	intent.AmountCapturable, intent.NextAction = 0, nil
	return intent, c.Update(intent, "payment_intent.canceled")
}

func updatePaymentIntent(c *state.Request) (any, error) {
	change := readIntentChange(c.Params)
	if err := c.Params.Done(intentUnmodelled...); err != nil {
		return nil, err
	}
	intent, err := NamedPaymentIntent(c)
	if err != nil {
		return nil, err
	}
	switch {
	case intent.Invoice != nil && (change.amount != nil || change.currency != nil):
		return nil, apierror.Invalid("amount", "You cannot change the amount of a PaymentIntent that belongs to an invoice.")
	case intent.Status != needsMethod && intent.Status != needsConfirmation && intent.Status != needsAction && (change.amount != nil || change.method != nil):
		return nil, unexpectedState(c.Tx, intent, "This PaymentIntent's amount could not be updated because it has a status of %s. You may only update the amount of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.", intent.Status)
	}
	if err := change.applyTo(c.Tx, intent); err != nil {
		return nil, err
	}
	return intent, c.Update(intent, "payment_intent.updated")
}

// unexpectedState refuses what an intent's status does not allow, and shows the intent.
func unexpectedState(t *state.Tx, intent *PaymentIntent, format string, args ...any) error {
	shown, err := t.Render(intent, nil)
	if err != nil {
		return err
	}
	refused := apierror.Invalid("", format, args...)
	refused.PaymentIntent = shown
	return refused.WithCode("payment_intent_unexpected_state")
}
