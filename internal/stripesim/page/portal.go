package page

import (
	"slices"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/checkout"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

type portalView struct {
	Customer, ReturnURL, Message, Method string
	Flow                                 string // the one thing that is shown; empty: everything
	Done                                 string // says that the flow is over
	Subscriptions                        []portalSubscription
	Invoices                             []portalInvoice
	Cards                                []cardChoice
}

type portalSubscription struct {
	ID, Name, Status, Detail string
	Cancelable, Resumable    bool
}

type portalInvoice struct {
	ID, Number, Status, Date, Amount, Page string
	Payable                                bool
}

// namedPortal is the session that the URL names, with its customer.
func namedPortal(c *state.Request) (*checkout.PortalSession, *customer.Customer, error) {
	session, err := state.Find[checkout.PortalSession](c.Tx, "billing_portal.session", c.ID(), apierror.NotFound("billing_portal.session", c.ID(), "session"))
	if err != nil {
		return nil, nil, err
	}
	owner, err := state.Find[customer.Customer](c.Tx, "customer", session.Customer, apierror.NotFound("customer", session.Customer, "customer"))
	return session, owner, err
}

func showPortal(c *state.Request, message string) (*screen, error) {
	session, owner, err := namedPortal(c)
	if err != nil {
		return nil, err
	}
	view := portalView{
		Customer: form.OrDefault(owner.Email, owner.ID), ReturnURL: form.OrDefault(session.ReturnURL, ""), Message: message, Cards: offeredCards(c.HTTP.PostForm.Get("card")),
	}
	view.follow(session.Flow, c.HTTP.URL.Query().Has(afterFlow))
	subs, err := liveSubscriptions(c.Tx, owner)
	if err != nil {
		return nil, err
	}
	if view.Flow == checkout.FlowCancel {
		subs = slices.DeleteFunc(subs, func(sub *subscription.Subscription) bool {
			return sub.ID != session.Flow.SubscriptionCancel.Subscription
		})
	}
	if view.Method, err = portalMethod(c.Tx, owner, subs); err != nil {
		return nil, err
	}
	if view.Subscriptions, err = portalSubscriptions(c.Tx, subs); err != nil {
		return nil, err
	}
	view.Invoices, err = portalInvoices(c, owner)
	return &screen{template: "portal.html", data: view}, err
}

// afterFlow is in the page's query once its flow is over.
const afterFlow = "done"

// follow shows what a flow is about, or that it is over. The homepage comes after it
// unless it says otherwise.
func (x *portalView) follow(flow *checkout.PortalFlow, over bool) {
	switch {
	case flow == nil:
	case !over:
		x.Flow = flow.Type
	case flow.AfterCompletion.Type == checkout.AfterConfirmation:
		x.Done = "Thank you. Your change has been made."
		if with := flow.AfterCompletion.HostedConfirmation; with != nil {
			x.Done = form.OrDefault(with.CustomMessage, x.Done)
		}
	}
}

// afterPortal is where a customer goes when something was done.
func afterPortal(c *state.Request, session *checkout.PortalSession) string {
	again := c.HTTP.Header.Get(state.PrefixHeader) + c.HTTP.URL.Path
	switch flow := session.Flow; {
	case flow == nil:
		return again
	case flow.AfterCompletion.Type == checkout.AfterRedirect:
		return flow.AfterCompletion.Redirect.ReturnURL
	}
	return again + "?" + afterFlow
}

// portalMethod is what the customer pays with: for the latest subscription, when that
// has a card of its own.
func portalMethod(t *state.Tx, owner *customer.Customer, subs []*subscription.Subscription) (string, error) {
	var own *string
	if len(subs) > 0 {
		own = subs[0].DefaultPaymentMethod
	}
	method, err := subscription.MethodOf(t, own, owner)
	if err != nil || method == nil {
		return "", err
	}
	return method.Card.Brand + " •••• " + method.Card.Last4, nil
}

func portalSubscriptions(t *state.Tx, subs []*subscription.Subscription) ([]portalSubscription, error) {
	var shown []portalSubscription
	for _, sub := range subs {
		lines, err := subscription.PeriodLines(t, sub)
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
		row.Cancelable = !row.Resumable && sub.Status != subscription.StatusIncomplete
		shown = append(shown, row)
	}
	return shown, nil
}

// liveSubscriptions are those of a customer that have not ended.
func liveSubscriptions(t *state.Tx, owner *customer.Customer) ([]*subscription.Subscription, error) {
	subs, err := state.FindAll[subscription.Subscription](t, "subscription", state.Equal("customer", owner.ID))
	return slices.DeleteFunc(subs, (*subscription.Subscription).Ended), err
}

func portalInvoices(c *state.Request, owner *customer.Customer) ([]portalInvoice, error) {
	all, err := state.FindAll[subscription.Invoice](c.Tx, "invoice", state.Equal("customer", owner.ID))
	if err != nil {
		return nil, err
	}
	var shown []portalInvoice
	for _, due := range all {
		if due.Number == nil {
			continue // a draft is not for the customer to see
		}
		shown = append(shown, portalInvoice{
			ID: due.ID, Number: *due.Number, Status: due.Status, Date: day(due.Created), Amount: billing.InMajorUnits(due.AmountDue, due.Currency),
			Payable: due.Status == "open", Page: invoicePage(c, due.ID),
		})
	}
	return shown, nil
}

// submitPortal does what one of the page's buttons says, and shows the page again.
func submitPortal(c *state.Request) (*screen, error) {
	session, owner, err := namedPortal(c)
	if err != nil {
		return nil, err
	}
	form := c.HTTP.PostForm
	switch form.Get("action") {
	case "cancel":
		err = portalSchedule(c.Tx, owner, form.Get("subscription"), true)
	case "resume":
		err = portalSchedule(c.Tx, owner, form.Get("subscription"), false)
	case "pay":
		err = portalPay(c.Tx, owner, form.Get("invoice"))
	case "card":
		err = portalCard(c.Tx, owner, form.Get("card"))
	default:
		err = apierror.Invalid("action", "This page has no such action.")
	}
	return &screen{redirect: afterPortal(c, session)}, err
}

// portalSchedule plans a subscription's end at its period's end, or takes the plan back.
func portalSchedule(t *state.Tx, owner *customer.Customer, id string, end bool) error {
	sub, err := subscription.SubscriptionByID(t, id)
	if err != nil {
		return err
	}
	if sub.Customer != owner.ID || sub.Ended() {
		return apierror.Invalid("subscription", "This subscription has ended.")
	}
	if sub.Schedule != nil {
		return apierror.Invalid("subscription", "This subscription follows a schedule, which decides on its end.")
	}
	if end {
		sub.ScheduleEnd(&end, nil, t.Now)
	} else {
		sub.UnscheduleEnd()
	}
	return t.Update(sub, "customer.subscription.updated")
}

func portalPay(t *state.Tx, owner *customer.Customer, id string) error {
	due, err := subscription.InvoiceByID(t, id)
	if err != nil {
		return err
	}
	if due.Customer != owner.ID || due.Status != "open" {
		return apierror.Invalid("invoice", "This invoice is not open.")
	}
	_, err = subscription.PayWith(t, due, nil)
	return err
}

// portalCard makes a new card what the customer pays with, also for subscriptions that
// had a card of their own.
func portalCard(t *state.Tx, owner *customer.Customer, token string) error {
	if _, err := offered(token); err != nil {
		return err
	}
	method, err := customer.AttachMethod(t, token, owner, apierror.UnknownReference("payment_method", token, "payment_method"))
	if err != nil {
		return err
	}
	owner.InvoiceSettings.DefaultPaymentMethod = &method.ID
	if err := t.Update(owner, "customer.updated"); err != nil {
		return err
	}
	subs, err := liveSubscriptions(t, owner)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if sub.DefaultPaymentMethod == nil {
			continue
		}
		sub.DefaultPaymentMethod = &method.ID
		if err := t.Update(sub, "customer.subscription.updated"); err != nil {
			return err
		}
	}
	return nil
}
