package stripesim

import "fmt"

type checkoutView struct {
	Title, Action, Total, Trial, Email, CancelURL, Message string
	Items                                                  []checkoutLine
	Cards                                                  []cardChoice
}

type checkoutLine struct {
	Name, Price, Amount string
	Quantity            int64
}

func showCheckout(c *call, message string) (*screen, error) {
	session, err := c.checkoutSessionByID(c.id())
	if err != nil {
		return nil, err
	}
	switch session.Status {
	case "complete":
		return &screen{template: "notice.html", data: notice{"You're all done here", "This checkout is complete.", session.afterCheckout()}}, nil
	case "expired":
		return &screen{template: "notice.html", data: notice{"This page has expired", "Go back and start again.", orDefault(session.CancelURL, "")}}, nil
	}
	view := checkoutView{CancelURL: orDefault(session.CancelURL, ""), Message: message, Cards: offeredCards(), Email: orDefault(session.CustomerEmail, "")}
	if session.Customer != nil {
		payer, err := find[customer](c.tx, "customer", *session.Customer, notFound("customer", *session.Customer, "customer"))
		if err != nil {
			return nil, err
		}
		view.Email = orDefault(payer.Email, payer.ID)
	}
	if err := c.describe(session, &view); err != nil {
		return nil, err
	}
	return &screen{template: "checkout.html", data: view, leadsTo: session.SuccessURL}, nil
}

// describe says what a session sells.
func (c *tx) describe(session *checkoutSession, view *checkoutView) error {
	if session.Mode == modeSetup {
		view.Title, view.Action = "Save a card", "Save card"
		return nil
	}
	view.Total = inMajorUnits(*session.AmountTotal, *session.Currency)
	view.Title, view.Action = "Pay", "Pay "+view.Total
	if session.Mode == modeSubscription {
		view.Title, view.Action = "Subscribe", "Subscribe"
	}
	if days := session.Private.TrialDays; days != nil {
		view.Trial = fmt.Sprintf("%d days free, then:", *days)
	} else if end := session.Private.TrialEnd; end != nil {
		view.Trial = "Free until " + day(*end) + ", then:"
	}
	for _, item := range session.Private.Items {
		terms, err := c.priceByID(item.Price)
		if err != nil {
			return err
		}
		line := checkoutLine{
			Name: item.Description, Quantity: item.Quantity, Price: terms.each(),
			Amount: inMajorUnits(item.AmountTotal, item.Currency),
		}
		if terms.Recurring != nil {
			line.Price += rhythm(terms.Recurring)
		}
		view.Items = append(view.Items, line)
	}
	return nil
}

// rhythm says how often a price is billed.
func rhythm(terms *recurring) string {
	if terms.IntervalCount == 1 {
		return " per " + terms.Interval
	}
	return fmt.Sprintf(" every %d %ss", terms.IntervalCount, terms.Interval)
}

// submitCheckout pays, after the bank's question when the card has one.
func submitCheckout(c *call) (*screen, error) {
	session, err := c.checkoutSessionByID(c.id())
	if err != nil {
		return nil, err
	}
	if session.Status != "open" {
		return showCheckout(c, "")
	}
	form := c.http.PostForm
	choice := checkoutChoice{card: form.Get("card"), email: form.Get("email"), authenticated: form.Get("authentication") == "succeeded"}
	card, err := offered(choice.card)
	switch {
	case err != nil:
		return nil, err
	case card.authenticates && form.Get("authentication") == "":
		return &screen{
			template: "challenge.html", leadsTo: session.SuccessURL,
			data: struct{ Card, Email string }{choice.card, choice.email},
		}, nil
	case card.authenticates && !choice.authenticated:
		return nil, cardDeclined("authentication_required")
	}
	if err := c.completeCheckout(session, choice); err != nil {
		return nil, withoutTrace(err)
	}
	return &screen{redirect: session.afterCheckout()}, nil
}
