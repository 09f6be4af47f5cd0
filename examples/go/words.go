package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/currency"

	"tallystick/examples/go/billing"
)

// refusal is the error that a mutation's userErrors tell a person; nil when there are none.
func refusal(userErrors []billing.UserErrorFields) error {
	var said []error
	for _, e := range userErrors {
		text := e.Message
		if advice := adviceFor(e.Code); advice != "" {
			text += " " + advice
		}
		if e.DeclineCode != nil {
			text += fmt.Sprintf(" (%s)", *e.DeclineCode)
		}
		said = append(said, errors.New(text))
	}
	return errors.Join(said...)
}

// adviceFor says what the person at the command line can do about an error, where the message does not say so already.
// The linter wants every code of the schema in the switch.
func adviceFor(code billing.UserErrorCode) string {
	switch code {
	case billing.UserErrorCodeOperationInProgress, billing.UserErrorCodeStripeUnavailable:
		return "Try again in a moment."
	case billing.UserErrorCodePaymentMethodRequired:
		return "Name one, or send the customer to the billing portal."
	case billing.UserErrorCodeAuthenticationRequired:
		return "Send the customer to a checkout page: only the customer can confirm."
	case billing.UserErrorCodePriceNotActive, billing.UserErrorCodeProductArchived:
		return "The command plans shows what is on sale."
	case billing.UserErrorCodeInvalidInput,
		billing.UserErrorCodeNotFound,
		billing.UserErrorCodeIdempotencyKeyReused,
		billing.UserErrorCodeStripeRejected,
		billing.UserErrorCodePriceIsDefault,
		billing.UserErrorCodePriceUnchanged,
		billing.UserErrorCodeEmailTaken,
		billing.UserErrorCodeExternalIdTaken,
		billing.UserErrorCodeCardDeclined,
		billing.UserErrorCodeInvalidTransition,
		billing.UserErrorCodeSubscriptionEnded,
		billing.UserErrorCodeAmbiguousItem:
		return ""
	}
	return fmt.Sprintf("(%s is newer than this program.)", code)
}

// describe is a price in words.
func describe(price *billing.PriceFields) string {
	if price == nil {
		return "no price"
	}
	text := "a price in tiers"
	if price.UnitAmount != nil {
		text = money(price.UnitAmount.Amount, price.UnitAmount.Currency)
	}
	if r := price.Recurring; r != nil {
		period := strings.ToLower(string(r.Interval))
		if r.IntervalCount != 1 {
			period = fmt.Sprintf("%d %ss", r.IntervalCount, period)
		}
		text += " each " + period
	}
	if price.LookupKey != nil {
		text += "\t" + *price.LookupKey
	}
	return text
}

// money writes minor units with the currency's digits: 2900 of USD is 29.00 USD.
func money(amount int64, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return fmt.Sprintf("%d minor units of %s", amount, code)
	}
	digits, _ := currency.Standard.Rounding(unit)
	if code == "ISK" || code == "UGX" {
		digits = 2 // Stripe writes these as if they had two decimals: https://docs.stripe.com/currencies#special-cases
	}
	text := fmt.Sprintf("%0*d", digits+1, amount)
	if digits > 0 {
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return text + " " + code
}

// line is a subscription on one line.
func line(s billing.SubscriptionFields) string {
	var items []string
	for _, item := range s.Items {
		text := item.Product.Name
		if item.Quantity != nil {
			text = fmt.Sprintf("%s × %d", text, *item.Quantity)
		}
		items = append(items, text)
	}
	text := fmt.Sprintf("%s  %s  %s", s.Id, s.Status, strings.Join(items, ", "))
	if s.CancelAtPeriodEnd && s.CurrentPeriodEnd != nil {
		text += "  ends on " + s.CurrentPeriodEnd.Format(time.DateOnly)
	}
	return text
}

func said(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
