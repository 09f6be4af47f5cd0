package state

import (
	"crypto/rand"
	"math/big"
)

// IDAlphabet is what ids and secrets are made of.
const IDAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewID makes an identifier in Stripe's style: short ones for the oldest kinds of object (cus_…), long ones for those
// whose prefix carries a generation digit (price_1…).
func NewID(prefix string) string {
	last := prefix[len(prefix)-1]
	if last >= '0' && last <= '9' {
		return prefix + RandomString(23, IDAlphabet)
	}
	return prefix + RandomString(14, IDAlphabet)
}

// RandomString is as long as asked, of the letters of an alphabet.
func RandomString(length int, alphabet string) string {
	text := make([]byte, length)
	size := big.NewInt(int64(len(alphabet)))
	for i := range text {
		n, err := rand.Int(rand.Reader, size)
		if err != nil {
			panic(err) // the operating system's random source is gone; nothing can go on
		}
		text[i] = alphabet[n.Int64()]
	}
	return string(text)
}
