package stripesim

import (
	"strings"
	"time"
)

type paymentMethod struct {
	record
	BillingDetails billingDetails    `json:"billing_details"`
	Card           cardDetails       `json:"card"`
	Customer       *string           `json:"customer"`
	Metadata       map[string]string `json:"metadata"`
	Type           string            `json:"type"`
}

type billingDetails struct {
	Address address `json:"address"`
	Email   *string `json:"email"`
	Name    *string `json:"name"`
	Phone   *string `json:"phone"`
}

// cardDetails show a card as far as its holder may see it.
type cardDetails struct {
	Brand         string       `json:"brand"`
	Checks        cardChecks   `json:"checks"`
	Country       string       `json:"country"`
	DisplayBrand  string       `json:"display_brand"`
	ExpMonth      int          `json:"exp_month"`
	ExpYear       int          `json:"exp_year"`
	Fingerprint   string       `json:"fingerprint"`
	Funding       string       `json:"funding"`
	GeneratedFrom *struct{}    `json:"generated_from"`
	Last4         string       `json:"last4"`
	Networks      cardNetworks `json:"networks"`
	ThreeDSecure  struct {
		Supported bool `json:"supported"`
	} `json:"three_d_secure_usage"`
	Wallet *struct{} `json:"wallet"`
}

type cardChecks struct {
	AddressLine1Check      *string `json:"address_line1_check"`
	AddressPostalCodeCheck *string `json:"address_postal_code_check"`
	CVCCheck               string  `json:"cvc_check"`
}

type cardNetworks struct {
	Available []string `json:"available"`
	Preferred *string  `json:"preferred"`
}

// newPaymentMethod makes a payment method of a test card, as Stripe does each time that one of its tokens is used.
func (c *tx) newPaymentMethod(card testCard) *paymentMethod {
	made := &paymentMethod{
		record: c.newRecord("payment_method", "pm_1"), Type: "card", Metadata: map[string]string{},
		Card: cardDetails{
			Brand: card.brand, DisplayBrand: card.brand, Last4: card.last4, Funding: card.funding, Country: "US",
			ExpMonth: 12, ExpYear: time.Unix(c.now, 0).UTC().Year() + 1,
			Fingerprint: card.fingerprint(), Checks: cardChecks{CVCCheck: "pass"},
			Networks: cardNetworks{Available: []string{card.brand}},
		},
	}
	made.Card.ThreeDSecure.Supported = true
	return made
}

func getPaymentMethod(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	if card, ok := testCards[c.id()]; ok {
		return c.newPaymentMethod(card), nil
	}
	return c.paymentMethod()
}

// paymentMethod is the one that the URL names.
func (c *call) paymentMethod() (*paymentMethod, error) {
	return find[paymentMethod](c.tx, "payment_method", c.id(), notFound("payment_method", c.id(), "payment_method"))
}

func attachPaymentMethod(c *call) (any, error) {
	customerID := c.params.required("customer", maxText)
	if err := c.params.done(); err != nil {
		return nil, err
	}
	owner, err := find[customer](c.tx, "customer", customerID, unknownReference("customer", customerID, "customer"))
	if err != nil {
		return nil, err
	}
	return c.attach(c.id(), owner, notFound("payment_method", c.id(), "payment_method"))
}

// attach binds a payment method, or a new one made of a test card's token, to its customer.
func (c *tx) attach(id string, owner *customer, missing *apiError) (*paymentMethod, error) {
	if card, ok := testCards[id]; ok {
		return c.attachCard(card, owner)
	}
	method, err := find[paymentMethod](c, "payment_method", id, missing)
	switch {
	case err != nil:
		return nil, err
	case method.Customer == nil:
		return nil, invalid("", "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.")
	case *method.Customer != owner.ID:
		return nil, invalid("", "The payment method you provided has already been attached to a customer.")
	}
	return method, nil
}

func (c *tx) attachCard(card testCard, owner *customer) (*paymentMethod, error) {
	if card.decline != "" && !card.attachable {
		return nil, cardDeclined(card.decline)
	}
	method := c.newPaymentMethod(card)
	method.Customer = &owner.ID
	return method, c.create(method, "payment_method.attached")
}

// chosenMethod resolves a payment method that a parameter names for a customer. A test card's token stands for the
// method that the customer has of this card.
func (c *tx) chosenMethod(id string, owner *customer, param string) (*paymentMethod, error) {
	if card, ok := testCards[id]; ok {
		held, err := findAll[paymentMethod](c, "payment_method", equal("customer", owner.ID), equal("card.fingerprint", card.fingerprint()))
		if err != nil {
			return nil, err
		}
		if len(held) > 0 {
			return held[0], nil
		}
	}
	method, err := find[paymentMethod](c, "payment_method", id, unknownReference("payment_method", id, param))
	if err != nil && !strings.HasPrefix(id, "pm_card_") {
		return nil, err
	}
	if err != nil || method.Customer == nil || *method.Customer != owner.ID {
		return nil, invalid(param, "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id).
			withCode("resource_missing")
	}
	return method, nil
}

// payingMethod resolves the payment method that a payment names. A new card is attached to the customer along the way, as
// it has to pay the later invoices too, unless its bank will not have it: then it only lives for this one attempt.
func (c *tx) payingMethod(id, customerID string) (*paymentMethod, error) {
	if card, ok := testCards[id]; ok && card.decline != "" && !card.attachable {
		method := c.newPaymentMethod(card)
		return method, c.insert(method)
	}
	owner, err := find[customer](c, "customer", customerID, unknownReference("customer", customerID, "customer"))
	if err != nil {
		return nil, err
	}
	return c.attach(id, owner, unknownReference("payment_method", id, "payment_method"))
}

func detachPaymentMethod(c *call) (any, error) {
	if err := c.params.done(); err != nil {
		return nil, err
	}
	method, err := c.paymentMethod()
	if err != nil {
		return nil, err
	}
	if method.Customer == nil {
		return nil, invalid("", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	if err := c.forgetMethod(method); err != nil {
		return nil, err
	}
	method.Customer = nil
	return method, c.update(method, "payment_method.detached")
}

// forgetMethod takes a payment method out of the defaults that name it.
func (c *tx) forgetMethod(method *paymentMethod) error {
	owner, err := find[customer](c, "customer", *method.Customer, notFound("customer", *method.Customer, "customer"))
	if err != nil {
		return err
	}
	if chosen := owner.InvoiceSettings.DefaultPaymentMethod; chosen != nil && *chosen == method.ID {
		owner.InvoiceSettings.DefaultPaymentMethod = nil
		if err := c.update(owner, "customer.updated"); err != nil {
			return err
		}
	}
	users, err := findAll[subscription](c, "subscription", equal("customer", owner.ID), equal("default_payment_method", method.ID))
	if err != nil {
		return err
	}
	for _, user := range users {
		user.DefaultPaymentMethod = nil
		if err := c.update(user, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}

func listPaymentMethods(c *call) (any, error) {
	list := c.newList("payment_method", "/v1/payment_methods")
	list.match("customer", c.params.text("customer", maxText))
	list.match("type", c.params.text("type", maxText))
	return list.run()
}

func listCustomerPaymentMethods(c *call) (any, error) {
	list := c.newList("payment_method", "/v1/customers/"+c.id()+"/payment_methods")
	list.where(equal("customer", c.id()))
	list.match("type", c.params.text("type", maxText))
	if _, err := c.customer(); err != nil {
		return nil, err
	}
	return list.run()
}
