package billing

import (
	"slices"
	"strings"
)

// Money is an amount in the minor units of its currency: cents for USD, yen
// for JPY, which has none.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"` // upper-case ISO 4217
}

// MaxAmount is the largest unit amount that Stripe takes in a currency, in minor
// units: eight digits, and more where a unit of the currency is worth little
// (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
func MaxAmount(currency string) int64 {
	switch currency {
	case "IDR":
		return 999_999_999_999
	case "COP", "HUF", "JPY", "LBP":
		return 9_999_999_999
	}
	return 99_999_999
}

// ParseCurrency accepts an ISO 4217 code in any case, if Stripe can present
// prices in it, and returns it in upper case.
func ParseCurrency(code string) (string, error) {
	upper := strings.ToUpper(code)
	if len(code) != 3 || !slices.Contains(currencies, upper) { // some letters become ASCII only in upper case
		if len(code) > 16 {
			code = code[:16] + "…"
		}
		return "", Errorf(CodeInvalidInput, "%q is not a currency that Stripe supports.", code)
	}
	return upper, nil
}

// currencies are the presentment currencies of Stripe
// (https://docs.stripe.com/currencies#presentment-currencies).
var currencies = strings.Fields(`
	AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD
	CAD CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ
	GYD HKD HNL HTG HUF IDR ILS INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD
	LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
	PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TND TOP
	TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW`)
