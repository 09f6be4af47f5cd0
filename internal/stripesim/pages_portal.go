package stripesim

import (
	"slices"
	"strings"
)

type portalView struct {
	Customer, ReturnURL, Message, Method string
	Subscriptions                        []portalSubscription
	Invoices                             []portalInvoice
	Cards                                []cardChoice
}

type portalSubscription struct {
	ID, Name, Status, Detail string
	Cancelable, Resumable    bool
}

type portalInvoice struct {
	ID, Number, Status, Date, Amount string
	Payable                          bool
}

// portal is the session that the URL names, with its customer.
func (c *call) portal() (*portalSession, *customer, error) {
	session, err := find[portalSession](c.tx, "billing_portal.session", c.id(), notFound("billing_portal.session", c.id(), "session"))
	if err != nil {
		return nil, nil, err
	}
	owner, err := find[customer](c.tx, "customer", session.Customer, notFound("customer", session.Customer, "customer"))
	return session, owner, err
}

func showPortal(c *call, message string) (*screen, error) {
	session, owner, err := c.portal()
	if err != nil {
		return nil, err
	}
	view := portalView{
		Customer: orDefault(owner.Email, owner.ID), ReturnURL: orDefault(session.ReturnURL, ""), Message: message, Cards: offeredCards(),
	}
	subs, err := c.liveSubscriptions(owner)
	if err != nil {
		return nil, err
	}
	if view.Method, err = c.portalMethod(owner, subs); err != nil {
		return nil, err
	}
	if view.Subscriptions, err = c.portalSubscriptions(subs); err != nil {
		return nil, err
	}
	view.Invoices, err = c.portalInvoices(owner)
	return &screen{template: "portal.html", data: view}, err
}

// portalMethod is what the customer pays with: for the latest subscription, when that has a card of its own.
func (c *tx) portalMethod(owner *customer, subs []*subscription) (string, error) {
	var own *string
	if len(subs) > 0 {
		own = subs[0].DefaultPaymentMethod
	}
	method, err := c.methodOf(own, owner)
	if err != nil || method == nil {
		return "", err
	}
	return method.Card.Brand + " •••• " + method.Card.Last4, nil
}

func (c *tx) portalSubscriptions(subs []*subscription) ([]portalSubscription, error) {
	var shown []portalSubscription
	for _, sub := range subs {
		lines, err := c.periodLines(sub)
		if err != nil {
			return nil, err
		}
		row := portalSubscription{ID: sub.ID, Status: sub.Status, Detail: "Renews on " + day(sub.CurrentPeriodEnd)}
		var names []string
		for _, line := range lines {
			names = append(names, line.Description)
		}
		row.Name = strings.Join(names, ", ")
		if sub.CancelAt != nil {
			row.Detail = "Ends on " + day(*sub.CancelAt)
		}
		row.Resumable = sub.CancelAt != nil
		row.Cancelable = !row.Resumable && sub.Status != statusIncomplete
		shown = append(shown, row)
	}
	return shown, nil
}

// liveSubscriptions are those of a customer that have not ended.
func (c *tx) liveSubscriptions(owner *customer) ([]*subscription, error) {
	subs, err := findAll[subscription](c, "subscription", equal("customer", owner.ID))
	return slices.DeleteFunc(subs, (*subscription).ended), err
}

func (c *tx) portalInvoices(owner *customer) ([]portalInvoice, error) {
	all, err := findAll[invoice](c, "invoice", equal("customer", owner.ID))
	if err != nil {
		return nil, err
	}
	var shown []portalInvoice
	for _, due := range all {
		if due.Number == nil {
			continue // a draft is not for the customer to see
		}
		shown = append(shown, portalInvoice{
			ID: due.ID, Number: *due.Number, Status: due.Status, Date: day(due.Created), Amount: inMajorUnits(due.AmountDue, due.Currency),
			Payable: due.Status == "open",
		})
	}
	return shown, nil
}

// submitPortal does what one of the page's buttons says, and shows the page again.
func submitPortal(c *call) (*screen, error) {
	_, owner, err := c.portal()
	if err != nil {
		return nil, err
	}
	form := c.http.PostForm
	switch form.Get("action") {
	case "cancel":
		err = c.portalSchedule(owner, form.Get("subscription"), true)
	case "resume":
		err = c.portalSchedule(owner, form.Get("subscription"), false)
	case "pay":
		err = c.portalPay(owner, form.Get("invoice"))
	case "card":
		err = c.portalCard(owner, form.Get("card"))
	default:
		err = invalid("action", "This page has no such action.")
	}
	return &screen{redirect: c.http.URL.Path}, err
}

// portalSchedule plans a subscription's end at its period's end, or takes the plan back.
func (c *tx) portalSchedule(owner *customer, id string, end bool) error {
	sub, err := c.subscriptionByID(id)
	if err != nil {
		return err
	}
	if sub.Customer != owner.ID || sub.ended() {
		return invalid("subscription", "This subscription has ended.")
	}
	if end {
		sub.scheduleEnd(&end, nil, c.now)
	} else {
		sub.unscheduleEnd()
	}
	return c.update(sub, "customer.subscription.updated")
}

func (c *tx) portalPay(owner *customer, id string) error {
	due, err := c.invoiceByID(id)
	if err != nil {
		return err
	}
	if due.Customer != owner.ID || due.Status != "open" {
		return invalid("invoice", "This invoice is not open.")
	}
	_, err = c.payWith(due, nil)
	return err
}

// portalCard makes a new card what the customer pays with, also for subscriptions that had a card of their own.
func (c *tx) portalCard(owner *customer, token string) error {
	if _, err := offered(token); err != nil {
		return err
	}
	method, err := c.attach(token, owner, unknownReference("payment_method", token, "payment_method"))
	if err != nil {
		return err
	}
	owner.InvoiceSettings.DefaultPaymentMethod = &method.ID
	if err := c.update(owner, "customer.updated"); err != nil {
		return err
	}
	subs, err := c.liveSubscriptions(owner)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if sub.DefaultPaymentMethod == nil {
			continue
		}
		sub.DefaultPaymentMethod = &method.ID
		if err := c.update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}
