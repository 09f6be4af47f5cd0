package subscription

import (
	"fmt"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

// CreditNote takes back a part of a final invoice, or all of it.
type CreditNote struct {
	state.Record
	Amount                     int64                     `json:"amount"`
	AmountShipping             int64                     `json:"amount_shipping"`
	Currency                   string                    `json:"currency"`
	Customer                   string                    `json:"customer"`
	CustomerBalanceTransaction *string                   `json:"customer_balance_transaction"`
	DiscountAmount             int64                     `json:"discount_amount"`
	DiscountAmounts            []discountAmount          `json:"discount_amounts"`
	EffectiveAt                *int64                    `json:"effective_at"`
	Invoice                    string                    `json:"invoice"`
	Lines                      state.Sublist[creditLine] `json:"lines"`
	Memo                       *string                   `json:"memo"`
	Metadata                   map[string]string         `json:"metadata"`
	Number                     string                    `json:"number"`
	OutOfBandAmount            *int64                    `json:"out_of_band_amount"`
	PDF                        string                    `json:"pdf"`
	Reason                     *string                   `json:"reason"`
	Refund                     *string                   `json:"refund"`
	ShippingCost               *struct{}                 `json:"shipping_cost"`
	Status                     string                    `json:"status"`
	Subtotal                   int64                     `json:"subtotal"`
	SubtotalExcludingTax       int64                     `json:"subtotal_excluding_tax"`
	TaxAmounts                 []taxAmount               `json:"tax_amounts"`
	Total                      int64                     `json:"total"`
	TotalExcludingTax          int64                     `json:"total_excluding_tax"`
	Type                       string                    `json:"type"`
	VoidedAt                   *int64                    `json:"voided_at"`
}

// creditLine is what a credit note takes back of one line, or for a reason of its own.
type creditLine struct {
	ID                     string           `json:"id"`
	Object                 string           `json:"object"`
	Amount                 int64            `json:"amount"`
	AmountExcludingTax     int64            `json:"amount_excluding_tax"`
	Description            *string          `json:"description"`
	DiscountAmount         int64            `json:"discount_amount"`
	DiscountAmounts        []discountAmount `json:"discount_amounts"`
	InvoiceLineItem        string           `json:"invoice_line_item,omitempty"`
	Livemode               bool             `json:"livemode"`
	Quantity               *int64           `json:"quantity"`
	TaxAmounts             []taxAmount      `json:"tax_amounts"`
	TaxRates               []string         `json:"tax_rates"`
	Type                   string           `json:"type"`
	UnitAmount             *int64           `json:"unit_amount"`
	UnitAmountDecimal      *string          `json:"unit_amount_decimal"`
	UnitAmountExcludingTax *string          `json:"unit_amount_excluding_tax"`
}

// newCredit is what a request for a credit note asks for.
type newCredit struct {
	invoice                           string
	amount, refund, credit, outOfBand *int64
	lines                             []creditedLine
	memo, reason                      *string
	metadata                          form.MetadataChange
}

// creditedLine is an element of the parameter lines.
type creditedLine struct {
	param                    string
	kind                     string
	line, description        *string
	quantity, amount, single *int64
}

func readNewCredit(p *form.Params) newCredit {
	in := newCredit{
		invoice: p.Required("invoice", form.MaxText), amount: p.Between("amount", 0, billing.MaxAmount("idr")),
		refund: p.Between("refund_amount", 0, billing.MaxAmount("idr")), credit: p.Between("credit_amount", 0, billing.MaxAmount("idr")),
		outOfBand: p.Between("out_of_band_amount", 0, billing.MaxAmount("idr")), memo: p.Text("memo", form.MaxText),
		reason:   p.Choice("reason", "duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
		metadata: p.Metadata(),
	}
	for _, element := range p.Objects("lines") {
		one := creditedLine{
			param: element.Path, kind: form.OrDefault(element.Choice("type", "custom_line_item", "invoice_line_item"), ""),
			line: element.Text("invoice_line_item", form.MaxText), description: element.Text("description", form.MaxText),
			quantity: element.Between("quantity", 1, 1_000_000), amount: element.Between("amount", 0, billing.MaxAmount("idr")),
			single: element.Between("unit_amount", 0, billing.MaxAmount("idr")),
		}
		switch {
		case one.kind == "":
			element.Missing("type")
		case one.kind == "invoice_line_item" && one.line == nil:
			element.Missing("invoice_line_item")
		case one.kind == "custom_line_item" && (one.single == nil || one.description == nil):
			p.Fail(apierror.Invalid(element.Path, "A custom line item needs `description`, `quantity` and `unit_amount`."))
		}
		in.lines = append(in.lines, one)
	}
	if in.amount == nil && len(in.lines) == 0 {
		p.Fail(apierror.Invalid("", "You must provide `amount` or `lines`."))
	}
	return in
}

func createCreditNote(c *state.Request) (any, error) {
	made, due, in, err := draftCreditNote(c)
	if err != nil {
		return nil, err
	}
	if due.Status == "paid" {
		err = giveBack(c.Tx, made, due, in)
	} else {
		err = reduceInvoice(c.Tx, made, due)
	}
	if err != nil {
		return nil, err
	}
	return made, c.Create(made, "credit_note.created")
}

// previewCreditNote is what a credit note would be. Nothing is stored.
func previewCreditNote(c *state.Request) (any, error) {
	made, _, _, err := draftCreditNote(c)
	return made, err
}

// draftCreditNote adds a credit note up as a request asks for it, and checks it against
// its invoice.
func draftCreditNote(c *state.Request) (*CreditNote, *Invoice, newCredit, error) {
	in := readNewCredit(c.Params)
	if err := c.Params.Done("effective_at", "refund", "shipping_cost"); err != nil {
		return nil, nil, in, err
	}
	due, err := state.Find[Invoice](c.Tx, "invoice", in.invoice, apierror.UnknownReference("invoice", in.invoice, "invoice"))
	if err != nil {
		return nil, nil, in, err
	}
	if due.Status == "draft" || due.Status == "void" {
		return nil, nil, in, apierror.Invalid("invoice", "You can only create credit notes for open or paid invoices; this one is %s.", due.Status)
	}
	made, err := newCreditNote(c.Tx, due, in)
	if err != nil {
		return nil, nil, in, err
	}
	return made, due, in, checkCredit(made, due, in)
}

// newCreditNote is the note that a request asks for. It is not stored.
func newCreditNote(t *state.Tx, due *Invoice, in newCredit) (*CreditNote, error) {
	before, err := state.FindAll[CreditNote](t, "credit_note", state.Equal("invoice", due.ID))
	if err != nil {
		return nil, err
	}
	made := &CreditNote{
		Record: t.NewRecord("credit_note", "cn_1"), Currency: due.Currency, Customer: due.Customer, EffectiveAt: &t.Now, Invoice: due.ID,
		Memo: in.memo, Number: fmt.Sprintf("%s-CN-%02d", form.OrDefault(due.Number, due.ID), len(before)+1), OutOfBandAmount: in.outOfBand,
		PDF: form.OrDefault(due.InvoicePDF, ""), Reason: in.reason, Status: "issued", Type: "pre_payment",
		DiscountAmounts: []discountAmount{}, TaxAmounts: []taxAmount{},
	}
	if due.Status == "paid" {
		made.Type = "post_payment"
	}
	made.Lines = state.Sublist[creditLine]{Object: "list", URL: "/v1/credit_notes/" + made.ID + "/lines", Data: []creditLine{}}
	if len(in.lines) == 0 {
		made.add(customCredit(*in.amount, 1, nil))
	}
	for _, asked := range in.lines {
		line, err := asked.of(due)
		if err != nil {
			return nil, err
		}
		made.add(line)
	}
	made.Metadata, err = in.metadata.ApplyTo(nil)
	return made, err
}

// customCredit is a line for a reason of its own.
func customCredit(each, quantity int64, description *string) creditLine {
	text := fmt.Sprint(each)
	return creditLine{
		ID: state.NewID("cnli_1"), Object: "credit_note_line_item", Amount: each * quantity, AmountExcludingTax: each * quantity,
		Description: description, DiscountAmounts: []discountAmount{}, Quantity: &quantity, TaxAmounts: []taxAmount{}, TaxRates: []string{},
		Type: "custom_line_item", UnitAmount: &each, UnitAmountDecimal: &text, UnitAmountExcludingTax: &text,
	}
}

// of is what the element takes back of an invoice: of a line its share of discounts and
// taxes too.
func (x creditedLine) of(due *Invoice) (creditLine, error) {
	if x.kind == "custom_line_item" {
		return customCredit(*x.single, form.OrDefault(x.quantity, 1), x.description), nil
	}
	for i := range due.Lines.Data {
		if line := &due.Lines.Data[i]; line.ID == *x.line {
			amount := line.Amount
			switch {
			case x.amount != nil:
				amount = *x.amount
			case x.quantity != nil && line.Quantity > 0:
				amount = line.Amount * min(*x.quantity, line.Quantity) / line.Quantity
			}
			if amount > line.Amount {
				return creditLine{}, apierror.Invalid(x.param+"[amount]", "The amount is more than that of the invoice line item.")
			}
			return shareOf(line, amount, x), nil
		}
	}
	return creditLine{}, apierror.UnknownReference("invoice_line_item", *x.line, x.param+"[invoice_line_item]")
}

func shareOf(line *InvoiceLine, amount int64, asked creditedLine) creditLine {
	part := func(whole int64) int64 {
		if line.Amount == 0 {
			return 0
		}
		return whole * amount / line.Amount
	}
	description := line.Description
	shared := creditLine{
		ID: state.NewID("cnli_1"), Object: "credit_note_line_item", Amount: amount, AmountExcludingTax: part(line.AmountExcludingTax),
		Description: &description, DiscountAmounts: []discountAmount{}, InvoiceLineItem: line.ID, Quantity: asked.quantity,
		TaxAmounts: []taxAmount{}, TaxRates: append([]string{}, line.TaxRates...), Type: "invoice_line_item", UnitAmountExcludingTax: line.UnitAmountExcludingTax,
	}
	for _, taken := range line.DiscountAmounts {
		off := discountAmount{Amount: part(taken.Amount), Discount: taken.Discount}
		shared.DiscountAmounts = append(shared.DiscountAmounts, off)
		shared.DiscountAmount += off.Amount
	}
	for _, levied := range line.TaxAmounts {
		levied.Amount, levied.TaxableAmount = part(levied.Amount), part(levied.TaxableAmount)
		shared.TaxAmounts = append(shared.TaxAmounts, levied)
	}
	return shared
}

// add puts a line on the note, and adds it up.
func (x *CreditNote) add(line creditLine) {
	x.Lines.Data = append(x.Lines.Data, line)
	x.Subtotal += line.Amount
	x.SubtotalExcludingTax += line.AmountExcludingTax
	x.Total += line.Amount - line.DiscountAmount
	x.TotalExcludingTax += line.Amount - line.DiscountAmount
	x.DiscountAmount += line.DiscountAmount
	x.DiscountAmounts = append(x.DiscountAmounts, line.DiscountAmounts...)
	for _, levied := range line.TaxAmounts {
		x.TaxAmounts = append(x.TaxAmounts, levied)
		if levied.Inclusive {
			x.TotalExcludingTax -= levied.Amount
		} else {
			x.Total += levied.Amount
		}
	}
	x.Amount = x.Total
}

// checkCredit refuses to take back more than there is, and to leave open where the
// money of a paid invoice goes.
func checkCredit(made *CreditNote, due *Invoice, in newCredit) error {
	shared := form.OrDefault(in.refund, 0) + form.OrDefault(in.credit, 0) + form.OrDefault(in.outOfBand, 0)
	most := due.AmountRemaining
	if due.Status == "paid" {
		most = due.AmountPaid - due.PostPaymentCreditNotesAmount
	}
	switch {
	case made.Total > most:
		return apierror.Invalid("amount", "The sum of credit amounts exceeds the amount that can be credited for this invoice (%d).", most)
	case due.Status == "paid" && shared != made.Total:
		return apierror.Invalid("", "The sum of credit_amount, refund_amount and out_of_band_amount (%d) must equal the credit note amount (%d).", shared, made.Total)
	case due.Status != "paid" && shared != 0:
		return apierror.Invalid("", "You can only use credit_amount, refund_amount and out_of_band_amount for paid invoices.")
	}
	return nil
}

// giveBack returns what a paid invoice took: to the card, to the customer's balance, or
// outside of Stripe.
func giveBack(t *state.Tx, made *CreditNote, due *Invoice, in newCredit) error {
	if form.OrDefault(in.refund, 0) > 0 {
		if due.Charge == nil {
			return apierror.Invalid("refund_amount", "This invoice has no charge to refund.")
		}
		charged, err := state.Find[Charge](t, "charge", *due.Charge, apierror.NotFound("charge", *due.Charge, "charge"))
		if err != nil {
			return err
		}
		returned, err := refund(t, charged, in.refund, nil, form.MetadataChange{})
		if err != nil {
			return err
		}
		made.Refund = &returned.ID
	}
	if credit := form.OrDefault(in.credit, 0); credit > 0 {
		payer, err := payerOf(t, due.Customer)
		if err != nil {
			return err
		}
		moved, err := customer.MoveBalance(t, payer, -credit, customer.BalanceCredited, &due.ID, &made.ID)
		if err != nil {
			return err
		}
		made.CustomerBalanceTransaction = &moved.ID
		if err := t.Update(payer, "customer.updated"); err != nil {
			return err
		}
	}
	due.PostPaymentCreditNotesAmount += made.Total
	return t.Update(due, "invoice.updated")
}

// reduceInvoice lowers what an open invoice asks for. One that asks for nothing any
// more is paid.
func reduceInvoice(t *state.Tx, made *CreditNote, due *Invoice) error {
	due.PrePaymentCreditNotesAmount += made.Total
	if err := due.changeAmount(t, -made.Total); err != nil {
		return err
	}
	if due.AmountDue > 0 {
		return t.Update(due, "invoice.updated")
	}
	if err := cancelIntent(t, due, "void_invoice"); err != nil {
		return err
	}
	return settleInvoice(t, due)
}

// changeAmount changes what an open invoice asks for, and its intent with it.
func (x *Invoice) changeAmount(t *state.Tx, by int64) error {
	x.AmountDue += by
	x.AmountRemaining = x.AmountDue - x.AmountPaid
	if x.PaymentIntent == nil || x.AmountDue == 0 {
		return nil
	}
	intent, err := IntentOf(t, x)
	if err != nil {
		return err
	}
	intent.Amount = x.AmountDue
	return t.Replace(intent, false) // Stripe has no event for that
}

func namedCreditNote(c *state.Request) (*CreditNote, error) {
	return state.Find[CreditNote](c.Tx, "credit_note", c.ID(), apierror.NotFound("credit_note", c.ID(), "id"))
}

func getCreditNote(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedCreditNote(c)
}

func updateCreditNote(c *state.Request) (any, error) {
	memo, metadata := c.Params.Clearable("memo", form.MaxText), c.Params.Metadata()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedCreditNote(c)
	if err != nil {
		return nil, err
	}
	form.SetNullable(&changed.Memo, memo)
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "credit_note.updated")
}

// voidCreditNote takes a note back, as long as its invoice waits to be paid.
func voidCreditNote(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	note, err := namedCreditNote(c)
	if err != nil {
		return nil, err
	}
	due, err := InvoiceByID(c.Tx, note.Invoice)
	if err != nil {
		return nil, err
	}
	if note.Status == "void" || due.Status != "open" {
		return nil, apierror.Invalid("", "You can only void issued credit notes of open invoices.")
	}
	note.Status, note.VoidedAt = "void", &c.Now
	due.PrePaymentCreditNotesAmount -= note.Total
	if err := due.changeAmount(c.Tx, note.Total); err != nil {
		return nil, err
	}
	if err := c.Update(due, "invoice.updated"); err != nil {
		return nil, err
	}
	return note, c.Update(note, "credit_note.voided")
}

func listCreditNotes(c *state.Request) (any, error) {
	list := c.NewList("credit_note", "/v1/credit_notes")
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.MatchObject("invoice", "invoice", c.Params.Text("invoice", form.MaxText))
	list.MatchTime("created")
	return list.Run()
}

func listCreditNoteLines(c *state.Request) (any, error) {
	page := c.ReadSublist()
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	of, err := namedCreditNote(c)
	if err != nil {
		return nil, err
	}
	return state.PageOf(page, of.Lines, func(line creditLine) string { return line.ID })
}
