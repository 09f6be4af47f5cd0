package page

import (
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// invoiceView is an invoice as its customer sees it.
type invoiceView struct {
	Title, Number, Status, Customer, Date, DueDate, Description, Footer string
	Lines, Sums                                                         []invoiceRow
	Due, Message, Print                                                 string
	Payable                                                             bool
	Cards                                                               []cardChoice
}

type invoiceRow struct {
	Text, Detail, Amount string
	Total                bool
}

// namedInvoice is the invoice that the URL names. A draft is not for the customer to see.
func namedInvoice(c *state.Request) (*subscription.Invoice, error) {
	due, err := subscription.InvoiceByID(c.Tx, c.ID())
	if err == nil && due.Status == "draft" {
		err = apierror.NotFound("invoice", c.ID(), "invoice")
	}
	return due, err
}

func showInvoice(c *state.Request, message string) (*screen, error) {
	due, err := namedInvoice(c)
	if err != nil {
		return nil, err
	}
	view, err := describeInvoice(c.Tx, due)
	if err != nil {
		return nil, err
	}
	view.Message, view.Cards = message, offeredCards(c.HTTP.PostForm.Get("card"))
	view.Payable = due.Status == "open" || due.Status == "uncollectible"
	view.Print = c.HTTP.Header.Get(state.PrefixHeader) + c.HTTP.URL.Path + "/pdf"
	return &screen{template: "invoice.html", data: view}, nil
}

// printInvoice is the invoice as a person prints it, or saves it as a PDF.
func printInvoice(c *state.Request, _ string) (*screen, error) {
	due, err := namedInvoice(c)
	if err != nil {
		return nil, err
	}
	view, err := describeInvoice(c.Tx, due)
	return &screen{template: "invoice.html", data: view}, err
}

func describeInvoice(t *state.Tx, due *subscription.Invoice) (*invoiceView, error) {
	money := func(amount int64) string { return billing.InMajorUnits(amount, due.Currency) }
	view := &invoiceView{
		Title: "Invoice " + form.OrDefault(due.Number, due.ID), Number: form.OrDefault(due.Number, due.ID), Status: due.Status,
		Customer: form.OrDefault(due.CustomerName, form.OrDefault(due.CustomerEmail, due.Customer)),
		Date:     day(due.Created), Description: form.OrDefault(due.Description, ""), Footer: form.OrDefault(due.Footer, ""), Due: money(due.AmountRemaining),
	}
	if due.DueDate != nil {
		view.DueDate = day(*due.DueDate)
	}
	for _, line := range due.Lines.Data {
		row := invoiceRow{Text: line.Description, Amount: money(line.Amount)}
		if line.Period.End > line.Period.Start {
			row.Detail = day(line.Period.Start) + " – " + day(line.Period.End)
		}
		view.Lines = append(view.Lines, row)
	}
	view.Sums = append(view.Sums, invoiceRow{Text: "Subtotal", Amount: money(due.Subtotal)})
	for _, taken := range due.TotalDiscountAmounts {
		name, err := discountName(t, taken.Discount)
		if err != nil {
			return nil, err
		}
		view.Sums = append(view.Sums, invoiceRow{Text: name, Amount: money(-taken.Amount)})
	}
	for _, levied := range due.TotalTaxAmounts {
		rates, err := tax.Load(t, []string{levied.TaxRate})
		if err != nil {
			return nil, err
		}
		text := rates[0].DisplayName + " " + rates[0].Percentage.String() + " %"
		if levied.Inclusive {
			text += " (included)"
		}
		view.Sums = append(view.Sums, invoiceRow{Text: text, Amount: money(levied.Amount)})
	}
	view.Sums = append(view.Sums, invoiceRow{Text: "Total", Amount: money(due.Total), Total: true})
	if due.StartingBalance != 0 {
		view.Sums = append(view.Sums, invoiceRow{Text: "Balance applied", Amount: money(due.AmountDue - due.Total)})
	}
	view.Sums = append(view.Sums, invoiceRow{Text: "Paid", Amount: money(due.AmountPaid)})
	return view, nil
}

func discountName(t *state.Tx, id string) (string, error) {
	_, coupon, err := discount.ByID(t, id)
	if err != nil {
		return "", err
	}
	return "Discount: " + form.OrDefault(coupon.Name, coupon.ID), nil
}

// submitInvoice pays, after the bank's question when the card has one.
func submitInvoice(c *state.Request) (*screen, error) {
	due, err := namedInvoice(c)
	if err != nil {
		return nil, err
	}
	sent := c.HTTP.PostForm
	again := &screen{redirect: c.HTTP.Header.Get(state.PrefixHeader) + c.HTTP.URL.Path}
	if due.Status != "open" && due.Status != "uncollectible" {
		return again, nil
	}
	token, answer := sent.Get("card"), sent.Get("authentication")
	card, err := offered(token)
	switch {
	case err != nil:
		return nil, err
	case card.Authenticates && answer == "":
		return &screen{template: "challenge.html", data: struct{ Card, Email string }{token, ""}}, nil
	case card.Authenticates && answer != "succeeded":
		return nil, apierror.CardDeclined("authentication_required")
	case !card.Authenticates:
		_, err = subscription.PayWith(c.Tx, due, &token)
		return again, err
	}
	method, err := customer.PayingMethod(c.Tx, token, due.Customer)
	if err != nil {
		return nil, err
	}
	intent, err := subscription.IntentOf(c.Tx, due)
	if err != nil {
		return nil, err
	}
	return again, subscription.SucceedPayment(c.Tx, due, intent, method)
}

// invoicePage is the path of an invoice's page.
func invoicePage(c *state.Request, id string) string {
	return strings.TrimSuffix(c.HTTP.Header.Get(state.PrefixHeader), "/") + subscription.InvoicePage(id)
}
