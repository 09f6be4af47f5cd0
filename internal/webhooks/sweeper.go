package webhooks

import (
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent/webhookevent"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Sweeper reads Stripe's list of events, so that events that no webhook delivers
// are not lost.
type Sweeper struct {
	inbox  *Inbox
	mirror *mirror.Mirror
	stripe *stripeapi.Client
	logger *slog.Logger
}

// NewSweeper builds a sweeper that stores events in an inbox.
func NewSweeper(i *Inbox, m *mirror.Mirror, c *stripeapi.Client, logger *slog.Logger) *Sweeper {
	return &Sweeper{inbox: i, mirror: m, stripe: c, logger: logger}
}

const (
	// sweepEvery is how often the list is read, by one of all replicas.
	sweepEvery = time.Minute
	// overlap is how much of what was read before is read again: events do not
	// appear in the order of their times.
	overlap = 5 * time.Minute
)

// Sweep reads the list from where it was read last, with five minutes of overlap,
// and stores the events that are not known. It does nothing when a replica has done
// so within a minute. How far it came is stored after all events are, so that a
// failure loses none. It returns a [stripeapi.Error] when Stripe cannot be asked.
func (s *Sweeper) Sweep(ctx context.Context) error {
	from, due, err := s.mirror.SweepDue(ctx, sweepEvery)
	if err != nil || !due {
		return err
	}
	newest, missed := *from, 0
	since := strconv.FormatInt(from.Add(-overlap).Unix(), 10)
	var page []Report
	store := func() error {
		n, err := s.inbox.storeMissed(ctx, page)
		missed += n
		page = page[:0]
		return err
	}
	err = s.stripe.Each(stripeapi.Background(ctx), "/v1/events", [][2]string{{"created[gte]", since}}, func(raw json.RawMessage) error {
		var event stripe.Event
		if err := json.Unmarshal(raw, &event); err != nil {
			return err
		}
		r, err := read(&event)
		if err != nil {
			return nil //nolint:nilerr // an event without an object is about nothing here
		}
		if r.OccurredAt.After(newest) {
			newest = r.OccurredAt
		}
		if page = append(page, r); len(page) < 100 {
			return nil
		}
		return store()
	})
	if err == nil {
		err = store()
	}
	if err != nil {
		return err
	}
	if missed > 0 {
		s.logger.InfoContext(ctx, "events were found that no webhook has brought", "events", missed)
	}
	return s.mirror.Swept(ctx, newest)
}

// storeMissed keeps those events that are not known, and returns how many they
// are.
func (i *Inbox) storeMissed(ctx context.Context, reports []Report) (n int, err error) {
	if len(reports) == 0 {
		return 0, nil
	}
	ids := make([]string, len(reports))
	for j, r := range reports {
		ids[j] = r.EventID
	}
	var known []string
	if err := i.store.Reader.WebhookEvent.Query().Where(webhookevent.StripeEventIDIn(ids...)).
		Select(webhookevent.FieldStripeEventID).Scan(ctx, &known); err != nil {
		return 0, err
	}
	has := make(map[string]bool, len(known))
	for _, id := range known {
		has[id] = true
	}
	for _, r := range reports {
		if has[r.EventID] {
			continue
		}
		stored, err := i.keep(ctx, r, !r.ignorable())
		if err != nil {
			return n, err
		}
		if stored {
			n++
		}
	}
	return n, nil
}

// arrived takes note that a webhook has brought an event after all.
func (i *Inbox) arrived(ctx context.Context, eventID string) error {
	return i.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.WebhookEvent.Update().
			Where(webhookevent.StripeEventID(eventID), webhookevent.Missed(true)).SetMissed(false).Exec(ctx)
	})
}
