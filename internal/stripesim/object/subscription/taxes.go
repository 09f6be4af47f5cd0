package subscription

import (
	"math/big"
	"strings"

	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/object/tax"
	"tallystick/internal/stripesim/state"
)

// taxAmount is what one tax rate comes to.
type taxAmount struct {
	Amount           int64   `json:"amount"`
	Inclusive        bool    `json:"inclusive"`
	TaxRate          string  `json:"tax_rate"`
	TaxabilityReason *string `json:"taxability_reason"` // only of what Stripe computes by itself
	TaxableAmount    int64   `json:"taxable_amount"`
}

// taxLines adds to the lines of an invoice what their tax rates come to, and to the
// invoice their sum. The rates of a line stand instead of the invoice's. Customers who
// are exempt, or pay the tax themselves, pay none here.
func (x *Invoice) taxLines(t *state.Tx) error {
	x.TotalTaxAmounts, x.Tax = nil, nil
	x.SubtotalExcludingTax, x.TotalExcludingTax = x.Subtotal, x.Total
	for i := range x.Lines.Data {
		if err := x.taxLine(t, &x.Lines.Data[i]); err != nil {
			return err
		}
	}
	return nil
}

func (x *Invoice) taxLine(t *state.Tx, line *InvoiceLine) error {
	line.TaxAmounts, line.AmountExcludingTax = nil, line.Amount
	ids := line.TaxRates
	if len(ids) == 0 {
		ids = x.DefaultTaxRates
	}
	if len(ids) == 0 {
		return nil
	}
	rates, err := tax.Load(t, ids)
	if err != nil {
		return err
	}
	levies := tax.Levies(rates)
	if x.CustomerTaxExempt == "exempt" || x.CustomerTaxExempt == "reverse" {
		for i := range levies {
			levies[i].Percentage = "0"
		}
	}
	taxes, net := billing.Taxes(line.net(), levies)
	for i, rate := range rates {
		due := taxAmount{Amount: taxes[i], Inclusive: rate.Inclusive, TaxRate: rate.ID, TaxableAmount: net}
		line.TaxAmounts = append(line.TaxAmounts, due)
		x.countTax(due)
	}
	_, line.AmountExcludingTax = billing.Taxes(line.Amount, levies)
	line.UnitAmountExcludingTax = perUnit(line)
	x.SubtotalExcludingTax -= line.Amount - line.AmountExcludingTax
	return nil
}

// perUnit is what each unit of a line costs without tax; as it was where no tax is contained.
func perUnit(line *InvoiceLine) *string {
	if line.AmountExcludingTax == line.Amount || line.Quantity == 0 {
		return line.UnitAmountExcludingTax
	}
	text := big.NewRat(line.AmountExcludingTax, line.Quantity).FloatString(12)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	return &text
}

// countTax adds what a line has to pay to the invoice: a tax that is not in the price
// already makes it dearer.
func (x *Invoice) countTax(due taxAmount) {
	if x.Tax == nil {
		x.Tax = new(int64)
	}
	*x.Tax += due.Amount
	if due.Inclusive {
		x.TotalExcludingTax -= due.Amount
	} else {
		x.Total += due.Amount
	}
	for i := range x.TotalTaxAmounts {
		if sum := &x.TotalTaxAmounts[i]; sum.TaxRate == due.TaxRate {
			sum.Amount, sum.TaxableAmount = sum.Amount+due.Amount, sum.TaxableAmount+due.TaxableAmount
			return
		}
	}
	x.TotalTaxAmounts = append(x.TotalTaxAmounts, due)
}
