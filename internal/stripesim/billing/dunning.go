package billing

import (
	"time"
)

// DraftLife is how long an invoice stays a draft.
const DraftLife = int64(time.Hour / time.Second)

// retryAfterDays is how many days lie between a failed payment and the next automatic
// attempt; after the last of these the sandbox gives up. Stripe picks its moments by
// machine learning, which no test could wait for.
var retryAfterDays = []int64{3, 5, 7}

// RetryWait is how long after so many failed attempts the next automatic one is made;
// false when there is no more.
func RetryWait(attempts int64) (seconds int64, more bool) {
	if attempts > int64(len(retryAfterDays)) {
		return 0, false
	}
	return retryAfterDays[max(attempts, 1)-1] * SecondsPerDay, true
}
