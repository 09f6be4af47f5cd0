package stripesync

import (
	"time"

	"tallystick/internal/billing"
)

// Link is the columns that every row with a counterpart in Stripe has. The
// mutations of ent implement it.
type Link interface {
	SetStripeStatus(billing.SyncStatus)
	SetStripeSyncedAt(time.Time)
	SetStripeError(string)
	ClearStripeError()
	ClearStripeOperationID()
	SetStripeUnsupported([]string)
	ClearStripeUnsupported()
}

// Synced sets a row to SYNCED as of a time, without an operation.
func Synced(l Link, asOf time.Time) {
	l.SetStripeSyncedAt(asOf)
	Settled(l)
}

// Settled sets a row to SYNCED without an operation, and keeps the time of its last
// synchronization.
func Settled(l Link) {
	l.SetStripeStatus(billing.SyncSynced)
	l.ClearStripeError()
	l.ClearStripeOperationID()
}

// Failed sets a row to FAILED with the reason. over removes the operation from the
// row: it has finished, and does not need attention.
func Failed(l Link, reason string, over bool) {
	l.SetStripeStatus(billing.SyncFailed)
	l.SetStripeError(reason)
	if over {
		l.ClearStripeOperationID()
	}
}
