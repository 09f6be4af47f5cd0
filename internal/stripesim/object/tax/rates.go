// Package tax has the tax rates that an account's owner makes.
package tax

import (
	"encoding/json"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/billing"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Rate is a percentage that an authority asks of what is sold.
type Rate struct {
	state.Record
	Active              bool              `json:"active"`
	Country             *string           `json:"country"`
	Description         *string           `json:"description"`
	DisplayName         string            `json:"display_name"`
	EffectivePercentage *json.Number      `json:"effective_percentage"` // only of what Stripe computes by itself
	Inclusive           bool              `json:"inclusive"`
	Jurisdiction        *string           `json:"jurisdiction"`
	JurisdictionLevel   *string           `json:"jurisdiction_level"`
	Metadata            map[string]string `json:"metadata"`
	Percentage          json.Number       `json:"percentage"`
	State               *string           `json:"state"`
	TaxType             *string           `json:"tax_type"`
}

// Routes are the endpoints of tax rates. There is none to delete one.
func Routes() map[string]state.Endpoint {
	return map[string]state.Endpoint{
		"POST /v1/tax_rates":      createRate,
		"GET /v1/tax_rates":       listRates,
		"GET /v1/tax_rates/{id}":  getRate,
		"POST /v1/tax_rates/{id}": updateRate,
	}
}

// rateChange is what creation and update have in common.
type rateChange struct {
	active                                             *bool
	country, description, jurisdiction, province, kind *string
	metadata                                           form.MetadataChange
}

func readRateChange(p *form.Params) rateChange {
	return rateChange{
		active: p.Boolean("active"), country: p.Clearable("country", form.MaxText), description: p.Clearable("description", form.MaxText),
		jurisdiction: p.Clearable("jurisdiction", 50), province: p.Clearable("state", 3), metadata: p.Metadata(),
		kind: p.Choice("tax_type", "", "amusement_tax", "communications_tax", "gst", "hst", "igst", "jct", "lease_tax", "pst", "qst", "rst", "sales_tax", "vat"),
	}
}

func (change rateChange) applyTo(x *Rate) (err error) {
	form.Set(&x.Active, change.active)
	form.SetNullable(&x.Country, change.country)
	form.SetNullable(&x.Description, change.description)
	form.SetNullable(&x.Jurisdiction, change.jurisdiction)
	form.SetNullable(&x.State, change.province)
	form.SetNullable(&x.TaxType, change.kind)
	x.Metadata, err = change.metadata.ApplyTo(x.Metadata)
	return err
}

func createRate(c *state.Request) (any, error) {
	made := &Rate{Record: c.NewRecord("tax_rate", "txr_1"), Active: true, DisplayName: c.Params.Required("display_name", 50)}
	if inclusive := c.Params.Boolean("inclusive"); inclusive != nil {
		made.Inclusive = *inclusive
	} else {
		c.Params.Missing("inclusive")
	}
	if percentage := c.Params.Percentage("percentage"); percentage != nil {
		made.Percentage = *percentage
	} else {
		c.Params.Missing("percentage")
	}
	change := readRateChange(c.Params)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	if err := change.applyTo(made); err != nil {
		return nil, err
	}
	return made, c.Create(made, "tax_rate.created")
}

func namedRate(c *state.Request) (*Rate, error) {
	return state.Find[Rate](c.Tx, "tax_rate", c.ID(), apierror.NotFound("tax_rate", c.ID(), "tax_rate"))
}

func getRate(c *state.Request) (any, error) {
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	return namedRate(c)
}

func updateRate(c *state.Request) (any, error) {
	name, change := c.Params.Text("display_name", 50), readRateChange(c.Params)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	changed, err := namedRate(c)
	if err != nil {
		return nil, err
	}
	form.Set(&changed.DisplayName, name)
	if err := change.applyTo(changed); err != nil {
		return nil, err
	}
	return changed, c.Update(changed, "tax_rate.updated")
}

func listRates(c *state.Request) (any, error) {
	list := c.NewList("tax_rate", "/v1/tax_rates")
	list.MatchBool("active", c.Params.Boolean("active"))
	list.MatchBool("inclusive", c.Params.Boolean("inclusive"))
	list.MatchTime("created")
	return list.Run()
}

// Choice is what a request says about the tax rates of something: none or several, or
// nothing at all.
type Choice struct {
	ids   []string
	given bool
	param string
}

// Read reads a parameter that holds the ids of tax rates.
func Read(p *form.Params, key string) Choice {
	ids, given := p.Texts(key)
	if len(ids) > 5 && p.Path == "" {
		p.Fail(apierror.Invalid(key, "You can only have up to 5 tax rates."))
	}
	return Choice{ids: ids, given: given, param: p.Name(key)}
}

// Given says whether the request mentions the parameter.
func (x Choice) Given() bool { return x.given }

// ApplyTo sets a field to the chosen rates, which have to be there and active.
func (x Choice) ApplyTo(t *state.Tx, field *[]string) error {
	if !x.given {
		return nil
	}
	for _, id := range x.ids {
		rate, err := state.Find[Rate](t, "tax_rate", id, apierror.UnknownReference("tax_rate", id, x.param))
		if err != nil {
			return err
		}
		if !rate.Active {
			return apierror.Invalid(x.param, "The tax rate %s is not active.", id)
		}
	}
	*field = x.ids
	return nil
}

// Load loads the tax rates that something has.
func Load(t *state.Tx, ids []string) ([]*Rate, error) {
	var rates []*Rate
	for _, id := range ids {
		rate, err := state.Find[Rate](t, "tax_rate", id, apierror.NotFound("tax_rate", id, "tax_rate"))
		if err != nil {
			return nil, err
		}
		rates = append(rates, rate)
	}
	return rates, nil
}

// Levies are the rates as the calculation wants them.
func Levies(rates []*Rate) []billing.Levy {
	var levies []billing.Levy
	for _, rate := range rates {
		levies = append(levies, billing.Levy{Percentage: rate.Percentage.String(), Inclusive: rate.Inclusive})
	}
	return levies
}
