package state

import "crypto/rand"

// IDAlphabet is what ids and secrets are made of.
const IDAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewID makes an identifier in Stripe's style: short ones for the oldest kinds of
// object (cus_…), long ones for those whose prefix carries a generation digit
// (price_1…).
func NewID(prefix string) string {
	last := prefix[len(prefix)-1]
	if last >= '0' && last <= '9' {
		return prefix + RandomString(23, IDAlphabet)
	}
	return prefix + RandomString(14, IDAlphabet)
}

// RandomString is as long as asked, of the letters of an alphabet, each as likely as
// the others.
func RandomString(length int, alphabet string) string {
	fair := byte(256 / len(alphabet) * len(alphabet) % 256) // from here on bytes would favor the first letters; 0: none would
	text := make([]byte, 0, length)
	for len(text) < length {
		var pool [64]byte
		rand.Read(pool[:]) //nolint:errcheck // it never fails: it ends the program when the operating system's random source is gone
		for _, b := range pool {
			if len(text) < length && (fair == 0 || b < fair) {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}
