package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/customer"
	"tallystick/ent/price"
	"tallystick/ent/product"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/stripeapi"
)

// Difference is a difference between Stripe and the rows here.
type Difference struct {
	Kind billing.DifferenceKind `json:"kind"`
	// Object is Stripe's name of the object's type.
	Object   string `json:"object"`
	ID       string `json:"id,omitempty"`
	StripeID string `json:"stripeId,omitempty"`
	// Field is the field that differs, for the kind CHANGED, with its value here and
	// in Stripe.
	Field   string `json:"field,omitempty"`
	Ours    string `json:"ours,omitempty"`
	Stripes string `json:"stripes,omitempty"`

	// madeHere says that the object was made by this API, and not in Stripe.
	madeHere bool
}

// Comparison receives what [Mirror.Compare] finds. An error of its functions ends
// the comparison.
type Comparison struct {
	// Found is called for each difference.
	Found func(context.Context, Difference) error
	// Compared is called for each object in Stripe that was compared, with its type.
	Compared func(ctx context.Context, objectType string) error

	// takesIn shows what only Stripe has as it is listed there, and tookIn is told so.
	takesIn bool
	tookIn  func(context.Context, Difference) error
}

// Compare compares every object in Stripe with its row, and then every linked row
// with Stripe, without changing anything. Objects that an operation is changing are
// left out: its end makes both equal.
//
// An object that differs is read from Stripe once more, and counts only if its row
// has not changed between the two comparisons. Of each object in Stripe the walk
// keeps a hash of its id, and nothing else. It returns a [stripeapi.Error] when
// Stripe cannot be asked.
func (m *Mirror) Compare(ctx context.Context, c Comparison) error {
	ctx = stripeapi.Background(ctx)
	for _, k := range m.kinds {
		seen, asOf := newSeen(), m.clock()
		err := m.stripe.Each(ctx, k.path, k.parameters, func(raw json.RawMessage) error {
			id, err := idOf(raw)
			if err != nil {
				return err
			}
			seen.add(id)
			if err := m.compareOne(ctx, k, id, raw, asOf, c); err != nil {
				return fmt.Errorf("compare the %s %s: %w", k.name, id, err)
			}
			return c.Compared(ctx, k.name)
		})
		if err != nil {
			return err
		}
		if err := m.compareLinked(ctx, k, seen, c); err != nil {
			return err
		}
	}
	return nil
}

// compared is what holding an object against its row has shown.
type compared struct {
	rowID   string // empty when there is no row
	version time.Time
	busy    bool
	changes []change
	// madeHere says that the object was made by this API, and not in Stripe.
	madeHere bool
	// copyOf is the row that another object in Stripe is the counterpart of, and
	// that this one was made for as well.
	copyOf string
}

// change is a field that differs.
type change struct{ field, ours, stripes string }

type linkedRow struct{ id, stripeID string }

func idOf(raw json.RawMessage) (string, error) {
	var object struct {
		ID string `json:"id"`
	}
	err := json.Unmarshal(raw, &object)
	return object.ID, err
}

// heldAgainst begins to hold an object against its row, which is busy while one of
// the operations that it names is unfinished.
func (m *core) heldAgainst(ctx context.Context, rowID string, version time.Time, operationIDs ...*string) (*compared, error) {
	c := &compared{rowID: rowID, version: version}
	for _, id := range operationIDs {
		is, err := isBusy(busy(ctx, m.store.Reader, id))
		if err != nil {
			return nil, err
		}
		c.busy = c.busy || is
	}
	return c, nil
}

func isBusy(err error) (bool, error) {
	if errors.Is(err, ErrBusy) {
		return true, nil
	}
	return false, err
}

// extra is an object without a row: one that an operation is about to show, the
// copy of one that has a row, or one that is new here.
func (m *core) extra(ctx context.Context, metadata map[string]string, err error) (*compared, error) {
	if err != nil {
		return nil, err
	}
	underWay := metadata[stripeapi.MetadataOperation]
	is, err := isBusy(busy(ctx, m.store.Reader, &underWay))
	if err != nil || is {
		return &compared{busy: true}, err
	}
	copyOf, err := m.linkedElsewhere(ctx, metadata[stripeapi.MetadataID])
	return &compared{copyOf: copyOf}, err
}

// linkedElsewhere is an id if it is that of a row with a counterpart in Stripe;
// empty if not.
func (m *core) linkedElsewhere(ctx context.Context, id string) (string, error) {
	prefix, err := billing.ParseID(id)
	if err != nil {
		return "", nil //nolint:nilerr // metadata can hold anything
	}
	reader, linked := m.store.Reader, false
	switch prefix {
	case billing.ProductPrefix:
		linked, err = reader.Product.Query().Where(product.ID(id), product.StripeIDNotNil()).Exist(ctx)
	case billing.PricePrefix:
		linked, err = reader.Price.Query().Where(price.ID(id), price.StripeIDNotNil()).Exist(ctx)
	case billing.CustomerPrefix:
		linked, err = reader.Customer.Query().Where(customer.ID(id), customer.StripeIDNotNil()).Exist(ctx)
	case billing.SubscriptionPrefix:
		linked, err = reader.Subscription.Query().Where(subscription.ID(id), subscription.StripeIDNotNil()).Exist(ctx)
	}
	if err != nil || !linked {
		return "", err
	}
	return id, nil
}

// extraOf is extra for what belongs to a customer. What belongs to one that Stripe
// deleted before anything of it was known here belongs to nothing here.
func (m *core) extraOf(ctx context.Context, customerStripeID string, metadata map[string]string, err error) (*compared, error) {
	if err != nil {
		return nil, err
	}
	if customerStripeID == "" {
		return &compared{busy: true}, nil
	}
	known, err := m.store.Reader.Customer.Query().Where(customer.StripeID(customerStripeID)).Exist(store.WithDeleted(ctx))
	if err != nil || known {
		return m.extra(ctx, metadata, err)
	}
	former, err := store.OrNil(m.store.Reader.GoneObject.Get(ctx, customerStripeID))
	switch {
	case err != nil:
		return nil, err
	case former != nil && former.RowID == nil:
		return &compared{busy: true}, nil
	case former == nil:
		raw, err := m.customers.read(ctx, customerStripeID)
		if err != nil || raw == nil {
			return &compared{busy: true}, err
		}
	}
	return m.extra(ctx, metadata, nil)
}

// compareOne tells how an object differs from its row. What differs is looked at
// twice.
func (m *Mirror) compareOne(ctx context.Context, k listed, id string, raw json.RawMessage, asOf time.Time, c Comparison) error {
	first, err := k.compare(ctx, raw)
	if err != nil || first.equal() {
		return err
	}
	if c.takesIn && first.rowID == "" && first.copyOf == "" {
		took, err := m.takeInListed(ctx, k, raw, asOf)
		if err != nil {
			return err
		}
		if took {
			return c.tookIn(ctx, Difference{Kind: billing.DifferenceExtra, Object: k.name, StripeID: id})
		}
	}
	fresh, err := k.read(ctx, id)
	if err != nil || fresh == nil {
		return err // deleted since it was listed
	}
	second, err := k.compare(ctx, fresh)
	if err != nil || second.equal() || !second.version.Equal(first.version) {
		return err
	}
	if second.rowID == "" {
		d := Difference{Kind: billing.DifferenceExtra, Object: k.name, StripeID: id}
		if second.copyOf != "" {
			d.Kind, d.ID = billing.DifferenceDuplicate, second.copyOf
		}
		return c.Found(ctx, d)
	}
	for _, change := range second.changes {
		if err := c.Found(ctx, Difference{
			Kind: billing.DifferenceChanged, Object: k.name, ID: second.rowID, StripeID: id,
			Field: change.field, Ours: change.ours, Stripes: change.stripes, madeHere: second.madeHere,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *compared) equal() bool { return c.busy || c.rowID != "" && len(c.changes) == 0 }

// compareLinked tells which rows have a counterpart that Stripe does not have.
func (m *Mirror) compareLinked(ctx context.Context, k listed, seen *seen, c Comparison) error {
	const page = 500
	after := ""
	for {
		rows, err := k.linked(ctx, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.id
			if seen.has(row.stripeID) {
				continue
			}
			raw, err := k.read(ctx, row.stripeID)
			if err != nil {
				return err
			}
			if raw != nil { // made since Stripe was listed
				continue
			}
			if still, err := k.linked(ctx, before(row.id), 1); err != nil || len(still) == 0 || still[0] != row {
				if err != nil {
					return err
				}
				continue
			}
			if err := c.Found(ctx, Difference{
				Kind: billing.DifferenceMissing, Object: k.name, ID: row.id, StripeID: row.stripeID,
			}); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

// before is the id that sorts right before another one, for all that matters.
func before(id string) string { return id[:len(id)-1] }

// seen remembers which objects a walk has met, by 64 bits of each id.
type seen struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newSeen() *seen { return &seen{seed: maphash.MakeSeed(), hashes: map[uint64]struct{}{}} }

func (s *seen) add(id string)      { s.hashes[maphash.String(s.seed, id)] = struct{}{} }
func (s *seen) has(id string) bool { _, ok := s.hashes[maphash.String(s.seed, id)]; return ok }

// changesOf are the columns that a mutation would change, but for the bookkeeping
// of the mirror.
func changesOf(ctx context.Context, mutation ent.Mutation) ([]change, error) {
	var changes []change
	add := func(field string, next any) error {
		if slices.Contains(bookkeeping, field) {
			return nil
		}
		old, err := mutation.OldField(ctx, field)
		if err != nil {
			return err
		}
		ours, err := shown(old)
		if err != nil {
			return err
		}
		stripes, err := shown(next)
		if err == nil && ours != stripes {
			changes = append(changes, change{field: columnNames[field], ours: ours, stripes: stripes})
			if columnNames[field] == "" {
				changes[len(changes)-1].field = camel(field)
			}
		}
		return err
	}
	for _, field := range slices.Sorted(slices.Values(mutation.Fields())) {
		next, _ := mutation.Field(field)
		if err := add(field, next); err != nil {
			return nil, err
		}
	}
	for _, field := range slices.Sorted(slices.Values(mutation.ClearedFields())) {
		if err := add(field, nil); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// bookkeeping are the columns that say how a row stands, and not what Stripe has.
var bookkeeping = []string{
	"updated_at", "stripe_status", "stripe_synced_at", "stripe_error", "stripe_operation_id", "email_claimed", "archived_at",
	"only_price_id", "only_product_id", "item_count", "unit_amount_known",
}

// columnNames are the API's names for columns that it calls differently.
var columnNames = map[string]string{
	"stripe_unsupported": "stripe.unsupported",
	"default_price_id":   "defaultPrice",
	"price_id":           "price",
	"product_id":         "product",
	"paused_behavior":    "pausedCollection.behavior",
	"paused_until":       "pausedCollection.resumesAt",
	"latest_invoice_id":  "latestInvoice",
}

// camel is a column's name as the API writes it.
func camel(column string) string {
	var b []byte
	for i := 0; i < len(column); i++ {
		if column[i] == '_' && i+1 < len(column) {
			i++
			b = append(b, column[i]-'a'+'A')
			continue
		}
		b = append(b, column[i])
	}
	return string(b)
}

// shown is a value as a person would read it; what says nothing is empty.
func shown(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case time.Time:
		return v.UTC().Format(time.RFC3339), nil
	case string:
		return v, nil
	case map[string]string:
		if len(v) == 0 {
			return "", nil
		}
		pairs := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			pairs = append(pairs, key+"="+v[key])
		}
		return fmt.Sprint(pairs), nil
	}
	b, err := json.Marshal(v)
	switch text := string(b); {
	case err != nil:
		return "", err
	case text == "null", text == "[]", text == "{}", text == `""`:
		return "", nil
	default:
		var word string
		if json.Unmarshal(b, &word) == nil {
			if at, err := time.Parse(time.RFC3339Nano, word); err == nil {
				return at.UTC().Format(time.RFC3339), nil
			}
			return word, nil
		}
		return text, nil
	}
}

// decodeObject reads an object as stripe-go knows it, and keeps what it does not.
func decodeObject[T any](raw json.RawMessage, keep func(*T, *stripe.APIResponse)) (*T, error) {
	object := new(T)
	if err := json.Unmarshal(raw, object); err != nil {
		return nil, err
	}
	keep(object, &stripe.APIResponse{RawJSON: raw})
	return object, nil
}

// rawUnlessGone is an object as Stripe wrote it; nil for one that Stripe does not
// have any more.
func rawUnlessGone(response *stripe.APIResponse, deleted bool, err error) (json.RawMessage, error) {
	switch {
	case stripeapi.IsGone(err) || err == nil && deleted:
		return nil, nil
	case err != nil:
		return nil, err
	case response == nil:
		return nil, errors.New("stripe has answered with nothing")
	}
	return response.RawJSON, nil
}
