// Package discount has coupons, the promotion codes that stand for them, and the
// discounts that they become.
package discount

import (
	"encoding/json"
	"slices"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/catalog"
	"tallystick/internal/stripesim/state"
)

// How long a coupon reduces what its holder pays.
const (
	Once      = "once"
	repeating = "repeating"
	forever   = "forever"
)

// Coupon says what is taken off, and for how long.
type Coupon struct {
	state.Record
	AmountOff        *int64            `json:"amount_off"`
	AppliesTo        *appliesTo        `json:"applies_to,omitempty"`
	Currency         *string           `json:"currency"`
	Duration         string            `json:"duration"`
	DurationInMonths *int64            `json:"duration_in_months"`
	MaxRedemptions   *int64            `json:"max_redemptions"`
	Metadata         map[string]string `json:"metadata"`
	Name             *string           `json:"name"`
	PercentOff       *json.Number      `json:"percent_off"`
	RedeemBy         *int64            `json:"redeem_by"`
	TimesRedeemed    int64             `json:"times_redeemed"`
	Valid            bool              `json:"valid"`
}

// appliesTo are the products that a coupon reduces, where it does not reduce all.
type appliesTo struct {
	Products []string `json:"products"`
}

// Reduction is what the coupon takes off.
func (x *Coupon) Reduction() billing.Reduction {
	if x.PercentOff != nil {
		text := x.PercentOff.String()
		return billing.Reduction{Percent: &text}
	}
	return billing.Reduction{Amount: form.OrDefault(x.AmountOff, 0)}
}

// Covers says whether the coupon reduces what is paid for a product.
func (x *Coupon) Covers(product string) bool {
	return x.AppliesTo == nil || slices.Contains(x.AppliesTo.Products, product)
}

// Clock implements [state.Living]. Coupons do not hang on test clocks.
func (x *Coupon) Clock() string { return "" }

// NextDue is when the coupon can be redeemed no longer.
func (x *Coupon) NextDue(int64) int64 {
	if !x.Valid {
		return 0
	}
	return form.OrDefault(x.RedeemBy, 0)
}

// LiveCoupon is the end of a coupon's time. Stripe has no event for that.
func LiveCoupon(t *state.Tx, id string) error {
	expired, err := couponByID(t, id)
	if err != nil {
		return err
	}
	expired.Valid = false
	if err := t.Replace(expired, false); err != nil {
		return err
	}
	return t.Unschedule(id)
}

// couponByID loads a coupon that is on hand, deleted or not: what was redeemed stays.
func couponByID(t *state.Tx, id string) (*Coupon, error) {
	body, _, err := t.Body(id)
	if err != nil {
		return nil, err
	}
	return state.Decode[Coupon](body)
}

func namedCoupon(c *state.Request) (*Coupon, error) {
	return state.Find[Coupon](c.Tx, "coupon", c.ID(), apierror.NotFound("coupon", c.ID(), "coupon"))
}

// readCoupon reads what a new coupon takes off, and who may have it.
func readCoupon(p *form.Params, now int64) *Coupon {
	x := &Coupon{
		AmountOff: p.Between("amount_off", 1, billing.MaxAmount("idr")), PercentOff: p.Percentage("percent_off"), Currency: p.Text("currency", 3),
		Duration:         form.OrDefault(p.Choice("duration", forever, Once, repeating), Once),
		DurationInMonths: p.Between("duration_in_months", 1, 1200), MaxRedemptions: p.Between("max_redemptions", 1, 1_000_000_000),
		Name: readName(p), RedeemBy: p.Integer("redeem_by"), Valid: true,
	}
	if only := p.Object("applies_to"); only != nil {
		products, _ := only.Texts("products")
		x.AppliesTo = &appliesTo{Products: products}
	}
	if x.Currency != nil {
		*x.Currency = strings.ToLower(*x.Currency)
		catalog.CheckCurrency(p, *x.Currency)
	}
	switch {
	case x.AmountOff == nil && x.PercentOff == nil:
		p.Fail(apierror.Invalid("", "Must provide percent_off or amount_off."))
	case x.PercentOff != nil && x.PercentOff.String() == "0":
		p.Fail(apierror.Invalid("percent_off", "Invalid percentage: 0; must be greater than 0"))
	case x.AmountOff != nil && x.PercentOff != nil:
		p.Fail(apierror.Invalid("", "You may only specify one of these parameters: amount_off, percent_off."))
	case x.AmountOff != nil && x.Currency == nil:
		p.Fail(apierror.Invalid("currency", "You must pass currency when passing amount_off"))
	case x.Duration == repeating && x.DurationInMonths == nil:
		p.Missing("duration_in_months")
	case x.Duration != repeating && x.DurationInMonths != nil:
		p.Fail(apierror.Invalid("duration_in_months", "`duration_in_months` can only be used with a `duration` of `repeating`."))
	case x.RedeemBy != nil && *x.RedeemBy <= now:
		p.Fail(apierror.Invalid("redeem_by", "Invalid timestamp: must be an integer Unix timestamp in the future."))
	}
	if x.PercentOff != nil {
		x.Currency = nil // a percentage has none
	}
	return x
}

// readName reads the name that customers see of a coupon.
func readName(p *form.Params) *string {
	name := p.Clearable("name", form.MaxText)
	if name != nil && len([]rune(*name)) > 40 {
		p.Fail(apierror.Invalid("name", "Invalid string: %s; must be at most 40 characters", *name))
	}
	return name
}

func createCoupon(c *state.Request) (any, error) {
	id, metadata := c.Params.Text("id", 200), c.Params.Metadata()
	made := readCoupon(c.Params, c.Now)
	if err := c.Params.Done("currency_options"); err != nil {
		return nil, err
	}
	made.Record = state.Record{ID: state.RandomString(8, state.IDAlphabet), Object: "coupon", Created: c.Now}
	if id != nil {
		if _, _, err := c.Body(*id); err == nil {
			return nil, apierror.Invalid("id", "Coupon already exists.").WithCode("resource_already_exists")
		}
		made.ID = *id
	}
	if made.AppliesTo != nil {
		for _, product := range made.AppliesTo.Products {
			if _, err := state.Find[catalog.Product](c.Tx, "product", product, apierror.UnknownReference("product", product, "applies_to[products][0]")); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if made.Metadata, err = metadata.ApplyTo(nil); err != nil {
		return nil, err
	}
	return made, c.Create(made, "coupon.created")
}

func getCoupon(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedCoupon(c)
}

func updateCoupon(c *state.Request) (any, error) {
	name, metadata := readName(c.Params), c.Params.Metadata()
	if err := c.Params.Done("currency_options"); err != nil {
		return nil, err
	}
	changed, err := namedCoupon(c)
	if err != nil {
		return nil, err
	}
	form.SetNullable(&changed.Name, name)
	if changed.Metadata, err = metadata.ApplyTo(changed.Metadata); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "coupon.updated")
}

// deleteCoupon keeps anybody from redeeming it. Who has redeemed it keeps the discount.
func deleteCoupon(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	gone, err := namedCoupon(c)
	if err != nil {
		return nil, err
	}
	gone.Valid = false
	return state.StubOf(gone), c.Remove(gone, "coupon.deleted")
}

func listCoupons(c *state.Request) (any, error) {
	list := c.NewList("coupon", "/v1/coupons")
	list.MatchTime("created")
	return list.Run()
}
