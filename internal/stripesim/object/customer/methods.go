package customer

import (
	"strings"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Method is a payment method: a card, attached to a customer or not.
type Method struct {
	state.Record
	BillingDetails BillingDetails    `json:"billing_details"`
	Card           cardDetails       `json:"card"`
	Customer       *string           `json:"customer"`
	Metadata       map[string]string `json:"metadata"`
	Type           string            `json:"type"`
	Private        methodSecret      `json:"_private"`
}

// methodSecret: a method that was used or detached without a customer can never be
// attached again.
type methodSecret struct {
	Spent bool `json:"spent,omitempty"`
}

// BillingDetails say whose card it is.
type BillingDetails struct {
	Address Address `json:"address"`
	Email   *string `json:"email"`
	Name    *string `json:"name"`
	Phone   *string `json:"phone"`
}

// cardDetails show a card as far as its holder may see it.
type cardDetails struct {
	Brand         string       `json:"brand"`
	Checks        CardChecks   `json:"checks"`
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

// CardChecks are what the bank thinks of a card's address and number.
type CardChecks struct {
	AddressLine1Check      *string `json:"address_line1_check"`
	AddressPostalCodeCheck *string `json:"address_postal_code_check"`
	CVCCheck               string  `json:"cvc_check"`
}

type cardNetworks struct {
	Available []string `json:"available"`
	Preferred *string  `json:"preferred"`
}

// NewPaymentMethod makes a payment method of a test card, as Stripe does each time that
// one of its tokens is used.
func NewPaymentMethod(t *state.Tx, card TestCard) *Method {
	made := &Method{
		Record: t.NewRecord("payment_method", "pm_1"), Type: "card", Metadata: map[string]string{},
		Card: cardDetails{
			Brand: card.brand, DisplayBrand: card.brand, Last4: card.Last4, Funding: card.funding, Country: "US",
			ExpMonth: int(time.Unix(t.Now, 0).UTC().Month()), ExpYear: time.Unix(t.Now, 0).UTC().Year() + 1,
			Fingerprint: card.fingerprint(), Checks: CardChecks{CVCCheck: "pass"},
			Networks: cardNetworks{Available: []string{card.brand}},
		},
	}
	made.Card.ThreeDSecure.Supported = true
	return made
}

func getPaymentMethod(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	if card, ok := TestCards[c.ID()]; ok {
		return NewPaymentMethod(c.Tx, card), nil
	}
	return NamedPaymentMethod(c)
}

// NamedPaymentMethod is the one that the URL names.
func NamedPaymentMethod(c *state.Request) (*Method, error) {
	return state.Find[Method](c.Tx, "payment_method", c.ID(), apierror.NotFound("payment_method", c.ID(), "payment_method"))
}

func attachPaymentMethod(c *state.Request) (any, error) {
	customerID := c.Params.Required("customer", form.MaxText)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	owner, err := state.Find[Customer](c.Tx, "customer", customerID, apierror.UnknownReference("customer", customerID, "customer"))
	if err != nil {
		return nil, err
	}
	return AttachMethod(c.Tx, c.ID(), owner, apierror.NotFound("payment_method", c.ID(), "payment_method"))
}

// AttachMethod binds a payment method, or a new one made of a test card's token, to its
// customer.
func AttachMethod(t *state.Tx, id string, owner *Customer, missing *apierror.Error) (*Method, error) {
	if card, ok := TestCards[id]; ok {
		return attachCard(t, card, owner)
	}
	method, err := Unattached(t, id, missing)
	switch {
	case err != nil:
		return nil, err
	case method.Customer == nil && !method.Private.Spent:
		return attachFresh(t, method, owner)
	case method.Customer == nil:
		return nil, apierror.Invalid("", "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.")
	case *method.Customer != owner.ID:
		return nil, apierror.Invalid("", "The payment method you provided has already been attached to a customer.")
	}
	return method, nil
}

// attachFresh attaches a method that was made on its own, if its bank will have it.
func attachFresh(t *state.Tx, method *Method, owner *Customer) (*Method, error) {
	if card := CardOf(method); card.Decline != "" && !card.Attachable {
		return nil, apierror.CardDeclined(card.Decline)
	}
	method.Customer = &owner.ID
	return method, t.Update(method, "payment_method.attached")
}

func attachCard(t *state.Tx, card TestCard, owner *Customer) (*Method, error) {
	if card.Decline != "" && !card.Attachable {
		return nil, apierror.CardDeclined(card.Decline)
	}
	method := NewPaymentMethod(t, card)
	method.Customer = &owner.ID
	return method, t.Create(method, "payment_method.attached")
}

// ChosenMethod resolves a payment method that a parameter names for a customer. A test
// card's token stands for the method that the customer has of this card.
func ChosenMethod(t *state.Tx, id string, owner *Customer, param string) (*Method, error) {
	if card, ok := TestCards[id]; ok {
		held, err := state.FindAll[Method](t, "payment_method", state.Equal("customer", owner.ID), state.Equal("card.fingerprint", card.fingerprint()))
		if err != nil {
			return nil, err
		}
		if len(held) > 0 {
			return held[0], nil
		}
	}
	method, err := state.Find[Method](t, "payment_method", id, apierror.UnknownReference("payment_method", id, param))
	if err != nil && !strings.HasPrefix(id, "pm_card_") {
		return nil, err
	}
	if err != nil || method.Customer == nil || *method.Customer != owner.ID {
		return nil, apierror.Invalid(param, "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id).
			WithCode("resource_missing")
	}
	return method, nil
}

// PayingMethod resolves the payment method that a payment names. A new card is attached
// to the customer along the way, as it has to pay the later invoices too, unless its
// bank will not have it: then it only lives for this one attempt.
func PayingMethod(t *state.Tx, id, customerID string) (*Method, error) {
	if card, ok := TestCards[id]; ok && card.Decline != "" && !card.Attachable {
		method := NewPaymentMethod(t, card)
		method.Private.Spent = true
		return method, t.Insert(method)
	}
	owner, err := state.Find[Customer](t, "customer", customerID, apierror.UnknownReference("customer", customerID, "customer"))
	if err != nil {
		return nil, err
	}
	return AttachMethod(t, id, owner, apierror.UnknownReference("payment_method", id, "payment_method"))
}

func listPaymentMethods(c *state.Request) (any, error) {
	list := c.NewList("payment_method", "/v1/payment_methods")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.Match("type", c.Params.Text("type", form.MaxText))
	return list.Run()
}

func listCustomerPaymentMethods(c *state.Request) (any, error) {
	list := c.NewList("payment_method", "/v1/customers/"+c.ID()+"/payment_methods")
	list.Where(state.Equal("customer", c.ID()))
	list.Match("type", c.Params.Text("type", form.MaxText))
	if _, err := Named(c); err != nil {
		return nil, err
	}
	return list.Run()
}
