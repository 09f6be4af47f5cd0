package stripesync

import (
	"time"

	"tallystick/internal/billing"
)

// Link is what the rows with a counterpart in Stripe have in common.
type Link interface {
	SetStripeStatus(billing.SyncStatus)
	SetStripeSyncedAt(time.Time)
	SetStripeError(string)
	ClearStripeError()
	ClearStripeOperationID()
	SetStripeUnsupported([]string)
	ClearStripeUnsupported()
}

// Synced says that both halves of a row are equal as of a time, and that no
// operation is under way on it.
func Synced(l Link, asOf time.Time) {
	l.SetStripeSyncedAt(asOf)
	Settled(l)
}

// Settled says that no operation is under way on a row any more, and that the
// last one left both halves equal.
func Settled(l Link) {
	l.SetStripeStatus(billing.SyncSynced)
	l.ClearStripeError()
	l.ClearStripeOperationID()
}

// Failed says that the last operation on a row was rejected or needs
// attention. over says that nothing is under way on it any more.
func Failed(l Link, reason string, over bool) {
	l.SetStripeStatus(billing.SyncFailed)
	l.SetStripeError(reason)
	if over {
		l.ClearStripeOperationID()
	}
}
