package discount

import (
	"fmt"
	"slices"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Discount is a coupon that somebody has redeemed.
type Discount struct {
	ID              string  `json:"id"`
	Object          string  `json:"object"`
	CheckoutSession *string `json:"checkout_session"`
	Coupon          string  `json:"coupon"`
	Customer        *string `json:"customer"`
	End             *int64  `json:"end"`
	Invoice         *string `json:"invoice"`
	InvoiceItem     *string `json:"invoice_item"`
	PromotionCode   *string `json:"promotion_code"`
	Start           int64   `json:"start"`
	Subscription    *string `json:"subscription"`
	Private         private `json:"_private"`
}

type private struct {
	Clock string `json:"clock"`
}

// Identity implements [state.Document].
func (x *Discount) Identity() (id, kind string) { return x.ID, x.Object }

// Clock implements [state.Living].
func (x *Discount) Clock() string { return x.Private.Clock }

// NextDue is when the discount ends.
func (x *Discount) NextDue(int64) int64 { return form.OrDefault(x.End, 0) }

// Ended says whether the discount reduces nothing any more at a moment.
func (x *Discount) Ended(at int64) bool { return x.End != nil && *x.End <= at }

// Choice is what a request says about a discount: a coupon or a promotion code to
// redeem, a discount that there is already, or that there is to be none.
type Choice struct {
	Coupon, Promotion, Existing *string
	param                       string // what stands before the parameters' names
}

// Read reads the parameters coupon and promotion_code. An empty one takes the discount away.
func Read(p *form.Params) Choice {
	chosen := Choice{Coupon: p.Clearable("coupon", form.MaxText), Promotion: p.Clearable("promotion_code", form.MaxText)}
	if isSet(chosen.Coupon) && isSet(chosen.Promotion) {
		p.Fail(apierror.Invalid("promotion_code", "You may only specify one of these parameters: coupon, promotion_code."))
	}
	return chosen
}

// ReadList reads the parameter discounts; given says whether the request mentions it at
// all. Keys are those that the endpoint knows for an element.
func ReadList(p *form.Params, keys ...string) (chosen []Choice, given bool) {
	given = p.Fields.Children["discounts"] != nil
	for _, element := range p.Objects("discounts") {
		one := Choice{param: element.Path}
		for key, target := range map[string]**string{"coupon": &one.Coupon, "promotion_code": &one.Promotion, "discount": &one.Existing} {
			if slices.Contains(keys, key) {
				*target = element.Text(key, form.MaxText)
			}
		}
		if !isSet(one.Coupon) && !isSet(one.Promotion) && !isSet(one.Existing) {
			element.Fail(apierror.Invalid(element.Path, "Each element of `discounts` must have one of: %s.", form.OrList(keys)))
		}
		chosen = append(chosen, one)
	}
	return chosen, given
}

func isSet(value *string) bool { return value != nil && *value != "" }

// Redeems says whether the choice names something to redeem.
func (x Choice) Redeems() bool { return isSet(x.Coupon) || isSet(x.Promotion) }

// Clears says whether the choice is to have no discount.
func (x Choice) Clears() bool {
	return !x.Redeems() && (x.Coupon != nil || x.Promotion != nil)
}

func (x Choice) name(key string) string {
	if x.param == "" {
		return key
	}
	return x.param + "[" + key + "]"
}

// Holder is who redeems, and for what.
type Holder struct {
	Customer string // empty where nobody is known yet
	Clock    string // the customer's test clock
	// What the discount is bound to, besides the customer.
	Subscription, Invoice, InvoiceItem, CheckoutSession *string
	Currency                                            string // of what is to be paid; empty: nothing yet
	Amount                                              *int64 // what is to be paid; nil: not known yet
}

// Check finds the coupon that a choice names, and refuses it where it cannot be redeemed.
func (x Choice) Check(t *state.Tx, holder Holder) (*Coupon, *PromotionCode, error) {
	var code *PromotionCode
	id, param := form.OrDefault(x.Coupon, ""), x.name("coupon")
	if isSet(x.Promotion) {
		param = x.name("promotion_code")
		var err error
		code, err = state.Find[PromotionCode](t, "promotion_code", *x.Promotion, unknownPromotion(*x.Promotion, param))
		if err != nil {
			return nil, nil, err
		}
		if err := code.check(t, holder, param); err != nil {
			return nil, nil, err
		}
		id = code.Coupon
	}
	coupon, err := state.Find[Coupon](t, "coupon", id, apierror.UnknownReference("coupon", id, param))
	if err != nil {
		return nil, nil, err
	}
	return coupon, code, coupon.check(t, holder, param)
}

func unknownPromotion(id, param string) *apierror.Error {
	return apierror.Invalid(param, "No such promotion code: '%s'", id).WithCode("resource_missing")
}

// check refuses a coupon that cannot be redeemed any more, or not for this.
func (x *Coupon) check(t *state.Tx, holder Holder, param string) error {
	usedUp := x.MaxRedemptions != nil && x.TimesRedeemed >= *x.MaxRedemptions
	switch {
	case x.RedeemBy != nil && *x.RedeemBy <= t.Now:
		return apierror.Invalid(param, "Coupon expired: %s", x.ID).WithCode("coupon_expired")
	case usedUp:
		return apierror.Invalid(param, "Coupon %s is used up and cannot be applied.", x.ID)
	case !x.Valid:
		return apierror.Invalid(param, "Coupon expired: %s", x.ID).WithCode("coupon_expired")
	case x.AmountOff != nil && holder.Currency != "" && *x.Currency != holder.Currency:
		return apierror.Invalid(param, "The coupon's currency (%s) does not match the currency of what is discounted (%s).", *x.Currency, holder.Currency)
	}
	return nil
}

// check refuses a promotion code that cannot be redeemed any more, or not by this
// customer or for this.
func (x *PromotionCode) check(t *state.Tx, holder Holder, param string) error {
	const refused = "This promotion code cannot be redeemed because "
	least := x.Restrictions.MinimumAmount
	switch {
	case x.ExpiresAt != nil && *x.ExpiresAt <= t.Now:
		return apierror.Invalid(param, refused+"it has expired.")
	case !x.Active:
		return apierror.Invalid(param, refused+"it is not active.")
	case x.Customer != nil && *x.Customer != holder.Customer:
		return apierror.Invalid(param, refused+"it belongs to another customer.")
	case least != nil && holder.Amount != nil && (*holder.Amount < *least || holder.Currency != *x.Restrictions.MinimumAmountCurrency):
		return apierror.Invalid(param, refused+"the associated purchase does not meet the minimum amount requirement.")
	case !x.Restrictions.FirstTimeTransaction || holder.Customer == "":
		return nil
	}
	prior, err := hasPaid(t, holder.Customer)
	if err == nil && prior {
		return apierror.Invalid(param, refused+"the associated customer has prior transactions.")
	}
	return err
}

// hasPaid says whether a customer has a successful payment, or an invoice that is not void.
func hasPaid(t *state.Tx, customer string) (paid bool, err error) {
	err = t.QueryRowContext(t.Ctx, `SELECT EXISTS (SELECT 1 FROM objects WHERE kind IN ('charge', 'invoice') AND kind <> 'event'
		AND body ->> '$.customer' = ? AND deleted = 0
		AND (body ->> '$.paid' = 1 OR kind = 'invoice' AND body ->> '$.status' NOT IN ('draft', 'void')))`, customer).Scan(&paid)
	if err != nil {
		err = fmt.Errorf("look for prior transactions: %w", err)
	}
	return paid, err
}

// Redeem turns what a choice names into a discount of the holder's. The coupon counts that.
func (x Choice) Redeem(t *state.Tx, holder Holder) (*Discount, error) {
	coupon, code, err := x.Check(t, holder)
	if err != nil {
		return nil, err
	}
	made := &Discount{
		ID: state.NewID("di_1"), Object: "discount", CheckoutSession: holder.CheckoutSession, Coupon: coupon.ID, Invoice: holder.Invoice,
		InvoiceItem: holder.InvoiceItem, Start: t.Now, Subscription: holder.Subscription, Private: private{Clock: holder.Clock},
	}
	if holder.Customer != "" {
		made.Customer = &holder.Customer
	}
	if coupon.Duration == repeating {
		end := billing.AddIntervals(time.Unix(t.Now, 0).UTC(), "month", int(*coupon.DurationInMonths)).Unix()
		made.End = &end
	}
	coupon.TimesRedeemed++
	if coupon.MaxRedemptions != nil && coupon.TimesRedeemed >= *coupon.MaxRedemptions {
		coupon.Valid = false
	}
	if err := t.Replace(coupon, false); err != nil {
		return nil, err
	}
	if code != nil {
		made.PromotionCode = &code.ID
		if code.TimesRedeemed++; code.MaxRedemptions != nil && code.TimesRedeemed >= *code.MaxRedemptions {
			code.Active = false
		}
		if err := t.Replace(code, false); err != nil {
			return nil, err
		}
	}
	return made, t.Create(made, "customer.discount.created")
}

// Resolve is the discount that a choice names: one that there is, or a new one.
func (x Choice) Resolve(t *state.Tx, holder Holder) (*Discount, error) {
	if x.Existing == nil {
		return x.Redeem(t, holder)
	}
	return state.Find[Discount](t, "discount", *x.Existing, apierror.UnknownReference("discount", *x.Existing, x.name("discount")))
}

// ByID loads a discount that another object refers to, with its coupon. Invoices keep
// theirs when it has ended.
func ByID(t *state.Tx, id string) (*Discount, *Coupon, error) {
	body, _, err := t.Body(id)
	if err != nil {
		return nil, nil, fmt.Errorf("read discount %s: %w", id, err)
	}
	found, err := state.Decode[Discount](body)
	if err != nil {
		return nil, nil, err
	}
	coupon, err := couponByID(t, found.Coupon)
	return found, coupon, err
}

// Remove takes a discount away, and returns what remains to be seen of it. What it has
// reduced stays reduced.
func Remove(t *state.Tx, id string) (remains any, err error) {
	gone, _, err := ByID(t, id)
	if err != nil {
		return nil, err
	}
	if err := t.Remove(gone, "customer.discount.deleted"); err != nil {
		return nil, err
	}
	return t.Remains(id)
}

// None is the answer where there is no discount to show or to delete.
func None(owner, id string) *apierror.Error {
	e := apierror.NotFound(owner, id, owner)
	e.Message = "No active discount for " + owner + ": " + id
	return e
}

// Change does to the discount of an object what a choice says. Current is the object's field.
func (x Choice) Change(t *state.Tx, current **string, holder Holder) error {
	if !x.Redeems() && !x.Clears() {
		return nil
	}
	if *current != nil {
		if _, err := Remove(t, **current); err != nil {
			return err
		}
		*current = nil
	}
	if !x.Redeems() {
		return nil
	}
	made, err := x.Redeem(t, holder)
	if err != nil {
		return err
	}
	*current = &made.ID
	return nil
}
