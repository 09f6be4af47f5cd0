package customer

// TestCard is one of Stripe's well-known test cards: what it looks like and how its
// bank behaves.
type TestCard struct {
	brand, Last4, funding string

	// decline is the reason that the bank gives for turning every charge down; empty: it pays.
	Decline string
	// attachable cards that decline do so only once they are charged.
	Attachable bool
	// authenticates: every charge waits for the holder to pass 3-D Secure.
	Authenticates bool
}

// TestCards are the tokens that stand for a card.
var TestCards = map[string]TestCard{
	"pm_card_visa":       {brand: "visa", Last4: "4242", funding: "credit"},
	"pm_card_visa_debit": {brand: "visa", Last4: "5556", funding: "debit"},
	"pm_card_mastercard": {brand: "mastercard", Last4: "4444", funding: "credit"},
	"pm_card_amex":       {brand: "amex", Last4: "8431", funding: "credit"},
	"pm_card_discover":   {brand: "discover", Last4: "9424", funding: "credit"},

	"pm_card_chargeDeclined":                  {brand: "visa", Last4: "0002", funding: "credit", Decline: "generic_decline"},
	"pm_card_visa_chargeDeclined":             {brand: "visa", Last4: "0002", funding: "credit", Decline: "generic_decline"},
	"pm_card_chargeDeclinedInsufficientFunds": {brand: "visa", Last4: "9995", funding: "credit", Decline: "insufficient_funds"},
	"pm_card_visa_chargeDeclinedInsufficientFunds": {
		brand: "visa", Last4: "9995", funding: "credit", Decline: "insufficient_funds",
	},
	"pm_card_chargeDeclinedLostCard":        {brand: "visa", Last4: "9987", funding: "credit", Decline: "lost_card"},
	"pm_card_chargeDeclinedStolenCard":      {brand: "visa", Last4: "9979", funding: "credit", Decline: "stolen_card"},
	"pm_card_chargeDeclinedExpiredCard":     {brand: "visa", Last4: "0069", funding: "credit", Decline: "expired_card"},
	"pm_card_chargeDeclinedIncorrectCvc":    {brand: "visa", Last4: "0127", funding: "credit", Decline: "incorrect_cvc"},
	"pm_card_chargeDeclinedProcessingError": {brand: "visa", Last4: "0119", funding: "credit", Decline: "processing_error"},

	"pm_card_chargeCustomerFail": {brand: "visa", Last4: "0341", funding: "credit", Decline: "generic_decline", Attachable: true},

	"pm_card_authenticationRequired": {brand: "visa", Last4: "3184", funding: "credit", Authenticates: true},
	"pm_card_threeDSecure2Required":  {brand: "visa", Last4: "3220", funding: "credit", Authenticates: true},
	"pm_card_threeDSecureRequired":   {brand: "visa", Last4: "3063", funding: "credit", Authenticates: true},
}

// fingerprint is the same for every payment method made of one card, and how the
// sandbox knows the card again.
func (card TestCard) fingerprint() string { return "Sandbox00000" + card.Last4 }

// CardOf finds the test card behind a payment method.
func CardOf(method *Method) TestCard {
	for _, card := range TestCards {
		if card.fingerprint() == method.Card.Fingerprint {
			return card
		}
	}
	return TestCard{}
}
