package billing

import (
	"fmt"
	"slices"
	"strings"
)

// MaxAmount is the largest amount in minor units that Stripe takes in a currency.
func MaxAmount(currency string) int64 {
	switch currency {
	case "idr":
		return 999_999_999_999
	case "cop", "huf", "jpy", "lbp":
		return 9_999_999_999
	}
	return 99_999_999
}

// Currencies are the ones that Stripe takes for presentment.
var Currencies = strings.Fields(`
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd
jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn
nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs
tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw usdc btn ghs eek lvl svc vef ltl sll mro`)

// zeroDecimal are the currencies whose smallest unit is the whole one.
var zeroDecimal = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf")

// symbols are how Stripe writes the currencies that have a sign of their own in English.
var symbols = map[string]string{
	"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "aud": "A$", "cad": "CA$", "nzd": "NZ$", "hkd": "HK$", "mxn": "MX$",
	"inr": "₹", "ils": "₪", "krw": "₩", "brl": "R$", "twd": "NT$", "cny": "CN¥", "vnd": "₫", "php": "₱",
}

// InMajorUnits writes an amount for people to read: $12.50, or CHF 12.50.
func InMajorUnits(amount int64, currency string) string {
	sign, symbol := "", symbols[currency]
	if amount < 0 {
		sign, amount = "-", -amount
	}
	if symbol == "" {
		symbol = strings.ToUpper(currency) + " "
	}
	if slices.Contains(zeroDecimal, currency) {
		return fmt.Sprintf("%s%s%d", sign, symbol, amount)
	}
	return fmt.Sprintf("%s%s%d.%02d", sign, symbol, amount/100, amount%100)
}
