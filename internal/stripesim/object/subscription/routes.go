package subscription

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of subscriptions, invoices and payments.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"DELETE /v1/customers/{id}": deleteCustomer,

		"POST /v1/payment_methods/{id}/detach": detachPaymentMethod,

		"GET /v1/subscriptions/search":   searchSubscriptions,
		"GET /v1/invoices/search":        searchInvoices,
		"GET /v1/charges/search":         searchCharges,
		"GET /v1/payment_intents/search": searchPaymentIntents,

		"POST /v1/subscriptions":             createSubscription,
		"GET /v1/subscriptions":              listSubscriptions,
		"GET /v1/subscriptions/{id}":         getSubscription,
		"POST /v1/subscriptions/{id}":        updateSubscription,
		"DELETE /v1/subscriptions/{id}":      cancelSubscription,
		"POST /v1/subscriptions/{id}/resume": resumeSubscription,

		"DELETE /v1/subscriptions/{id}/discount": deleteSubscriptionDiscount,

		"POST /v1/subscription_schedules":              createSchedule,
		"GET /v1/subscription_schedules":               listSchedules,
		"GET /v1/subscription_schedules/{id}":          getSchedule,
		"POST /v1/subscription_schedules/{id}":         updateSchedule,
		"POST /v1/subscription_schedules/{id}/release": releaseSchedule,
		"POST /v1/subscription_schedules/{id}/cancel":  cancelSchedule,

		"GET /v1/subscription_items":         listSubscriptionItems,
		"POST /v1/subscription_items":        createSubscriptionItem,
		"GET /v1/subscription_items/{id}":    getSubscriptionItem,
		"POST /v1/subscription_items/{id}":   updateSubscriptionItem,
		"DELETE /v1/subscription_items/{id}": deleteSubscriptionItem,

		"POST /v1/subscription_items/{id}/usage_records":         createUsageRecord,
		"GET /v1/subscription_items/{id}/usage_record_summaries": listUsageSummaries,

		"POST /v1/invoices":                         createInvoice,
		"GET /v1/invoices/upcoming":                 upcomingInvoice,
		"GET /v1/invoices/upcoming/lines":           listUpcomingLines,
		"POST /v1/invoices/{id}":                    updateInvoice,
		"GET /v1/invoices/{id}/lines":               listInvoiceLines,
		"POST /v1/invoiceitems":                     createInvoiceItem,
		"POST /v1/invoiceitems/{id}":                updateInvoiceItem,
		"DELETE /v1/invoiceitems/{id}":              deleteInvoiceItem,
		"GET /v1/invoices":                          listInvoices,
		"GET /v1/invoices/{id}":                     getInvoice,
		"DELETE /v1/invoices/{id}":                  deleteInvoice,
		"POST /v1/invoices/{id}/finalize":           finalizeInvoice,
		"POST /v1/invoices/{id}/pay":                payInvoice,
		"POST /v1/invoices/{id}/send":               sendInvoice,
		"POST /v1/invoices/{id}/void":               voidInvoice,
		"POST /v1/invoices/{id}/mark_uncollectible": markUncollectible,

		"POST /v1/credit_notes":           createCreditNote,
		"GET /v1/credit_notes":            listCreditNotes,
		"GET /v1/credit_notes/preview":    previewCreditNote,
		"GET /v1/credit_notes/{id}":       getCreditNote,
		"POST /v1/credit_notes/{id}":      updateCreditNote,
		"POST /v1/credit_notes/{id}/void": voidCreditNote,
		"GET /v1/credit_notes/{id}/lines": listCreditNoteLines,

		"GET /v1/invoiceitems":      listInvoiceItems,
		"GET /v1/invoiceitems/{id}": getInvoiceItem,

		"GET /v1/payment_intents":               listPaymentIntents,
		"GET /v1/payment_intents/{id}":          getPaymentIntent,
		"POST /v1/payment_intents":              createPaymentIntent,
		"POST /v1/payment_intents/{id}":         updatePaymentIntent,
		"POST /v1/payment_intents/{id}/capture": capturePaymentIntent,
		"POST /v1/payment_intents/{id}/cancel":  cancelPaymentIntent,
		"POST /v1/payment_intents/{id}/confirm": confirmPaymentIntent,

		"GET /v1/charges":       listCharges,
		"POST /v1/charges":      createCharge,
		"POST /v1/charges/{id}": updateCharge,

		"POST /v1/refunds":      createRefund,
		"GET /v1/refunds":       listRefunds,
		"GET /v1/refunds/{id}":  getRefund,
		"POST /v1/refunds/{id}": updateRefund,

		"GET /v1/balance":                   getBalance,
		"GET /v1/balance_transactions":      listBalanceTransactions,
		"GET /v1/balance_transactions/{id}": getBalanceTransaction,

		"GET /v1/charges/{id}": getCharge,

		"POST /v1/setup_intents":              createSetupIntent,
		"GET /v1/setup_intents":               listSetupIntents,
		"GET /v1/setup_intents/{id}":          getSetupIntent,
		"POST /v1/setup_intents/{id}/confirm": confirmSetupIntent,
		"POST /v1/setup_intents/{id}/cancel":  cancelSetupIntent,

		"DELETE /v1/test_helpers/test_clocks/{id}":       deleteTestClock,
		"POST /v1/test_helpers/test_clocks/{id}/advance": advanceTestClock,
	}
}
