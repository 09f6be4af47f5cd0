package customer

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of customers, their payment methods and test clocks.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"GET /v1/customers/search": searchCustomers,
		"POST /v1/customers":       createCustomer,
		"GET /v1/customers":        listCustomers,
		"GET /v1/customers/{id}":   getCustomer,
		"POST /v1/customers/{id}":  updateCustomer,

		"POST /v1/customers/{id}/balance_transactions":               createBalanceMovement,
		"GET /v1/customers/{id}/balance_transactions":                listBalanceMovements,
		"GET /v1/customers/{id}/balance_transactions/{transaction}":  getBalanceMovement,
		"POST /v1/customers/{id}/balance_transactions/{transaction}": updateBalanceMovement,

		"GET /v1/customers/{id}/discount":    getDiscount,
		"DELETE /v1/customers/{id}/discount": deleteDiscount,

		"POST /v1/payment_methods":             createPaymentMethod,
		"POST /v1/payment_methods/{id}":        updatePaymentMethod,
		"GET /v1/payment_methods":              listPaymentMethods,
		"GET /v1/payment_methods/{id}":         getPaymentMethod,
		"POST /v1/payment_methods/{id}/attach": attachPaymentMethod,

		"GET /v1/customers/{id}/payment_methods": listCustomerPaymentMethods,

		"POST /v1/test_helpers/test_clocks":     createTestClock,
		"GET /v1/test_helpers/test_clocks":      listTestClocks,
		"GET /v1/test_helpers/test_clocks/{id}": getTestClock,
	}
}
