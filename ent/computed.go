package ent

import (
	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
)

// linkColumns are what StripeLink is made of.
var linkColumns = []string{
	price.FieldStripeID, price.FieldStripeStatus, price.FieldStripeSyncedAt, price.FieldStripeError,
	price.FieldStripeUnsupported, price.FieldStripeOperationID,
}

// computedFrom says which columns a field of the schema is made of that is not simply
// one of them. A field of neither kind has all columns read.
var computedFrom = map[string]map[string][]string{
	product.Label:  {"stripe": linkColumns},
	customer.Label: {"stripe": linkColumns},
	price.Label: {
		"unitAmount":        {price.FieldUnitAmount, price.FieldUnitAmountKnown, price.FieldCurrency},
		"unitAmountDecimal": {price.FieldUnitAmount, price.FieldUnitAmountKnown, price.FieldUnitAmountDecimal},
		"recurring":         {price.FieldInterval, price.FieldIntervalCount},
		"stripe":            linkColumns,
	},
	subscription.Label: {
		"pausedCollection": {subscription.FieldPausedBehavior, subscription.FieldPausedUntil},
		"stripe":           linkColumns,
	},
	subscriptionitem.Label: {"stripe": linkColumns},
	invoice.Label: {
		"total":           {invoice.FieldTotal, invoice.FieldCurrency},
		"amountDue":       {invoice.FieldAmountDue, invoice.FieldCurrency},
		"amountPaid":      {invoice.FieldAmountPaid, invoice.FieldCurrency},
		"amountRemaining": {invoice.FieldAmountRemaining, invoice.FieldCurrency},
		"stripe":          linkColumns,
	},
}

// columnsOf are the columns that a field is computed from; ok is false for one that the
// table above does not have.
func columnsOf(query any, field string) (columns []string, ok bool) {
	switch query.(type) {
	case *ProductQuery:
		columns, ok = computedFrom[product.Label][field]
	case *PriceQuery:
		columns, ok = computedFrom[price.Label][field]
	case *CustomerQuery:
		columns, ok = computedFrom[customer.Label][field]
	case *SubscriptionQuery:
		columns, ok = computedFrom[subscription.Label][field]
	case *SubscriptionItemQuery:
		columns, ok = computedFrom[subscriptionitem.Label][field]
	case *InvoiceQuery:
		columns, ok = computedFrom[invoice.Label][field]
	}
	return columns, ok
}

// selectComputed adds the columns that a field is computed from to those that a query
// reads.
func selectComputed(query any, field string, selected []string, seen map[string]struct{}) []string {
	columns, _ := columnsOf(query, field)
	for _, column := range columns {
		if _, ok := seen[column]; !ok {
			seen[column] = struct{}{}
			selected = append(selected, column)
		}
	}
	return selected
}

// isComputed reports whether the columns of a field are known.
func isComputed(query any, field string) bool {
	_, ok := columnsOf(query, field)
	return ok
}
