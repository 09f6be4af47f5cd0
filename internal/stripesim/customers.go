package stripesim

import (
	"regexp"
)

type customer struct {
	record
	Address             *address                `json:"address"`
	Balance             int64                   `json:"balance"`
	Currency            *string                 `json:"currency"`
	Delinquent          bool                    `json:"delinquent"`
	Description         *string                 `json:"description"`
	Email               *string                 `json:"email"`
	InvoicePrefix       string                  `json:"invoice_prefix"`
	InvoiceSettings     customerInvoiceSettings `json:"invoice_settings"`
	Metadata            map[string]string       `json:"metadata"`
	Name                *string                 `json:"name"`
	NextInvoiceSequence int64                   `json:"next_invoice_sequence"`
	Phone               *string                 `json:"phone"`
	PreferredLocales    []string                `json:"preferred_locales"`
	Shipping            *shipping               `json:"shipping"`
	TaxExempt           string                  `json:"tax_exempt"`
	TestClock           *string                 `json:"test_clock"`
}

type customerInvoiceSettings struct {
	CustomFields         *[]string `json:"custom_fields"`
	DefaultPaymentMethod *string   `json:"default_payment_method"`
	Footer               *string   `json:"footer"`
	RenderingOptions     *struct{} `json:"rendering_options"`
}

type address struct {
	City       *string `json:"city"`
	Country    *string `json:"country"`
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	PostalCode *string `json:"postal_code"`
	State      *string `json:"state"`
}

type shipping struct {
	Address *address `json:"address,omitempty"`
	Name    string   `json:"name"`
	Phone   *string  `json:"phone"`
}

// customerChange is what a request says about a customer, at its creation or later.
type customerChange struct {
	email, name, phone, description *string
	footer, defaultMethod           *string
	taxExempt                       *string
	balance, nextSequence           *int64
	invoicePrefix                   *string
	locales                         []string
	localesGiven                    bool
	address                         *address
	shipping                        *shipping
	clearAddress, clearShipping     bool
	metadata                        metadataChange
}

func readCustomerChange(p *params) customerChange {
	change := customerChange{
		email:         readEmail(p),
		name:          p.clearable("name", 256),
		phone:         p.clearable("phone", 20),
		description:   p.clearable("description", maxText),
		taxExempt:     p.choice("tax_exempt", "", "exempt", "none", "reverse"),
		balance:       p.integer("balance"),
		nextSequence:  p.between("next_invoice_sequence", 1, 1_000_000_000),
		invoicePrefix: p.text("invoice_prefix", 12),
		clearAddress:  p.cleared("address"),
		clearShipping: p.cleared("shipping"),
		address:       readAddress(p),
		metadata:      p.metadata(),
	}
	change.locales, change.localesGiven = p.texts("preferred_locales")
	if s := p.object("shipping"); s != nil {
		change.shipping = &shipping{Address: readAddress(s), Name: s.required("name", maxText), Phone: s.clearable("phone", maxText)}
	}
	if settings := p.object("invoice_settings"); settings != nil {
		change.defaultMethod = settings.clearable("default_payment_method", maxText)
		change.footer = settings.clearable("footer", maxText)
	}
	return change
}

func readAddress(p *params) *address {
	a := p.object("address")
	if a == nil {
		return nil
	}
	read := &address{}
	setNullable(&read.City, a.clearable("city", maxText))
	setNullable(&read.Country, a.clearable("country", maxText))
	setNullable(&read.Line1, a.clearable("line1", maxText))
	setNullable(&read.Line2, a.clearable("line2", maxText))
	setNullable(&read.PostalCode, a.clearable("postal_code", maxText))
	setNullable(&read.State, a.clearable("state", maxText))
	return read
}

// plausibleEmail is about as strict as Stripe: something, an @, and a domain with a dot.
var plausibleEmail = regexp.MustCompile(`^[^\s@<>(),;:\\"\[\]]+@[^\s@<>(),;:\\"\[\]]+\.[^\s@.<>(),;:\\"\[\]]+$`)

func readEmail(p *params) *string {
	email := p.clearable("email", 512)
	if email != nil && *email != "" && !plausibleEmail.MatchString(*email) {
		p.fail(invalid("email", "Invalid email address: %s", *email).withCode("email_invalid"))
	}
	return email
}

// customerUnmodelled are Stripe's parameters of a customer that the sandbox leaves out.
var customerUnmodelled = []string{
	"cash_balance", "coupon", "promotion_code", "source", "tax", "tax_id_data", "bank_account", "card",
	"default_alipay_account", "default_bank_account", "default_card", "default_source",
	"invoice_settings[custom_fields]", "invoice_settings[rendering_options]",
}

func (change customerChange) applyTo(x *customer) (err error) {
	setNullable(&x.Email, change.email)
	setNullable(&x.Name, change.name)
	setNullable(&x.Phone, change.phone)
	setNullable(&x.Description, change.description)
	setNullable(&x.InvoiceSettings.Footer, change.footer)
	set(&x.Balance, change.balance)
	set(&x.NextInvoiceSequence, change.nextSequence)
	set(&x.InvoicePrefix, change.invoicePrefix)
	set(&x.TaxExempt, change.taxExempt)
	if x.TaxExempt == "" {
		x.TaxExempt = "none"
	}
	if change.localesGiven {
		x.PreferredLocales = change.locales
	}
	if change.address != nil || change.clearAddress {
		x.Address = change.address
	}
	if change.shipping != nil || change.clearShipping {
		x.Shipping = change.shipping
	}
	x.Metadata, err = change.metadata.applyTo(x.Metadata)
	return err
}

// chooseMethod makes one of the customer's payment methods the default for invoices.
func (c *tx) chooseMethod(x *customer, id *string) error {
	if id == nil || *id == "" {
		setNullable(&x.InvoiceSettings.DefaultPaymentMethod, id)
		return nil
	}
	method, err := c.chosenMethod(*id, x, "invoice_settings[default_payment_method]")
	if err != nil {
		return err
	}
	x.InvoiceSettings.DefaultPaymentMethod = &method.ID
	return nil
}

func (c *tx) newCustomer() *customer {
	return &customer{
		record:        c.newRecord("customer", "cus_"),
		InvoicePrefix: randomString(8, "0123456789ABCDEF"), NextInvoiceSequence: 1,
		PreferredLocales: []string{}, Metadata: map[string]string{}, TaxExempt: "none",
	}
}

func createCustomer(c *call) (any, error) {
	attached := c.params.text("payment_method", maxText)
	clockID := c.params.text("test_clock", maxText)
	change := readCustomerChange(c.params)
	if err := c.params.done(customerUnmodelled...); err != nil {
		return nil, err
	}
	made := c.newCustomer()
	if clockID != nil {
		if _, err := c.testClockByID(*clockID, unknownReference("test_clock", *clockID, "test_clock")); err != nil {
			return nil, err
		}
		made.TestClock = clockID
	}
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	if attached != nil {
		if _, err := c.attach(*attached, made, unknownReference("payment_method", *attached, "payment_method")); err != nil {
			return nil, err
		}
	}
	if err := c.chooseMethod(made, change.defaultMethod); err != nil {
		return nil, err
	}
	return made, c.create(made, "customer.created")
}

// getCustomer answers for a deleted customer too, with what is left of it.
func getCustomer(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	body, deleted, err := c.body(c.id())
	if err == nil && deleted {
		gone, err := decode[customer](body)
		if err != nil {
			return nil, err
		}
		if gone.Object == "customer" {
			return stubOf(gone), nil
		}
	}
	return c.customer()
}

// customer is the one that the URL names.
func (c *call) customer() (*customer, error) {
	return find[customer](c.tx, "customer", c.id(), notFound("customer", c.id(), "id"))
}

func updateCustomer(c *call) (any, error) {
	change := readCustomerChange(c.params)
	if err := c.params.done(customerUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := c.customer()
	if err != nil {
		return nil, err
	}
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if err := c.chooseMethod(changed, change.defaultMethod); err != nil {
		return nil, err
	}
	return changed, c.update(changed, "customer.updated")
}

// deleteCustomer is for good, and ends the customer's subscriptions at once.
func deleteCustomer(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	gone, err := c.customer()
	if err != nil {
		return nil, err
	}
	if err := c.endAll(gone.ID); err != nil {
		return nil, err
	}
	return stubOf(gone), c.remove(gone, "customer.deleted")
}

func listCustomers(c *call) (any, error) {
	list := c.newList("customer", "/v1/customers")
	list.match("email", c.params.text("email", 512))
	list.matchTime("created")
	list.matchTestClock(false)
	return list.run()
}
