package catalog

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of products and prices.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"GET /v1/products/search": searchProducts,
		"GET /v1/prices/search":   searchPrices,

		"POST /v1/products":        createProduct,
		"GET /v1/products":         listProducts,
		"GET /v1/products/{id}":    getProduct,
		"POST /v1/products/{id}":   updateProduct,
		"DELETE /v1/products/{id}": deleteProduct,

		"POST /v1/prices":      createPrice,
		"GET /v1/prices":       listPrices,
		"GET /v1/prices/{id}":  getPrice,
		"POST /v1/prices/{id}": updatePrice,
	}
}
