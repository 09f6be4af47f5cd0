// Package customer has customers, what they pay with, and the test clocks that they hang on.
package customer

import (
	"regexp"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/state"
)

// Customer is who pays.
type Customer struct {
	state.Record
	Address             *Address                `json:"address"`
	Balance             int64                   `json:"balance"`
	Currency            *string                 `json:"currency"`
	Delinquent          bool                    `json:"delinquent"`
	Description         *string                 `json:"description"`
	Discount            *string                 `json:"discount"`
	Email               *string                 `json:"email"`
	InvoicePrefix       string                  `json:"invoice_prefix"`
	InvoiceSettings     customerInvoiceSettings `json:"invoice_settings"`
	Metadata            map[string]string       `json:"metadata"`
	Name                *string                 `json:"name"`
	NextInvoiceSequence int64                   `json:"next_invoice_sequence"`
	Phone               *string                 `json:"phone"`
	PreferredLocales    []string                `json:"preferred_locales"`
	Shipping            *Shipping               `json:"shipping"`
	TaxExempt           string                  `json:"tax_exempt"`
	TestClock           *string                 `json:"test_clock"`
}

type customerInvoiceSettings struct {
	CustomFields         *[]string `json:"custom_fields"`
	DefaultPaymentMethod *string   `json:"default_payment_method"`
	Footer               *string   `json:"footer"`
	RenderingOptions     *struct{} `json:"rendering_options"`
}

// Address is a postal address.
type Address struct {
	City       *string `json:"city"`
	Country    *string `json:"country"`
	Line1      *string `json:"line1"`
	Line2      *string `json:"line2"`
	PostalCode *string `json:"postal_code"`
	State      *string `json:"state"`
}

// Shipping says where goods go.
type Shipping struct {
	Address *Address `json:"address,omitempty"`
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
	address                         *Address
	shipping                        *form.Params
	clearAddress, clearShipping     bool
	metadata                        form.MetadataChange
	discount                        discount.Choice
}

func readCustomerChange(p *form.Params) customerChange {
	change := customerChange{
		email:         readEmail(p),
		name:          p.Clearable("name", 256),
		phone:         p.Clearable("phone", 20),
		description:   p.Clearable("description", form.MaxText),
		taxExempt:     p.Choice("tax_exempt", "", "exempt", "none", "reverse"),
		balance:       p.Integer("balance"),
		nextSequence:  p.Between("next_invoice_sequence", 1, 1_000_000_000),
		invoicePrefix: readInvoicePrefix(p),
		clearAddress:  p.Cleared("address"),
		clearShipping: p.Cleared("shipping"),
		address:       readAddress(p),
		metadata:      p.Metadata(),
		discount:      discount.Read(p),
	}
	change.locales, change.localesGiven = p.Texts("preferred_locales")
	if change.shipping = p.Object("shipping"); change.shipping != nil {
		mergeShipping(nil, change.shipping) // reports what is wrong with it
	}
	if settings := p.Object("invoice_settings"); settings != nil {
		change.defaultMethod = settings.Clearable("default_payment_method", form.MaxText)
		change.footer = settings.Clearable("footer", form.MaxText)
	}
	return change
}

// accountCurrency is that of the account: a balance of a customer who has not bought
// anything yet is in it.
const accountCurrency = "usd"

// mergeShipping changes the leaves of where goods go that a request mentions, where an
// address of its own is replaced as a whole.
func mergeShipping(old *Shipping, s *form.Params) *Shipping {
	merged := Shipping{}
	if old != nil {
		merged = *old
	}
	form.Set(&merged.Name, s.Text("name", form.MaxText))
	form.SetNullable(&merged.Phone, s.Clearable("phone", form.MaxText))
	if a := s.Object("address"); a != nil {
		address := Address{}
		if merged.Address != nil {
			address = *merged.Address
		}
		address.read(a)
		merged.Address = &address
	}
	return &merged
}

func readAddress(p *form.Params) *Address {
	a := p.Object("address")
	if a == nil {
		return nil
	}
	address := &Address{}
	address.read(a)
	return address
}

// read takes over the parts of an address that a request mentions.
func (read *Address) read(a *form.Params) {
	form.SetNullable(&read.City, a.Clearable("city", form.MaxText))
	form.SetNullable(&read.Country, a.Clearable("country", form.MaxText))
	form.SetNullable(&read.Line1, a.Clearable("line1", form.MaxText))
	form.SetNullable(&read.Line2, a.Clearable("line2", form.MaxText))
	form.SetNullable(&read.PostalCode, a.Clearable("postal_code", form.MaxText))
	form.SetNullable(&read.State, a.Clearable("state", form.MaxText))
}

var plausiblePrefix = regexp.MustCompile(`^[A-Z0-9]{3,12}$`)

func readInvoicePrefix(p *form.Params) *string {
	prefix := p.Text("invoice_prefix", form.MaxText)
	if prefix != nil && !plausiblePrefix.MatchString(*prefix) {
		p.Fail(apierror.Invalid("invoice_prefix", "Invalid invoice prefix: %s. It must be 3 to 12 uppercase letters or numbers.", *prefix))
	}
	return prefix
}

// checkPrefix refuses an invoice prefix that another customer has: the numbers of
// invoices would not be unique.
func checkPrefix(t *state.Tx, x *Customer, prefix *string) error {
	if prefix == nil {
		return nil
	}
	holders, err := state.FindAll[Customer](t, "customer", state.Equal("invoice_prefix", *prefix))
	if err == nil && len(holders) > 0 && holders[0].ID != x.ID {
		return apierror.Invalid("invoice_prefix", "The invoice prefix %s is already used by another customer.", *prefix)
	}
	return err
}

// PlausibleEmail is about as strict as Stripe: something, an @, and a domain with a dot.
var PlausibleEmail = regexp.MustCompile(`^[^\s@<>(),;:\\"\[\]]+@[^\s@<>(),;:\\"\[\]]+\.[^\s@.<>(),;:\\"\[\]]+$`)

func readEmail(p *form.Params) *string {
	email := p.Clearable("email", 512)
	if email != nil && *email != "" && !PlausibleEmail.MatchString(*email) {
		p.Fail(apierror.Invalid("email", "Invalid email address: %s", *email).WithCode("email_invalid"))
	}
	return email
}

// customerUnmodelled are Stripe's parameters of a customer that the sandbox leaves out.
var customerUnmodelled = []string{
	"cash_balance", "source", "tax", "tax_id_data", "bank_account", "card",
	"default_alipay_account", "default_bank_account", "default_card", "default_source",
	"invoice_settings[custom_fields]", "invoice_settings[rendering_options]",
}

func (change customerChange) applyTo(x *Customer) (err error) {
	form.SetNullable(&x.Email, change.email)
	form.SetNullable(&x.Name, change.name)
	form.SetNullable(&x.Phone, change.phone)
	form.SetNullable(&x.Description, change.description)
	form.SetNullable(&x.InvoiceSettings.Footer, change.footer)
	form.Set(&x.Balance, change.balance)
	if x.Balance != 0 && x.Currency == nil {
		currency := accountCurrency
		x.Currency = &currency
	}
	form.Set(&x.NextInvoiceSequence, change.nextSequence)
	form.Set(&x.InvoicePrefix, change.invoicePrefix)
	form.Set(&x.TaxExempt, change.taxExempt)
	if x.TaxExempt == "" {
		x.TaxExempt = "none"
	}
	if change.localesGiven {
		x.PreferredLocales = change.locales
	}
	if change.address != nil || change.clearAddress {
		x.Address = change.address
	}
	if change.shipping != nil {
		x.Shipping = mergeShipping(x.Shipping, change.shipping)
	} else if change.clearShipping {
		x.Shipping = nil
	}
	x.Metadata, err = change.metadata.ApplyTo(x.Metadata)
	return err
}

// chooseMethod makes one of the customer's payment methods the default for invoices.
func chooseMethod(t *state.Tx, x *Customer, id *string) error {
	if id == nil || *id == "" {
		form.SetNullable(&x.InvoiceSettings.DefaultPaymentMethod, id)
		return nil
	}
	method, err := ChosenMethod(t, *id, x, "invoice_settings[default_payment_method]")
	if err != nil {
		return err
	}
	x.InvoiceSettings.DefaultPaymentMethod = &method.ID
	return nil
}

// NewCustomer is a customer of whom nothing is known yet. It is not stored.
func NewCustomer(t *state.Tx) *Customer {
	return &Customer{
		Record:        t.NewRecord("customer", "cus_"),
		InvoicePrefix: state.RandomString(8, "0123456789ABCDEF"), NextInvoiceSequence: 1,
		PreferredLocales: []string{}, Metadata: map[string]string{}, TaxExempt: "none",
	}
}

func createCustomer(c *state.Request) (any, error) {
	attached := c.Params.Text("payment_method", form.MaxText)
	clockID := c.Params.Text("test_clock", form.MaxText)
	change := readCustomerChange(c.Params)
	if err := c.Params.Done(customerUnmodelled...); err != nil {
		return nil, err
	}
	made := NewCustomer(c.Tx)
	if clockID != nil {
		if _, err := testClockByID(c.Tx, *clockID, apierror.UnknownReference("test_clock", *clockID, "test_clock")); err != nil {
			return nil, err
		}
		if err := roomOnClock(c.Tx, *clockID); err != nil {
			return nil, err
		}
		made.TestClock = clockID
	}
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	if made.Shipping != nil && made.Shipping.Name == "" {
		return nil, apierror.Invalid("shipping[name]", "Missing required param: shipping[name].").WithCode("parameter_missing").BeforeWork()
	}
	if err := checkPrefix(c.Tx, made, change.invoicePrefix); err != nil {
		return nil, err
	}
	if attached != nil {
		if _, err := AttachMethod(c.Tx, *attached, made, apierror.UnknownReference("payment_method", *attached, "payment_method")); err != nil {
			return nil, err
		}
	}
	if err := chooseMethod(c.Tx, made, change.defaultMethod); err != nil {
		return nil, err
	}
	if err := made.changeDiscount(c.Tx, change.discount); err != nil {
		return nil, err
	}
	return made, c.Create(made, "customer.created")
}

// getCustomer answers for a deleted customer too, with what is left of it.
func getCustomer(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	body, deleted, err := c.Body(c.ID())
	if err == nil && deleted {
		gone, err := state.Decode[Customer](body)
		if err != nil {
			return nil, err
		}
		if gone.Object == "customer" {
			return state.StubOf(gone), nil
		}
	}
	return Named(c)
}

// Named is the one that the URL names.
func Named(c *state.Request) (*Customer, error) {
	return state.Find[Customer](c.Tx, "customer", c.ID(), apierror.NotFound("customer", c.ID(), "id"))
}

func updateCustomer(c *state.Request) (any, error) {
	change := readCustomerChange(c.Params)
	if err := c.Params.Done(customerUnmodelled...); err != nil {
		return nil, err
	}
	changed, err := Named(c)
	if err != nil {
		return nil, err
	}
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	if err := checkPrefix(c.Tx, changed, change.invoicePrefix); err != nil {
		return nil, err
	}
	if err := chooseMethod(c.Tx, changed, change.defaultMethod); err != nil {
		return nil, err
	}
	if err := changed.changeDiscount(c.Tx, change.discount); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "customer.updated")
}

func listCustomers(c *state.Request) (any, error) {
	list := c.NewList("customer", "/v1/customers")
	list.Match("email", c.Params.Text("email", 512))
	list.MatchTime("created")
	list.MatchTestClock(false)
	return list.Run()
}
