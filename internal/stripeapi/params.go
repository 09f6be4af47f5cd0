package stripeapi

import "strings"

// NonEmpty is a parameter that is left out when it is empty.
func NonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Lower is a value of the schema's in Stripe's spelling.
func Lower[S ~string](s S) string { return strings.ToLower(string(s)) }
