package billing

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"
)

// The prefixes of global ids, one for each type of the schema. None of them
// is one of Stripe's own, so that an id always tells whose it is.
const (
	ProductPrefix      = "pdt"
	PricePrefix        = "prc"
	CustomerPrefix     = "cst"
	SubscriptionPrefix = "sbn"
	InvoicePrefix      = "ivc"
	OperationPrefix    = "opn"
	StripeCallPrefix   = "scl"
	TransitionPrefix   = "stn"
	WebhookEventPrefix = "whe"
	DifferencePrefix   = "dfr"
	APIKeyPrefix       = "apk"
	// CustomerSessionPrefix is for rows that the schema does not show.
	CustomerSessionPrefix = "cse"
	// SubscriptionItemPrefix is that of a subscription's items.
	SubscriptionItemPrefix = "sbi"

	// IdempotencyKeyPrefix is for rows that the schema does not show.
	IdempotencyKeyPrefix = "idk"
)

// idEncoding keeps the order of the bytes it encodes (Crockford's alphabet).
var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const idLength = 26 // of 16 bytes in base 32

// NewID returns a new global id: the prefix, then 56 bits of time in
// microseconds and 72 random bits. Ids of one type sort by the time they were
// made, and those of one process in the order in which they were.
func NewID(prefix string) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], moment()<<8)
	rand.Read(b[7:]) //nolint:errcheck // crypto/rand.Read never returns an error
	return prefix + "_" + idEncoding.EncodeToString(b[:])
}

// lastMoment is the latest one that an id was made of.
var lastMoment atomic.Uint64

// moment is the time in microseconds, or somewhat later, so that it comes once.
func moment() uint64 {
	for {
		last := lastMoment.Load()
		now := max(uint64(time.Now().UnixMicro()), last+1) //nolint:gosec,forbidigo // past 1970, and no rule depends on it
		if lastMoment.CompareAndSwap(last, now) {
			return now
		}
	}
}

// Prefix is the part of an id that tells its type; "" has none.
func Prefix(id string) string {
	prefix, _, _ := strings.Cut(id, "_")
	return prefix
}

// ParseID checks the form of a global id and returns its prefix. A malformed
// id is INVALID_INPUT.
func ParseID(id string) (prefix string, err error) {
	prefix, rest, ok := strings.Cut(id, "_")
	if !ok || len(rest) != idLength {
		return "", malformedID(id)
	}
	// The length tells, because line breaks are skipped.
	if b, err := idEncoding.DecodeString(rest); err != nil || len(b) != 16 {
		return "", malformedID(id)
	}
	switch prefix {
	case ProductPrefix, PricePrefix, CustomerPrefix, SubscriptionPrefix, InvoicePrefix,
		OperationPrefix, StripeCallPrefix, TransitionPrefix, WebhookEventPrefix, DifferencePrefix, SubscriptionItemPrefix, APIKeyPrefix:
		return prefix, nil
	}
	return "", malformedID(id)
}

func malformedID(id string) *Error {
	if len(id) > 64 {
		id = id[:64] + "…"
	}
	return Errorf(CodeInvalidInput, "%q is not an id of this API.", id)
}
