package subscription

import "tallystick/internal/stripesim/state"

// addUp gives an invoice its lines, and what they come to: the discounts of the lines
// come first, then the invoice's, then taxes.
func (x *Invoice) addUp(t *state.Tx, lines []InvoiceLine) error {
	if lines == nil {
		lines = []InvoiceLine{}
	}
	x.Lines = state.Sublist[InvoiceLine]{Object: "list", URL: "/v1/invoices/" + x.ID + "/lines", Data: lines}
	x.Subtotal, x.TotalDiscountAmounts = 0, nil
	for i := range lines {
		lines[i].Invoice, lines[i].DiscountAmounts = x.ID, nil
	}
	if err := x.discountLines(t); err != nil {
		return err
	}
	x.Total = x.Subtotal
	for _, id := range x.Discounts {
		off, err := takeOff(t, lines, id, func(*InvoiceLine) bool { return true })
		if err != nil {
			return err
		}
		x.Total -= off
		x.countDiscount(id, off)
	}
	if err := x.taxLines(t); err != nil {
		return err
	}
	x.AmountDue = max(x.Total, 0)
	x.AmountRemaining = x.AmountDue
	return nil
}

// discountLines takes off what the lines have of their own. The subtotal is after that.
func (x *Invoice) discountLines(t *state.Tx) error {
	lines := x.Lines.Data
	for i := range lines {
		for _, id := range lines[i].Discounts {
			off, err := takeOff(t, lines, id, func(line *InvoiceLine) bool { return line == &lines[i] })
			if err != nil {
				return err
			}
			x.countDiscount(id, off)
		}
		x.Subtotal += lines[i].net()
	}
	return nil
}

func (x *Invoice) countDiscount(id string, amount int64) {
	for i := range x.TotalDiscountAmounts {
		if x.TotalDiscountAmounts[i].Discount == id {
			x.TotalDiscountAmounts[i].Amount += amount
			return
		}
	}
	x.TotalDiscountAmounts = append(x.TotalDiscountAmounts, discountAmount{Amount: amount, Discount: id})
}
