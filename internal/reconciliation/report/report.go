// Package report carries comparisons out for the command line, and prints what
// they come to.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"tallystick/ent/customer"
	"tallystick/ent/invoice"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/ent/subscriptionitem"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
)

// Options say where the output goes.
type Options struct {
	JSON bool
	Out  io.Writer
	// Progress gets a bar, if it is a terminal.
	Progress *os.File
}

// Check compares both halves without writing anything, and prints what differs. It
// returns different unless they are equal.
func Check(ctx context.Context, m *mirror.Mirror, o Options, different error) error {
	found := []mirror.Difference{}
	progress := newProgress(o.Progress)
	err := m.Compare(ctx, mirror.Comparison{
		Compared: progress.next,
		Found: func(_ context.Context, d mirror.Difference) error {
			found = append(found, d)
			return nil
		},
	})
	progress.end()
	if err != nil {
		return fmt.Errorf("both halves could not be compared: %w", err)
	}
	if o.JSON {
		if err := json.NewEncoder(o.Out).Encode(found); err != nil {
			return err
		}
	} else {
		list(o.Out, found)
	}
	if len(found) > 0 {
		return different
	}
	return nil
}

func list(w io.Writer, found []mirror.Difference) {
	for _, d := range found {
		fmt.Fprintf(w, "%s %s %s %s", d.Kind, d.Object, d.StripeID, d.ID)
		if d.Field != "" {
			fmt.Fprintf(w, ": %s is %q here and %q in Stripe", d.Field, d.Ours, d.Stripes)
		}
		fmt.Fprintln(w)
	}
	if len(found) == 0 {
		fmt.Fprintln(w, "Both halves are equal.")
	}
}

// Reconcile compares both halves, records or repairs what differs, and prints what
// it comes to.
func Reconcile(ctx context.Context, m *mirror.Mirror, r mirror.Reconciliation, o Options) error {
	progress := newProgress(o.Progress)
	r.Progress = progress.next
	sum, err := m.Reconcile(ctx, r)
	progress.end()
	if err != nil {
		return fmt.Errorf("both halves could not be compared: %w", err)
	}
	fmt.Fprintf(o.Out, "%d objects compared, %d differences, %d of them repaired\n", sum.Compared, sum.Found, sum.Repaired)
	return nil
}

// Partial prints how many objects are PARTIAL, and which of their properties
// nothing here shows.
func Partial(ctx context.Context, s *store.Store, w io.Writer) error {
	counts := map[string]int{}
	for kind, scan := range map[string]func(any) error{
		"product": func(v any) error {
			return s.Reader.Product.Query().Where(product.StripeUnsupportedNotNil()).Select(product.FieldStripeUnsupported).Scan(ctx, v)
		},
		"price": func(v any) error {
			return s.Reader.Price.Query().Where(price.StripeUnsupportedNotNil()).Select(price.FieldStripeUnsupported).Scan(ctx, v)
		},
		"customer": func(v any) error {
			return s.Reader.Customer.Query().Where(customer.StripeUnsupportedNotNil()).Select(customer.FieldStripeUnsupported).Scan(ctx, v)
		},
		"subscription": func(v any) error {
			return s.Reader.Subscription.Query().Where(subscription.StripeUnsupportedNotNil()).Select(subscription.FieldStripeUnsupported).Scan(ctx, v)
		},
		"subscription item": func(v any) error {
			return s.Reader.SubscriptionItem.Query().Where(subscriptionitem.StripeUnsupportedNotNil()).Select(subscriptionitem.FieldStripeUnsupported).Scan(ctx, v)
		},
		"invoice": func(v any) error {
			return s.Reader.Invoice.Query().Where(invoice.StripeUnsupportedNotNil()).Select(invoice.FieldStripeUnsupported).Scan(ctx, v)
		},
	} {
		var lists []string
		if err := scan(&lists); err != nil {
			return err
		}
		for _, list := range lists {
			var names []string
			if err := json.Unmarshal([]byte(list), &names); err != nil {
				return err
			}
			counts[kind+": "+strings.Join(names, ", ")]++
		}
	}
	printPartial(w, counts)
	return nil
}

func printPartial(w io.Writer, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	fmt.Fprintln(w, "PARTIAL, since Stripe has more of them than is shown:")
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "  %6d × %s\n", counts[key], key)
	}
}

// progress shows how far a comparison has come: by a bar on a terminal, and by lines
// elsewhere.
type progress struct {
	bar  *progressbar.ProgressBar
	kind string

	out  io.Writer
	now  func() time.Time
	n    int // objects so far
	told time.Time
}

// tellEvery is how often a line says how far a comparison has come.
const tellEvery = 10 * time.Second

func newProgress(f *os.File) *progress {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{out: f, now: time.Now}
	}
	return &progress{bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(f), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("objects"), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000),
	)}
}

func (p *progress) next(_ context.Context, kind string) error {
	if p.bar == nil {
		return p.tell(kind)
	}
	if kind != p.kind {
		p.kind = kind
		p.bar.Describe(kind + "s")
	}
	return p.bar.Add(1)
}

// tell writes a line, not too often.
func (p *progress) tell(kind string) error {
	p.n++
	now := p.now()
	if p.told.IsZero() {
		p.told = now
	}
	if now.Sub(p.told) < tellEvery {
		return nil
	}
	p.told = now
	_, err := fmt.Fprintf(p.out, "%d objects compared, now the %ss\n", p.n, kind)
	return err
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish() //nolint:errcheck // it is only for show
	}
}
