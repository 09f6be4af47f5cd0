package discount

import (
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/state"
)

// PromotionCode is a word by which customers redeem a coupon.
type PromotionCode struct {
	state.Record
	Active         bool              `json:"active"`
	Code           string            `json:"code"`
	Coupon         string            `json:"coupon"`
	Customer       *string           `json:"customer"`
	ExpiresAt      *int64            `json:"expires_at"`
	MaxRedemptions *int64            `json:"max_redemptions"`
	Metadata       map[string]string `json:"metadata"`
	Restrictions   restrictions      `json:"restrictions"`
	TimesRedeemed  int64             `json:"times_redeemed"`
}

// restrictions say for what a promotion code can be redeemed.
type restrictions struct {
	FirstTimeTransaction  bool    `json:"first_time_transaction"`
	MinimumAmount         *int64  `json:"minimum_amount"`
	MinimumAmountCurrency *string `json:"minimum_amount_currency"`
}

// Clock implements [state.Living]. Promotion codes do not hang on test clocks.
func (x *PromotionCode) Clock() string { return "" }

// NextDue is when the code can be redeemed no longer.
func (x *PromotionCode) NextDue(int64) int64 {
	if !x.Active {
		return 0
	}
	return form.OrDefault(x.ExpiresAt, 0)
}

// LivePromotionCode is the end of a code's time. Stripe has no event for that.
func LivePromotionCode(t *state.Tx, id string) error {
	expired, err := state.Find[PromotionCode](t, "promotion_code", id, apierror.NotFound("promotion_code", id, "promotion_code"))
	if err != nil {
		return err
	}
	expired.Active = false
	if err := t.Replace(expired, false); err != nil {
		return err
	}
	return t.Unschedule(id)
}

// PromotionByCode is the active promotion code that a customer has typed, in whatever case.
func PromotionByCode(t *state.Tx, code string) (*PromotionCode, error) {
	found, err := state.FindAll[PromotionCode](t, "promotion_code", state.Equal("active", true), sameCode(code))
	if err == nil && len(found) == 0 {
		return nil, apierror.Invalid("promotion_code", "This code is invalid.")
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// PromotionByID loads a promotion code that another object refers to.
func PromotionByID(t *state.Tx, id string) (*PromotionCode, error) {
	return state.Find[PromotionCode](t, "promotion_code", id, unknownPromotion(id, "promotion_code"))
}

// sameCode matches a code in whatever case.
func sameCode(code string) state.Condition {
	return state.Condition{Sql: "lower(body ->> '$.code') = ?", Args: []any{strings.ToLower(code)}}
}

// readRestrictions reads for what a code is.
func readRestrictions(p *form.Params) restrictions {
	var read restrictions
	given := p.Object("restrictions")
	if given == nil {
		return read
	}
	read.FirstTimeTransaction = form.OrDefault(given.Boolean("first_time_transaction"), false)
	read.MinimumAmount, read.MinimumAmountCurrency = given.Between("minimum_amount", 1, 999_999_999_999), given.Text("minimum_amount_currency", 3)
	if (read.MinimumAmount == nil) != (read.MinimumAmountCurrency == nil) {
		p.Fail(apierror.Invalid("restrictions[minimum_amount_currency]",
			"You must provide both `minimum_amount` and `minimum_amount_currency` to restrict a promotion code by amount."))
	}
	if read.MinimumAmountCurrency != nil {
		*read.MinimumAmountCurrency = strings.ToLower(*read.MinimumAmountCurrency)
		catalog.CheckCurrency(p, *read.MinimumAmountCurrency)
	}
	return read
}

func createPromotionCode(c *state.Request) (any, error) {
	made := &PromotionCode{
		Record: c.NewRecord("promotion_code", "promo_1"), Active: form.OrDefault(c.Params.Boolean("active"), true),
		Coupon:   c.Params.Required("coupon", form.MaxText),
		Customer: c.Params.Text("customer", form.MaxText), ExpiresAt: c.Params.Integer("expires_at"),
		MaxRedemptions: c.Params.Between("max_redemptions", 1, 1_000_000_000), Restrictions: readRestrictions(c.Params),
	}
	made.Code = form.OrDefault(c.Params.Text("code", 500), state.RandomString(8, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	metadata := c.Params.Metadata()
	if made.ExpiresAt != nil && *made.ExpiresAt <= c.Now {
		c.Params.Fail(apierror.Invalid("expires_at", "Invalid timestamp: must be an integer Unix timestamp in the future."))
	}
	if err := c.Params.Done("restrictions[currency_options]"); err != nil {
		return nil, err
	}
	coupon, err := state.Find[Coupon](c.Tx, "coupon", made.Coupon, apierror.UnknownReference("coupon", made.Coupon, "coupon"))
	if err != nil {
		return nil, err
	}
	if made.Customer != nil {
		if _, err := state.Find[state.Record](c.Tx, "customer", *made.Customer, apierror.UnknownReference("customer", *made.Customer, "customer")); err != nil {
			return nil, err
		}
	}
	if limit := coupon.MaxRedemptions; limit != nil && made.MaxRedemptions != nil && *made.MaxRedemptions > *limit {
		return nil, apierror.Invalid("max_redemptions", "The promotion code's max_redemptions cannot exceed its coupon's.")
	}
	if end := coupon.RedeemBy; end != nil && made.ExpiresAt != nil && *made.ExpiresAt > *end {
		return nil, apierror.Invalid("expires_at", "The promotion code cannot expire after its coupon.")
	}
	if made.Active {
		if err := checkCodeFree(c.Tx, made); err != nil {
			return nil, err
		}
	}
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	return made, c.Create(made, "promotion_code.created")
}

// checkCodeFree refuses a code that another active one has: customers could not tell
// them apart.
func checkCodeFree(t *state.Tx, x *PromotionCode) error {
	others, err := state.FindAll[PromotionCode](t, "promotion_code", state.Equal("active", true), sameCode(x.Code))
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.ID != x.ID && (other.Customer == nil || x.Customer == nil || *other.Customer == *x.Customer) {
			return apierror.Invalid("code", "An active promotion code with `code: %s` already exists.", other.Code)
		}
	}
	return nil
}

func namedPromotionCode(c *state.Request) (*PromotionCode, error) {
	return state.Find[PromotionCode](c.Tx, "promotion_code", c.ID(), apierror.NotFound("promotion_code", c.ID(), "promotion_code"))
}

func getPromotionCode(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedPromotionCode(c)
}

func updatePromotionCode(c *state.Request) (any, error) {
	active, metadata := c.Params.Boolean("active"), c.Params.Metadata()
	if err := c.Params.Done("restrictions"); err != nil {
		return nil, err
	}
	changed, err := namedPromotionCode(c)
	if err != nil {
		return nil, err
	}
	if active != nil && *active && !changed.Active {
		if err := changed.canBeActive(c.Tx); err != nil {
			return nil, err
		}
	}
	form.Set(&changed.Active, active)
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "promotion_code.updated")
}

// canBeActive refuses to bring back a code that nobody could redeem.
func (x *PromotionCode) canBeActive(t *state.Tx) error {
	coupon, err := couponByID(t, x.Coupon)
	if err != nil {
		return err
	}
	expired := x.ExpiresAt != nil && *x.ExpiresAt <= t.Now
	usedUp := x.MaxRedemptions != nil && x.TimesRedeemed >= *x.MaxRedemptions
	if expired || usedUp || !coupon.Valid {
		return apierror.Invalid("active", "This promotion code cannot be activated: it has expired, is used up, or its coupon is not valid any more.")
	}
	return checkCodeFree(t, x)
}

func listPromotionCodes(c *state.Request) (any, error) {
	list := c.NewList("promotion_code", "/v1/promotion_codes")
	list.MatchBool("active", c.Params.Boolean("active"))
	if code := c.Params.Text("code", form.MaxText); code != nil {
		list.Where(sameCode(*code))
	}
	list.MatchObject("coupon", "coupon", c.Params.Text("coupon", form.MaxText))
	list.MatchObject("customer", "customer", c.Params.Text("customer", form.MaxText))
	list.MatchTime("created")
	return list.Run()
}
