package checkout

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/object/discount"
	"tallystick/internal/stripesim/state"
)

// readDiscount reads what a session is reduced by: the one element that the parameter
// discounts may have.
func (in *newSession) readDiscount(p *form.Params) {
	in.allowCodes = p.Boolean("allow_promotion_codes")
	chosen, _ := discount.ReadList(p, "coupon", "promotion_code")
	switch {
	case len(chosen) > 1:
		p.Fail(apierror.Invalid("discounts", "You may only specify one discount."))
	case len(chosen) == 1 && form.OrDefault(in.allowCodes, false):
		p.Fail(apierror.Invalid("discounts", "You may only specify one of these parameters: allow_promotion_codes, discounts."))
	case len(chosen) == 1 && in.mode == ModeSetup:
		p.Fail(apierror.Invalid("discounts", "You can not pass `discounts` in `setup` mode."))
	case len(chosen) == 1:
		in.discount = chosen[0]
	}
}

// holder is who redeems what reduces the session.
func (x *Session) holder() discount.Holder {
	return discount.Holder{
		Customer: form.OrDefault(x.Customer, ""), Clock: x.Private.Clock, CheckoutSession: &x.ID, Currency: form.OrDefault(x.Currency, ""),
		Amount: x.AmountSubtotal,
	}
}

// choice is what reduces the session, as a request would name it.
func (x *Session) choice() discount.Choice {
	return discount.Choice{Coupon: x.Private.Coupon, Promotion: x.Private.Promotion}
}

// Codes says whether the customer may type a promotion code.
func (x *Session) Codes() bool { return form.OrDefault(x.AllowPromotionCodes, false) }

// EnterCode reduces a session by the promotion code that its customer has typed; an
// empty one takes that back.
func EnterCode(t *state.Tx, session *Session, code string) error {
	if !session.Codes() {
		return apierror.Invalid("promotion_code", "This checkout takes no promotion codes.")
	}
	chosen := discount.Choice{}
	if code != "" {
		found, err := discount.PromotionByCode(t, code)
		if err != nil {
			return err
		}
		chosen.Promotion = &found.ID
	}
	if err := reduce(t, session, chosen); err != nil {
		return err
	}
	return t.Replace(session, false)
}

// reduce adds a session up with what a choice takes off, once that can be redeemed.
func reduce(t *state.Tx, session *Session, chosen discount.Choice) error {
	session.Private.Coupon, session.Private.Promotion = chosen.Coupon, chosen.Promotion
	off := make([]int64, len(session.Private.Items))
	if chosen.Redeems() {
		coupon, _, err := chosen.Check(t, session.holder())
		if err != nil {
			return err
		}
		amounts := make([]int64, len(off))
		for i, item := range session.Private.Items {
			terms, err := catalog.PriceByID(t, item.Price)
			if err != nil {
				return err
			}
			if coupon.Covers(terms.Product) {
				amounts[i] = item.AmountSubtotal
			}
		}
		off = coupon.Reduction().Of(amounts)
	}
	session.addUp(off)
	return nil
}

// addUp says what a session comes to with so much off each item. A trial asks for nothing yet.
func (x *Session) addUp(off []int64) {
	var subtotal, reduced int64
	for i := range x.Private.Items {
		item := &x.Private.Items[i]
		item.AmountDiscount, item.AmountTotal = off[i], item.AmountSubtotal-off[i]
		subtotal, reduced = subtotal+item.AmountSubtotal, reduced+off[i]
	}
	if x.Private.TrialDays != nil || x.Private.TrialEnd != nil {
		subtotal, reduced = 0, 0
	}
	total := subtotal - reduced
	x.AmountSubtotal, x.AmountTotal, x.TotalDetails = &subtotal, &total, &sessionTotals{Discount: reduced}
}
