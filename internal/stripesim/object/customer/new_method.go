package customer

import (
	"maps"
	"slices"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// tokenCard is the card that a token of Stripe.js stands for: tok_visa is what pm_card_visa is.
func tokenCard(token string) (TestCard, bool) {
	name, ok := strings.CutPrefix(token, "tok_")
	card, known := TestCards["pm_card_"+name]
	return card, ok && known
}

// MethodOfToken is a payment method of nobody's for one payment, made of a token of Stripe.js.
func MethodOfToken(t *state.Tx, token, param string) (*Method, error) {
	card, known := tokenCard(token)
	if !known {
		return nil, apierror.UnknownReference("token", token, param)
	}
	made := NewPaymentMethod(t, card)
	made.Private.Spent = true
	return made, t.Insert(made)
}

// numberCard is the test card with a number.
func numberCard(number string) (TestCard, bool) {
	number = strings.ReplaceAll(number, " ", "")
	for _, token := range slices.Sorted(maps.Keys(TestCards)) {
		if card := TestCards[token]; len(number) >= 15 && strings.HasSuffix(number, card.Last4) {
			return card, true
		}
	}
	return TestCard{}, false
}

func createPaymentMethod(c *state.Request) (any, error) {
	kind := c.Params.Choice("type", "card")
	details, metadata := c.Params.Object("billing_details"), c.Params.Metadata()
	card, err := readCard(c.Params)
	if kind == nil {
		c.Params.Missing("type")
	}
	made := NewPaymentMethod(c.Tx, card)
	if details != nil {
		made.BillingDetails.read(details)
	}
	if err := c.Params.Done("customer", "payment_method"); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	return made, c.Insert(made)
}

// readCard reads a card by its token or by a test card's number; the rest of its
// details is taken as it is.
func readCard(p *form.Params) (TestCard, error) {
	given := p.Object("card")
	if given == nil {
		p.Missing("card")
		return TestCard{}, nil
	}
	given.Between("exp_month", 1, 12)
	given.Between("exp_year", 2000, 2100)
	given.Text("cvc", 4)
	token, number := given.Text("token", form.MaxText), given.Text("number", 24)
	switch {
	case token != nil:
		if card, ok := tokenCard(*token); ok {
			return card, nil
		}
		return TestCard{}, apierror.UnknownReference("token", *token, "card[token]")
	case number != nil:
		if card, ok := numberCard(*number); ok {
			return card, nil
		}
		e := apierror.CardDeclined("incorrect_number")
		e.Message, e.DeclineCode = "Your card number is incorrect.", ""
		return TestCard{}, e.WithCode("incorrect_number")
	}
	given.Missing("number")
	return TestCard{}, nil
}

// read takes over what a request says about whose card it is.
func (x *BillingDetails) read(p *form.Params) {
	if address := p.Object("address"); address != nil {
		x.Address.read(address)
	}
	form.SetNullable(&x.Email, p.Clearable("email", 512))
	form.SetNullable(&x.Name, p.Clearable("name", form.MaxText))
	form.SetNullable(&x.Phone, p.Clearable("phone", form.MaxText))
}

func updatePaymentMethod(c *state.Request) (any, error) {
	details, metadata := c.Params.Object("billing_details"), c.Params.Metadata()
	var month, year *int64
	if card := c.Params.Object("card"); card != nil {
		month, year = card.Between("exp_month", 1, 12), card.Between("exp_year", 2000, 2100)
	}
	changed, err := NamedPaymentMethod(c)
	if err != nil {
		return nil, err
	}
	if details != nil {
		changed.BillingDetails.read(details)
	}
	if err := c.Params.Done("link", "us_bank_account"); err != nil {
		return nil, err
	}
	if changed.Customer == nil {
		return nil, apierror.Invalid("", "You must save this PaymentMethod to a customer before you can update it.")
	}
	if month != nil {
		changed.Card.ExpMonth = int(*month)
	}
	if year != nil {
		changed.Card.ExpYear = int(*year)
	}
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "payment_method.updated")
}

// Unattached resolves a payment method whoever has it: a test card's or Stripe.js's
// token is a new one.
func Unattached(t *state.Tx, id string, missing *apierror.Error) (*Method, error) {
	card, ok := TestCards[id]
	if !ok {
		card, ok = tokenCard(id)
	}
	if ok {
		method := NewPaymentMethod(t, card)
		return method, t.Insert(method)
	}
	return state.Find[Method](t, "payment_method", id, missing)
}

// Spend uses a payment method for a payment: where the payment is to keep it, it is
// attached to the customer; otherwise one without a customer is used up.
func Spend(t *state.Tx, method *Method, customerID string, keep bool) error {
	switch {
	case method.Customer != nil:
		return nil
	case method.Private.Spent:
		return apierror.Invalid("", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.")
	case keep && customerID != "":
		method.Customer = &customerID
		return t.Update(method, "payment_method.attached")
	}
	method.Private.Spent = true
	return t.Replace(method, false)
}
