package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// takeInListed shows an object that nothing is known of here as a list of Stripe's has
// it, which was asked for after a time. It is false when that is not enough, so that the
// object has to be read by itself: something here has come by a row of it meanwhile, an
// operation is changing it, or what it belongs to is not known either.
//
// A change after the list was read is no danger: its event comes after this, or has made
// a row before.
func (m *Mirror) takeInListed(ctx context.Context, k listed, raw json.RawMessage, asOf time.Time) (bool, error) {
	err := k.show(alone(ctx), raw, asOf)
	if errors.Is(err, errChanged) || errors.Is(err, ErrBusy) || errors.Is(err, errNotOurs) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := k.compare(ctx, raw)
	return err == nil && c.equal(), err
}
