package page

import (
	"fmt"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/checkout"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/state"
)

type checkoutView struct {
	Title, Action, Total, Trial, Email, CancelURL, Message string
	Codes                                                  bool
	Code, Discount, Typed                                  string // what the customer has entered, what it takes off, the e-mail address
	Items                                                  []checkoutLine
	Cards                                                  []cardChoice
}

type checkoutLine struct {
	Name, Price, Amount string
	Quantity            int64
}

func showCheckout(c *state.Request, message string) (*screen, error) {
	session, err := checkout.SessionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	switch session.Status {
	case "complete":
		return &screen{template: "notice.html", data: notice{"You're all done here", "This checkout is complete.", session.AfterCheckout()}}, nil
	case "expired":
		return &screen{template: "notice.html", data: notice{"This page has expired", "Go back and start again.", form.OrDefault(session.CancelURL, "")}}, nil
	}
	view := checkoutView{CancelURL: form.OrDefault(session.CancelURL, ""), Message: message, Cards: offeredCards(c.HTTP.PostForm.Get("card")), Typed: c.HTTP.PostForm.Get("email"), Email: form.OrDefault(session.CustomerEmail, "")}
	if session.Customer != nil {
		payer, err := state.Find[customer.Customer](c.Tx, "customer", *session.Customer, apierror.NotFound("customer", *session.Customer, "customer"))
		if err != nil {
			return nil, err
		}
		view.Email = form.OrDefault(payer.Email, payer.ID)
	}
	if err := describe(c.Tx, session, &view); err != nil {
		return nil, err
	}
	return &screen{template: "checkout.html", data: view, leadsTo: session.SuccessURL}, nil
}

// describe says what a session sells.
func describe(t *state.Tx, session *checkout.Session, view *checkoutView) error {
	if session.Mode == checkout.ModeSetup {
		view.Title, view.Action = "Save a card", "Save card"
		return nil
	}
	view.Total = billing.InMajorUnits(*session.AmountTotal, *session.Currency)
	view.Codes = session.Codes()
	if err := describeDiscount(t, session, view); err != nil {
		return err
	}
	view.Title, view.Action = "Pay", "Pay "+view.Total
	if session.Mode == checkout.ModeSubscription {
		view.Title, view.Action = "Subscribe", "Subscribe"
	}
	if days := session.Private.TrialDays; days != nil {
		view.Trial = fmt.Sprintf("%d days free, then:", *days)
	} else if end := session.Private.TrialEnd; end != nil {
		view.Trial = "Free until " + day(*end) + ", then:"
	}
	for _, item := range session.Private.Items {
		terms, err := catalog.PriceByID(t, item.Price)
		if err != nil {
			return err
		}
		line := checkoutLine{
			Name: item.Description, Quantity: item.Quantity, Price: terms.Each(),
			Amount: billing.InMajorUnits(item.AmountTotal, item.Currency),
		}
		if terms.Recurring != nil {
			line.Price += rhythm(terms.Recurring)
		}
		view.Items = append(view.Items, line)
	}
	return nil
}

// describeDiscount says what a session is reduced by.
func describeDiscount(t *state.Tx, session *checkout.Session, view *checkoutView) error {
	if off := session.TotalDetails.Discount; off > 0 {
		view.Discount = billing.InMajorUnits(-off, *session.Currency)
	}
	if session.Private.Promotion == nil {
		return nil
	}
	entered, err := discount.PromotionByID(t, *session.Private.Promotion)
	if err == nil {
		view.Code = entered.Code
	}
	return err
}

// rhythm says how often a price is billed.
func rhythm(terms *billing.Recurring) string {
	if terms.IntervalCount == 1 {
		return " per " + terms.Interval
	}
	return fmt.Sprintf(" every %d %ss", terms.IntervalCount, terms.Interval)
}

// submitCheckout pays, after the bank's question when the card has one.
func submitCheckout(c *state.Request) (*screen, error) {
	session, err := checkout.SessionByID(c.Tx, c.ID())
	if err != nil {
		return nil, err
	}
	if session.Status != "open" {
		return showCheckout(c, "")
	}
	form := c.HTTP.PostForm
	if form.Get("action") == "code" {
		if err := checkout.EnterCode(c.Tx, session, strings.TrimSpace(form.Get("promotion_code"))); err != nil {
			return nil, err
		}
		return &screen{redirect: c.HTTP.Header.Get(state.PrefixHeader) + c.HTTP.URL.Path}, nil
	}
	choice := checkout.CheckoutChoice{Card: form.Get("card"), Email: form.Get("email"), Authenticated: form.Get("authentication") == "succeeded"}
	card, err := offered(choice.Card)
	switch {
	case err != nil:
		return nil, err
	case card.Authenticates && form.Get("authentication") == "":
		return &screen{
			template: "challenge.html", leadsTo: session.SuccessURL,
			data: struct{ Card, Email string }{choice.Card, choice.Email},
		}, nil
	case card.Authenticates && !choice.Authenticated:
		return nil, apierror.CardDeclined("authentication_required")
	}
	if err := checkout.CompleteCheckout(c.Tx, session, choice); err != nil {
		return nil, apierror.WithoutTrace(err)
	}
	return &screen{redirect: session.AfterCheckout()}, nil
}
