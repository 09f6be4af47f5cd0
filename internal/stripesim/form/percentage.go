package form

import (
	"encoding/json"
	"math/big"
	"strings"

	"tallystick/internal/stripesim/apierror"
)

// Percentage reads a decimal from 0 to 100 with up to four places, as it is to be shown.
func (p *Params) Percentage(key string) *json.Number {
	text := p.Text(key, 40)
	if text == nil {
		return nil
	}
	value, ok := new(big.Rat).SetString(*text)
	switch {
	case !ok || strings.ContainsAny(*text, "eExXpP/_+"):
		p.Fail(apierror.Invalid(p.Name(key), "Invalid decimal: %s", *text))
		return nil
	case value.Sign() < 0 || value.Cmp(big.NewRat(100, 1)) > 0:
		p.Fail(apierror.Invalid(p.Name(key), "Invalid percentage: %s; must be between 0 and 100", *text))
		return nil
	}
	shown := json.Number(strings.TrimRight(strings.TrimRight(value.FloatString(4), "0"), "."))
	return &shown
}
