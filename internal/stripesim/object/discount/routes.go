package discount

import "tallystick/internal/stripesim/state"

// Routes are the endpoints of coupons and promotion codes.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"POST /v1/coupons":        createCoupon,
		"GET /v1/coupons":         listCoupons,
		"GET /v1/coupons/{id}":    getCoupon,
		"POST /v1/coupons/{id}":   updateCoupon,
		"DELETE /v1/coupons/{id}": deleteCoupon,

		"POST /v1/promotion_codes":      createPromotionCode,
		"GET /v1/promotion_codes":       listPromotionCodes,
		"GET /v1/promotion_codes/{id}":  getPromotionCode,
		"POST /v1/promotion_codes/{id}": updatePromotionCode,
	}
}
