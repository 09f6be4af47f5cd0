package stripesim

import (
	"net/url"
	"strconv"
	"strings"
)

// sessionLife is how long a checkout session stays open unless it says otherwise.
const sessionLife = secondsPerDay

// The modes of a checkout session.
const (
	modePayment      = "payment"
	modeSetup        = "setup"
	modeSubscription = "subscription"
)

type checkoutSession struct {
	record
	AmountSubtotal     *int64            `json:"amount_subtotal"`
	AmountTotal        *int64            `json:"amount_total"`
	CancelURL          *string           `json:"cancel_url"`
	ClientReferenceID  *string           `json:"client_reference_id"`
	Currency           *string           `json:"currency"`
	Customer           *string           `json:"customer"`
	CustomerCreation   *string           `json:"customer_creation"`
	CustomerDetails    *sessionCustomer  `json:"customer_details"`
	CustomerEmail      *string           `json:"customer_email"`
	ExpiresAt          int64             `json:"expires_at"`
	Invoice            *string           `json:"invoice"`
	Metadata           map[string]string `json:"metadata"`
	Mode               string            `json:"mode"`
	PaymentIntent      *string           `json:"payment_intent"`
	PaymentMethodTypes []string          `json:"payment_method_types"`
	PaymentStatus      string            `json:"payment_status"`
	SetupIntent        *string           `json:"setup_intent"`
	Status             string            `json:"status"`
	Subscription       *string           `json:"subscription"`
	SuccessURL         string            `json:"success_url"`
	TotalDetails       *sessionTotals    `json:"total_details"`
	URL                *string           `json:"url"`
	Private            order             `json:"_private"`
}

type sessionCustomer struct {
	Address   *address  `json:"address"`
	Email     *string   `json:"email"`
	Name      *string   `json:"name"`
	Phone     *string   `json:"phone"`
	TaxExempt string    `json:"tax_exempt"`
	TaxIDs    *[]string `json:"tax_ids"`
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

func (x *checkoutSession) clock() string { return x.Private.Clock }

func (x *checkoutSession) nextDue(int64) int64 {
	if x.Status == "open" {
		return x.ExpiresAt
	}
	return 0
}

// liveCheckoutSession is the end of a session that nobody completed.
func liveCheckoutSession(c *tx, id string) error {
	session, err := c.checkoutSessionByID(id)
	if err != nil {
		return err
	}
	return c.expireSession(session)
}

func (c *tx) expireSession(session *checkoutSession) error {
	session.Status, session.URL = "expired", nil
	return c.update(session, "checkout.session.expired")
}

// checkoutUnmodelled are Stripe's parameters of a checkout session that the sandbox leaves out.
var checkoutUnmodelled = []string{
	"after_expiration", "automatic_tax", "consent_collection", "custom_fields", "custom_text", "discounts", "invoice_creation",
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
	items                         []newItem
	metadata, orderMetadata       metadataChange
	orderDescription, missingCard *string
	trialDays, trialEnd           *int64
}

func readNewSession(p *params, now int64) newSession {
	in := newSession{
		mode: orDefault(p.choice("mode", modePayment, modeSetup, modeSubscription), ""), successURL: p.required("success_url", 5000),
		cancelURL: p.text("cancel_url", 5000), customer: p.text("customer", maxText), email: p.text("customer_email", 800),
		reference: p.text("client_reference_id", 200), currency: p.text("currency", 3), expiresAt: p.integer("expires_at"),
		metadata: p.metadata(),
	}
	for _, item := range p.objects("line_items") {
		in.items = append(in.items, newItem{
			price: item.required("price", maxText), param: item.name("price"), quantity: item.between("quantity", 1, 1_000_000),
		})
	}
	in.readOrderData(p, now)
	for _, accepted := range []string{
		"billing_address_collection", "customer_creation", "locale", "payment_method_collection", "submit_type", "ui_mode", "allow_promotion_codes",
	} {
		p.text(accepted, maxText)
	}
	p.texts("payment_method_types")
	p.take("customer_update")
	p.take("phone_number_collection")
	in.check(p, now)
	return in
}

// readOrderData reads what the request says about what comes of the session: each mode has a parameter of its own.
func (in *newSession) readOrderData(p *params, now int64) {
	for mode, key := range map[string]string{
		modePayment: "payment_intent_data", modeSetup: "setup_intent_data", modeSubscription: "subscription_data",
	} {
		data := p.object(key)
		if data == nil {
			continue
		}
		if mode != in.mode {
			p.fail(invalid(key, "You can not pass `%s` in `%s` mode.", key, in.mode))
			continue
		}
		in.orderDescription, in.orderMetadata = data.text("description", 1000), data.metadata()
		if mode == modeSubscription {
			in.trialDays, in.trialEnd = data.between("trial_period_days", 1, maxTrialDays), readFuture(data, "trial_end", now)
			in.missingCard = readMissingMethod(data)
		}
	}
}

func (in *newSession) check(p *params, now int64) {
	switch {
	case in.mode == "":
		p.missing("mode")
	case in.mode != modeSetup && len(in.items) == 0:
		p.missing("line_items")
	case in.mode == modeSetup && len(in.items) > 0:
		p.fail(invalid("line_items", "You can not pass `line_items` in `setup` mode."))
	case in.customer != nil && in.email != nil:
		p.fail(invalid("customer_email", "You may only specify one of these parameters: customer, customer_email."))
	case in.expiresAt != nil && (*in.expiresAt < now+30*60 || *in.expiresAt > now+sessionLife):
		p.fail(invalid("expires_at", "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."))
	}
	for name, address := range map[string]*string{"success_url": &in.successURL, "cancel_url": in.cancelURL} {
		if address == nil || *address == "" {
			continue
		}
		if target, err := url.Parse(*address); err != nil || target.Host == "" || !strings.HasPrefix(target.Scheme, "http") {
			p.fail(invalid(name, "Not a valid URL").withCode("url_invalid"))
		}
	}
}

func createCheckoutSession(c *call) (any, error) {
	in := readNewSession(c.params, c.now)
	if err := c.params.done(checkoutUnmodelled...); err != nil {
		return nil, err
	}
	made := &checkoutSession{
		record: c.newRecord("checkout.session", "cs_test_a1"), CancelURL: in.cancelURL, ClientReferenceID: in.reference,
		Currency: in.currency, Customer: in.customer, CustomerEmail: in.email, ExpiresAt: orDefault(in.expiresAt, c.now+sessionLife),
		Mode: in.mode, PaymentMethodTypes: []string{"card"}, PaymentStatus: "unpaid", Status: "open", SuccessURL: in.successURL,
		Private: order{Description: in.orderDescription, TrialDays: in.trialDays, TrialEnd: in.trialEnd, MissingCard: in.missingCard},
	}
	made.URL = c.pageURL("/c/pay/" + made.ID)
	var err error
	if made.Metadata, err = in.metadata.applyTo(nil); err != nil {
		return nil, err
	}
	if made.Private.Metadata, err = in.orderMetadata.applyTo(nil); err != nil {
		return nil, err
	}
	if err := c.introduce(made); err != nil {
		return nil, err
	}
	if in.mode == modeSetup {
		made.PaymentStatus = "no_payment_required"
		return made, c.startSetup(made)
	}
	if err := c.fillOrder(made, in.items); err != nil {
		return nil, err
	}
	return made, c.insertScheduled(made)
}

// introduce takes over what is known about a session's customer.
func (c *tx) introduce(made *checkoutSession) error {
	if made.Customer == nil {
		creation := "always"
		made.CustomerCreation = &creation
		return nil
	}
	payer, err := find[customer](c, "customer", *made.Customer, unknownReference("customer", *made.Customer, "customer"))
	if err != nil {
		return err
	}
	made.Private.Clock = orDefault(payer.TestClock, "")
	made.CustomerDetails = &sessionCustomer{Email: payer.Email, TaxExempt: "none"}
	return nil
}

// startSetup makes the setup intent that a session in setup mode has from its beginning.
func (c *tx) startSetup(made *checkoutSession) error {
	intent := c.newSetupIntent(made.Customer)
	intent.Metadata, intent.Description = made.Private.Metadata, made.Private.Description
	if err := c.create(intent, "setup_intent.created"); err != nil {
		return err
	}
	made.SetupIntent = &intent.ID
	return c.insertScheduled(made)
}

// insertScheduled stores a new session. Stripe has no event for that.
func (c *tx) insertScheduled(made *checkoutSession) error {
	if err := c.insert(made); err != nil {
		return err
	}
	return c.schedule(made)
}

// fillOrder puts the line items into a session, and adds them up.
func (c *tx) fillOrder(made *checkoutSession, items []newItem) error {
	var total int64
	var all []*price
	for _, item := range items {
		terms, err := c.sellable(made.Mode, item)
		if err != nil {
			return err
		}
		owner, err := find[product](c, "product", terms.Product, unknownReference("product", terms.Product, "product"))
		if err != nil {
			return err
		}
		all = append(all, terms)
		quantity, err := terms.quantity(item.quantity, item.param)
		if err != nil {
			return err
		}
		amount := terms.cost(quantity)
		made.Private.Items = append(made.Private.Items, orderItem{
			ID: newID("li_1"), Object: "item", AmountSubtotal: amount, AmountTotal: amount, Currency: terms.Currency,
			Description: owner.Name, Price: terms.ID, Quantity: orDefault(quantity, 0),
		})
		total += amount
	}
	if made.Mode == modeSubscription {
		if err := sameRhythm(all); err != nil {
			return err
		}
		if made.Private.TrialDays != nil || made.Private.TrialEnd != nil {
			total = 0
		}
	}
	made.AmountSubtotal, made.AmountTotal, made.Currency = &total, &total, &all[0].Currency
	made.TotalDetails = &sessionTotals{}
	return nil
}

// sellable is a price that a session of the mode can sell.
func (c *tx) sellable(mode string, item newItem) (*price, error) {
	terms, err := find[price](c, "price", item.price, unknownReference("price", item.price, item.param))
	switch {
	case err != nil:
		return nil, err
	case !terms.Active:
		return nil, invalid(item.param, "The price specified is inactive. This field only accepts active prices.")
	case mode == modePayment && terms.Recurring != nil:
		return nil, invalid("mode", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	case mode == modeSubscription && terms.Recurring == nil:
		return nil, invalid("mode", "You must provide at least one recurring price in `subscription` mode when using prices.")
	}
	return terms, nil
}

func (c *tx) checkoutSessionByID(id string) (*checkoutSession, error) {
	missing := notFound("checkout.session", id, "session")
	return find[checkoutSession](c, "checkout.session", id, missing)
}

func getCheckoutSession(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	return c.checkoutSessionByID(c.id())
}

func listCheckoutSessions(c *call) (any, error) {
	list := c.newList("checkout.session", "/v1/checkout/sessions")
	for _, field := range []string{"customer", "payment_intent", "subscription"} {
		list.match(field, c.params.text(field, maxText))
	}
	list.match("status", c.params.choice("status", "complete", "expired", "open"))
	list.matchTime("created")
	return list.run("customer_details", "payment_link")
}

func listCheckoutItems(c *call) (any, error) {
	c.params.between("limit", 1, 100)
	if err := c.params.done("ending_before", "starting_after"); err != nil {
		return nil, err
	}
	session, err := c.checkoutSessionByID(c.id())
	if err != nil {
		return nil, err
	}
	return sublist[orderItem]{
		Object: "list", URL: "/v1/checkout/sessions/" + session.ID + "/line_items", Data: append([]orderItem{}, session.Private.Items...),
	}, nil
}

func expireCheckoutSession(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	session, err := c.checkoutSessionByID(c.id())
	if err != nil {
		return nil, err
	}
	if session.Status != "open" {
		return nil, invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", strconv.Quote(session.Status))
	}
	return session, c.expireSession(session)
}

// pageURL is the address of one of the sandbox's pages, as the caller of the API reaches the sandbox.
func (c *call) pageURL(path string) *string {
	scheme := "http"
	if c.http.TLS != nil {
		scheme = "https"
	}
	address := scheme + "://" + c.http.Host + path
	return &address
}

// afterCheckout is where a session sends its customer in the end.
func (x *checkoutSession) afterCheckout() string {
	return strings.ReplaceAll(x.SuccessURL, "{CHECKOUT_SESSION_ID}", x.ID)
}
