package stripesim

// endpoint does the work of one API request inside its transaction, and returns what to render.
type endpoint func(c *call) (any, error)

// endpoints is the API: every path that the sandbox knows.
func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"POST /v1/products":        createProduct,
		"GET /v1/products":         listProducts,
		"GET /v1/products/{id}":    getProduct,
		"POST /v1/products/{id}":   updateProduct,
		"DELETE /v1/products/{id}": deleteProduct,

		"POST /v1/prices":      createPrice,
		"GET /v1/prices":       listPrices,
		"GET /v1/prices/{id}":  getPrice,
		"POST /v1/prices/{id}": updatePrice,

		"POST /v1/customers":        createCustomer,
		"GET /v1/customers":         listCustomers,
		"GET /v1/customers/{id}":    getCustomer,
		"POST /v1/customers/{id}":   updateCustomer,
		"DELETE /v1/customers/{id}": deleteCustomer,

		"GET /v1/payment_methods":                listPaymentMethods,
		"GET /v1/payment_methods/{id}":           getPaymentMethod,
		"POST /v1/payment_methods/{id}/attach":   attachPaymentMethod,
		"POST /v1/payment_methods/{id}/detach":   detachPaymentMethod,
		"GET /v1/customers/{id}/payment_methods": listCustomerPaymentMethods,

		"POST /v1/subscriptions":             createSubscription,
		"GET /v1/subscriptions":              listSubscriptions,
		"GET /v1/subscriptions/{id}":         getSubscription,
		"POST /v1/subscriptions/{id}":        updateSubscription,
		"DELETE /v1/subscriptions/{id}":      cancelSubscription,
		"POST /v1/subscriptions/{id}/resume": resumeSubscription,

		"GET /v1/subscription_items":         listSubscriptionItems,
		"POST /v1/subscription_items":        createSubscriptionItem,
		"GET /v1/subscription_items/{id}":    getSubscriptionItem,
		"POST /v1/subscription_items/{id}":   updateSubscriptionItem,
		"DELETE /v1/subscription_items/{id}": deleteSubscriptionItem,

		"GET /v1/invoices":                          listInvoices,
		"GET /v1/invoices/{id}":                     getInvoice,
		"DELETE /v1/invoices/{id}":                  deleteInvoice,
		"POST /v1/invoices/{id}/finalize":           finalizeInvoice,
		"POST /v1/invoices/{id}/pay":                payInvoice,
		"POST /v1/invoices/{id}/send":               sendInvoice,
		"POST /v1/invoices/{id}/void":               voidInvoice,
		"POST /v1/invoices/{id}/mark_uncollectible": markUncollectible,
		"GET /v1/invoiceitems":                      listInvoiceItems,
		"GET /v1/invoiceitems/{id}":                 getInvoiceItem,

		"GET /v1/payment_intents":               listPaymentIntents,
		"GET /v1/payment_intents/{id}":          getPaymentIntent,
		"POST /v1/payment_intents/{id}/confirm": confirmPaymentIntent,
		"GET /v1/charges/{id}":                  getCharge,

		"POST /v1/setup_intents":              createSetupIntent,
		"GET /v1/setup_intents":               listSetupIntents,
		"GET /v1/setup_intents/{id}":          getSetupIntent,
		"POST /v1/setup_intents/{id}/confirm": confirmSetupIntent,
		"POST /v1/setup_intents/{id}/cancel":  cancelSetupIntent,

		"POST /v1/checkout/sessions":                createCheckoutSession,
		"GET /v1/checkout/sessions":                 listCheckoutSessions,
		"GET /v1/checkout/sessions/{id}":            getCheckoutSession,
		"GET /v1/checkout/sessions/{id}/line_items": listCheckoutItems,
		"POST /v1/checkout/sessions/{id}/expire":    expireCheckoutSession,
		"POST /v1/billing_portal/sessions":          createPortalSession,

		"GET /v1/account": getOwnAccount,

		"GET /v1/events":      listEvents,
		"GET /v1/events/{id}": getEvent,

		"POST /v1/test_helpers/test_clocks":              createTestClock,
		"GET /v1/test_helpers/test_clocks":               listTestClocks,
		"GET /v1/test_helpers/test_clocks/{id}":          getTestClock,
		"DELETE /v1/test_helpers/test_clocks/{id}":       deleteTestClock,
		"POST /v1/test_helpers/test_clocks/{id}/advance": advanceTestClock,

		"POST /v1/webhook_endpoints":        createEndpoint,
		"GET /v1/webhook_endpoints":         listEndpoints,
		"GET /v1/webhook_endpoints/{id}":    getEndpoint,
		"POST /v1/webhook_endpoints/{id}":   updateEndpoint,
		"DELETE /v1/webhook_endpoints/{id}": deleteEndpoint,
	}
}
