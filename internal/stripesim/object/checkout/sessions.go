// Package checkout has the sessions of the pages that Stripe hosts: checkouts and the
// customer portal.
package checkout

import (
	"net/url"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// sessionLife is how long a checkout session stays open unless it says otherwise.
const sessionLife = billing.SecondsPerDay

// The modes of a checkout session.
const (
	modePayment      = "payment"
	ModeSetup        = "setup"
	ModeSubscription = "subscription"
)

// Session is a checkout.
type Session struct {
	state.Record
	AllowPromotionCodes *bool             `json:"allow_promotion_codes"`
	AmountSubtotal      *int64            `json:"amount_subtotal"`
	AmountTotal         *int64            `json:"amount_total"`
	CancelURL           *string           `json:"cancel_url"`
	ClientReferenceID   *string           `json:"client_reference_id"`
	Currency            *string           `json:"currency"`
	Customer            *string           `json:"customer"`
	CustomerCreation    *string           `json:"customer_creation"`
	CustomerDetails     *sessionCustomer  `json:"customer_details"`
	CustomerEmail       *string           `json:"customer_email"`
	ExpiresAt           int64             `json:"expires_at"`
	Invoice             *string           `json:"invoice"`
	Metadata            map[string]string `json:"metadata"`
	Mode                string            `json:"mode"`
	PaymentIntent       *string           `json:"payment_intent"`
	PaymentMethodTypes  []string          `json:"payment_method_types"`
	PaymentStatus       string            `json:"payment_status"`
	SetupIntent         *string           `json:"setup_intent"`
	Status              string            `json:"status"`
	Subscription        *string           `json:"subscription"`
	SuccessURL          string            `json:"success_url"`
	TotalDetails        *sessionTotals    `json:"total_details"`
	URL                 *string           `json:"url"`
	Private             order             `json:"_private"`
}

type sessionCustomer struct {
	Address   *customer.Address `json:"address"`
	Email     *string           `json:"email"`
	Name      *string           `json:"name"`
	Phone     *string           `json:"phone"`
	TaxExempt string            `json:"tax_exempt"`
	TaxIDs    *[]string         `json:"tax_ids"`
}

type sessionTotals struct {
	Discount int64 `json:"amount_discount"`
	Shipping int64 `json:"amount_shipping"`
	Tax      int64 `json:"amount_tax"`
}

// order is what a session sells, and what is to become of it once it is paid.
type order struct {
	Clock       string            `json:"clock"`
	Items       []orderItem       `json:"items"`
	Description *string           `json:"description"`
	Metadata    map[string]string `json:"metadata"` // of the subscription, payment intent or setup intent
	TrialDays   *int64            `json:"trial_days"`
	TrialEnd    *int64            `json:"trial_end"`
	Coupon      *string           `json:"coupon"`
	Promotion   *string           `json:"promotion_code"`
	MissingCard *string           `json:"missing_card"` // what the end of a trial without a payment method comes to
}

// orderItem is a line item as the API shows it.
type orderItem struct {
	ID             string `json:"id"`
	Object         string `json:"object"`
	AmountDiscount int64  `json:"amount_discount"`
	AmountSubtotal int64  `json:"amount_subtotal"`
	AmountTax      int64  `json:"amount_tax"`
	AmountTotal    int64  `json:"amount_total"`
	Currency       string `json:"currency"`
	Description    string `json:"description"`
	Price          string `json:"price"`
	Quantity       int64  `json:"quantity"`
}

// Clock implements [state.Living].
func (x *Session) Clock() string { return x.Private.Clock }

// NextDue is when an open session expires.
func (x *Session) NextDue(int64) int64 {
	if x.Status == "open" {
		return x.ExpiresAt
	}
	return 0
}

// LiveCheckoutSession is the end of a session that nobody completed.
func LiveCheckoutSession(t *state.Tx, id string) error {
	session, err := SessionByID(t, id)
	if err != nil {
		return err
	}
	return expireSession(t, session)
}

func expireSession(t *state.Tx, session *Session) error {
	session.Status, session.URL = "expired", nil
	return t.Update(session, "checkout.session.expired")
}

// checkoutUnmodelled are Stripe's parameters of a checkout session that the sandbox leaves out.
var checkoutUnmodelled = []string{
	"after_expiration", "automatic_tax", "consent_collection", "custom_fields", "custom_text", "invoice_creation",
	"payment_method_configuration", "payment_method_options", "redirect_on_completion", "return_url", "shipping_address_collection",
	"shipping_options", "tax_id_collection",
}

// newSession is what a request for a checkout session asks for.
type newSession struct {
	mode                          string
	successURL                    string
	cancelURL, customer, email    *string
	reference, currency           *string
	expiresAt                     *int64
	items                         []subscription.NewItem
	metadata, orderMetadata       form.MetadataChange
	orderDescription, missingCard *string
	trialDays, trialEnd           *int64
	allowCodes                    *bool
	discount                      discount.Choice
}

func readNewSession(p *form.Params, now int64) newSession {
	in := newSession{
		mode: form.OrDefault(p.Choice("mode", modePayment, ModeSetup, ModeSubscription), ""), successURL: p.Required("success_url", 5000),
		cancelURL: p.Text("cancel_url", 5000), customer: p.Text("customer", form.MaxText), email: p.Text("customer_email", 800),
		reference: p.Text("client_reference_id", 200), currency: p.Text("currency", 3), expiresAt: p.Integer("expires_at"),
		metadata: p.Metadata(),
	}
	for _, item := range p.Objects("line_items") {
		id, inline := item.Text("price", form.MaxText), catalog.ReadInline(item, "price_data")
		if id == nil && inline == nil {
			item.Missing("price")
		}
		in.items = append(in.items, subscription.NewItem{
			Price: form.OrDefault(id, ""), Inline: inline, Param: item.Name("price"), Quantity: item.Between("quantity", 1, 1_000_000),
		})
	}
	in.readOrderData(p, now)
	for _, accepted := range []string{
		"billing_address_collection", "customer_creation", "locale", "payment_method_collection", "submit_type", "ui_mode",
	} {
		p.Text(accepted, form.MaxText)
	}
	p.Texts("payment_method_types")
	p.Take("customer_update")
	p.Take("phone_number_collection")
	in.readDiscount(p)
	in.check(p, now)
	return in
}

// readOrderData reads what the request says about what comes of the session: each mode
// has a parameter of its own.
func (in *newSession) readOrderData(p *form.Params, now int64) {
	for mode, key := range map[string]string{
		modePayment: "payment_intent_data", ModeSetup: "setup_intent_data", ModeSubscription: "subscription_data",
	} {
		data := p.Object(key)
		if data == nil {
			continue
		}
		if mode != in.mode {
			p.Fail(apierror.Invalid(key, "You can not pass `%s` in `%s` mode.", key, in.mode))
			continue
		}
		in.orderDescription, in.orderMetadata = data.Text("description", 1000), data.Metadata()
		if mode == ModeSubscription {
			in.trialDays, in.trialEnd = data.Between("trial_period_days", 1, subscription.MaxTrialDays), subscription.ReadFuture(data, "trial_end", now)
			in.missingCard = subscription.ReadMissingMethod(data)
		}
	}
}

func (in *newSession) check(p *form.Params, now int64) {
	switch {
	case in.mode == "":
		p.Missing("mode")
	case in.mode != ModeSetup && len(in.items) == 0:
		p.Missing("line_items")
	case in.mode == ModeSetup && len(in.items) > 0:
		p.Fail(apierror.Invalid("line_items", "You can not pass `line_items` in `setup` mode."))
	case in.customer != nil && in.email != nil:
		p.Fail(apierror.Invalid("customer_email", "You may only specify one of these parameters: customer, customer_email."))
	case in.expiresAt != nil && (*in.expiresAt < now+30*60 || *in.expiresAt > now+sessionLife):
		p.Fail(apierror.Invalid("expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."))
	}
	checkURL(p, "success_url", &in.successURL)
	checkURL(p, "cancel_url", in.cancelURL)
}

// checkURL refuses an address that a browser cannot be led to.
func checkURL(p *form.Params, key string, address *string) {
	if address == nil || *address == "" {
		return
	}
	if target, err := url.Parse(*address); err != nil || target.Host == "" || !strings.HasPrefix(target.Scheme, "http") {
		p.Fail(apierror.Invalid(p.Name(key), "Not a valid URL").WithCode("url_invalid"))
	}
}

func createCheckoutSession(c *state.Request) (any, error) {
	in := readNewSession(c.Params, c.Now)
	if err := c.Params.Done(checkoutUnmodelled...); err != nil {
		return nil, err
	}
	made := &Session{
		Record: c.NewRecord("checkout.session", "cs_test_a1"), AllowPromotionCodes: in.allowCodes, CancelURL: in.cancelURL, ClientReferenceID: in.reference,
		Currency: in.currency, Customer: in.customer, CustomerEmail: in.email, ExpiresAt: form.OrDefault(in.expiresAt, c.Now+sessionLife),
		Mode: in.mode, PaymentMethodTypes: []string{"card"}, PaymentStatus: "unpaid", Status: "open", SuccessURL: in.successURL,
		Private: order{Description: in.orderDescription, TrialDays: in.trialDays, TrialEnd: in.trialEnd, MissingCard: in.missingCard},
	}
	address := c.Address("/c/pay/" + made.ID)
	made.URL = &address
	var err error
	if made.Metadata, err = in.metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	if made.Private.Metadata, err = in.orderMetadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	if err := introduce(c.Tx, made); err != nil {
		return nil, err
	}
	if in.mode == ModeSetup {
		made.PaymentStatus = "no_payment_required"
		return made, startSetup(c.Tx, made)
	}
	if err := fillOrder(c.Tx, made, in.items); err != nil {
		return nil, err
	}
	if err := reduce(c.Tx, made, in.discount); err != nil {
		return nil, err
	}
	return made, insertScheduled(c.Tx, made)
}

// introduce takes over what is known about a session's customer.
func introduce(t *state.Tx, made *Session) error {
	if made.Customer == nil {
		creation := "always"
		made.CustomerCreation = &creation
		return nil
	}
	payer, err := state.Find[customer.Customer](t, "customer", *made.Customer, apierror.UnknownReference("customer", *made.Customer, "customer"))
	if err != nil {
		return err
	}
	made.Private.Clock = form.OrDefault(payer.TestClock, "")
	made.CustomerDetails = &sessionCustomer{Email: payer.Email, TaxExempt: "none"}
	return nil
}

// startSetup makes the setup intent that a session in setup mode has from its beginning.
func startSetup(t *state.Tx, made *Session) error {
	intent := subscription.NewSetupIntent(t, made.Customer)
	intent.Metadata, intent.Description = made.Private.Metadata, made.Private.Description
	if err := t.Create(intent, "setup_intent.created"); err != nil {
		return err
	}
	made.SetupIntent = &intent.ID
	return insertScheduled(t, made)
}

// insertScheduled stores a new session. Stripe has no event for that.
func insertScheduled(t *state.Tx, made *Session) error {
	if err := t.Insert(made); err != nil {
		return err
	}
	return t.Schedule(made)
}

// fillOrder puts the line items into a session, and adds them up.
func fillOrder(t *state.Tx, made *Session, items []subscription.NewItem) error {
	var all []*catalog.Price
	for _, item := range items {
		terms, err := sellable(t, made.Mode, item)
		if err != nil {
			return err
		}
		owner, err := state.Find[catalog.Product](t, "product", terms.Product, apierror.UnknownReference("product", terms.Product, "product"))
		if err != nil {
			return err
		}
		all = append(all, terms)
		quantity, err := terms.Quantity(item.Quantity, item.Param)
		if err != nil {
			return err
		}
		amount := terms.Cost(quantity)
		made.Private.Items = append(made.Private.Items, orderItem{
			ID: state.NewID("li_1"), Object: "item", AmountSubtotal: amount, AmountTotal: amount, Currency: terms.Currency,
			Description: owner.Name, Price: terms.ID, Quantity: form.OrDefault(quantity, 0),
		})
	}
	if made.Mode == ModeSubscription {
		if err := subscription.SameRhythm(all); err != nil {
			return err
		}
	}
	made.Currency = &all[0].Currency
	made.addUp(make([]int64, len(made.Private.Items)))
	return nil
}

// sellable is a price that a session of the mode can sell.
func sellable(t *state.Tx, mode string, item subscription.NewItem) (*catalog.Price, error) {
	var terms *catalog.Price
	var err error
	if item.Inline != nil {
		terms, err = item.Inline.Make(t)
	} else {
		terms, err = state.Find[catalog.Price](t, "price", item.Price, apierror.UnknownReference("price", item.Price, item.Param))
	}
	switch {
	case err != nil:
		return nil, err
	case !terms.Active:
		return nil, apierror.Invalid(item.Param, "The price specified is inactive. This field only accepts active prices.")
	case mode == modePayment && terms.Recurring != nil:
		return nil, apierror.Invalid("mode", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case mode == ModeSubscription && terms.Recurring == nil:
		return nil, apierror.Invalid("mode", "You must provide at least one recurring price in `subscription` mode when using prices.")
	}
	return terms, nil
}

// SessionByID loads the session of a URL.
func SessionByID(t *state.Tx, id string) (*Session, error) {
	missing := apierror.NotFound("checkout.session", id, "session")
	return state.Find[Session](t, "checkout.session", id, missing)
}

func getCheckoutSession(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return SessionByID(c.Tx, c.ID())
}

func listCheckoutSessions(c *state.Request) (any, error) {
	list := c.NewList("checkout.session", "/v1/checkout/sessions")
	for _, field := range []string{"customer", "payment_intent", "subscription"} {
		list.Match(field, c.Params.Text(field, form.MaxText))
	}
	list.Match("status", c.Params.Choice("status", "complete", "expired", "open"))
	list.MatchTime("created")
	return list.Run("customer_details", "payment_link")
}

func listCheckoutItems(c *state.Request) (any, error) {
	page := c.ReadSublist()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	session, err := SessionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	whole := state.Sublist[orderItem]{Object: "list", URL: "/v1/checkout/sessions/" + session.ID + "/line_items", Data: session.Private.Items}
	return state.PageOf(page, whole, func(item orderItem) string { return item.ID })
}

func expireCheckoutSession(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	session, err := SessionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if session.Status != "open" {
		return nil, apierror.Invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", strconv.Quote(session.Status))
	}
	return session, expireSession(c.Tx, session)
}

// AfterCheckout is where a session sends its customer in the end.
func (x *Session) AfterCheckout() string {
	return strings.ReplaceAll(x.SuccessURL, "{CHECKOUT_SESSION_ID}", x.ID)
}
