package billing

import (
	"net/mail"
	"strings"
	"unicode/utf8"
)

// Stripe's limits on text, in characters.
const (
	MaxEmail        = 512
	MaxCustomerName = 256
	MaxProductName  = 5000
	MaxDescription  = 40000
	MaxNickname     = 5000
	MaxLookupKey    = 200
	MaxComment      = 5000
)

// MaxExternalID is ours, in characters; Stripe keeps the id as metadata.
const MaxExternalID = 200

// Stripe's limits on metadata. Three of its 50 keys are ours: they tell which
// object and which operation something in Stripe belongs to, and the application's
// own id of a customer.
const (
	MaxMetadataKeys  = 47
	MaxMetadataKey   = 40
	MaxMetadataValue = 500
)

// MaxIdempotencyKey is Stripe's and our limit, in characters.
const MaxIdempotencyKey = 255

// ReservedMetadata is what the metadata keys start with that belong to us.
const ReservedMetadata = "tallystick_"

// CheckText checks a text that must stand and be of a length.
func CheckText(what, s string, most int) error {
	if strings.TrimSpace(s) == "" {
		return Errorf(CodeInvalidInput, "The %s must not be empty.", what)
	}
	return CheckOptionalText(what, s, most)
}

// CheckOptionalText checks a text that may be empty.
func CheckOptionalText(what, s string, most int) error {
	if n := utf8.RuneCountInString(s); n > most {
		return Errorf(CodeInvalidInput, "The %s can have at most %d characters, not %d.", what, most, n)
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return Errorf(CodeInvalidInput, "The %s is not valid text.", what)
	}
	return nil
}

// CheckEmail accepts one bare address in ASCII, as Stripe does. An address of
// an international domain has an ASCII form (xn--…).
func CheckEmail(email string) error {
	if email == "" {
		return Errorf(CodeInvalidInput, "The e-mail must not be empty.")
	}
	if len(email) > MaxEmail {
		return Errorf(CodeInvalidInput, "An e-mail can have at most %d characters.", MaxEmail)
	}
	for _, r := range email {
		if r > '~' {
			return Errorf(CodeInvalidInput, "%q is not an e-mail that Stripe accepts: it must be ASCII; write an international domain as xn--….", email)
		}
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || address.Name != "" {
		return Errorf(CodeInvalidInput, "%q is not an e-mail.", email)
	}
	domain := email[strings.LastIndexByte(email, '@')+1:]
	if strings.ContainsAny(email, ` "`) || !isHostName(domain) {
		return Errorf(CodeInvalidInput, "%q is not an e-mail that Stripe accepts.", email)
	}
	return nil
}

// isHostName reports whether a domain has at least two labels of letters,
// digits and inner hyphens.
func isHostName(domain string) bool {
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInHostName) {
			return false
		}
	}
	return len(labels) > 1
}

func notInHostName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && r != '-'
}

// CheckMetadata holds metadata to Stripe's limits. An empty value removes its
// key, as in Stripe.
func CheckMetadata(metadata map[string]string) error {
	if len(metadata) > MaxMetadataKeys {
		return Errorf(CodeInvalidInput, "Metadata can have at most %d keys, not %d.", MaxMetadataKeys, len(metadata))
	}
	for key, value := range metadata {
		switch {
		case key == "" || utf8.RuneCountInString(key) > MaxMetadataKey:
			return Errorf(CodeInvalidInput, "A metadata key must have 1 to %d characters.", MaxMetadataKey)
		case strings.ContainsAny(key, "[]\x00") || !utf8.ValidString(key):
			return Errorf(CodeInvalidInput, "The metadata key %q has a character that Stripe does not take.", key)
		case strings.HasPrefix(key, ReservedMetadata):
			return Errorf(CodeInvalidInput, "Metadata keys that start with %q are kept for the link to Stripe.", ReservedMetadata)
		case utf8.RuneCountInString(value) > MaxMetadataValue:
			return Errorf(CodeInvalidInput, "The metadata value of %q can have at most %d characters.", key, MaxMetadataValue)
		case strings.ContainsRune(value, 0) || !utf8.ValidString(value):
			return Errorf(CodeInvalidInput, "The metadata value of %q is not valid text.", key)
		}
	}
	return nil
}

// MergeMetadata is what Stripe makes of an update: keys are added or
// replaced, and those with an empty value are removed.
func MergeMetadata(old, patch map[string]string) map[string]string {
	merged := make(map[string]string, len(old)+len(patch))
	for k, v := range old {
		merged[k] = v
	}
	for k, v := range patch {
		if merged[k] = v; v == "" {
			delete(merged, k)
		}
	}
	return merged
}

// MetadataBefore is the patch that takes another one back: what its keys were
// before, with an empty value for those that were not there.
func MetadataBefore(patch, before map[string]string) map[string]string {
	if patch == nil {
		return nil
	}
	values := make(map[string]string, len(patch))
	for key := range patch {
		values[key] = before[key]
	}
	return values
}
