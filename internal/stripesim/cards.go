package stripesim

import "net/http"

// cardDeclined is the answer to a card that the bank turned down.
func cardDeclined(declineCode string) *apiError {
	e := &apiError{
		status: http.StatusPaymentRequired, Type: "card_error", DeclineCode: declineCode,
		Message: "Your card was declined.",
	}
	return e.withCode("card_declined")
}
