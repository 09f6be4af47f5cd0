package simulation_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"testing"
	"time"

	"tallystick/ent/operation"
	"tallystick/ent/webhookevent"
	"tallystick/internal/billing"
	"tallystick/internal/mirror"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
	"tallystick/internal/webhooks"
)

// people are those who are up to something while an operation is under way: at another
// process, in Stripe's dashboard, or because something has stopped.
var people = []trouble{
	meanwhile("Stripe's events arrive", trouble{passes: true}, func(p *play, _ *http.Request) { p.hear() }),
	meanwhile("another replica takes over", trouble{passes: true}, func(p *play, r *http.Request) {
		p.overtaken = p.overtaken || !spent(r)
		p.ahead.Add(int64(stripesync.Lease + time.Second))
		p.others()
	}),
	meanwhile("both halves are compared", trouble{passes: true}, func(p *play, _ *http.Request) {
		p.reconcile(mirror.Reconciliation{})
	}),
	meanwhile("what differs is repaired", trouble{passes: true}, func(p *play, _ *http.Request) {
		p.reconcile(mirror.Reconciliation{Repair: true})
	}),
	meanwhile("what Stripe has is taken in", trouble{passes: true}, func(p *play, _ *http.Request) {
		p.reconcile(mirror.Reconciliation{TakeIn: true})
	}),
	{name: "the clock is set back", passes: true, apart: true, happen: func(p *play) course {
		const by = int64(10 * time.Minute)
		return course{before: once(func(*http.Request) { p.ahead.Add(-by) }), then: func() { p.ahead.Add(by) }}
	}},
	jammed("the database takes nothing about operations", "operations"),
	jammed("the database takes nothing about the objects", "customers", "products", "prices", "subscriptions", "invoices"),
	meanwhile("somebody writes metadata", trouble{passes: true}, func(p *play, r *http.Request) { p.annotate(r) }),
	meanwhile("somebody writes metadata, and the event arrives", trouble{passes: true}, func(p *play, r *http.Request) {
		p.annotate(r)
		p.hear()
	}),
	meanwhile("somebody changes the same", trouble{touches: true}, func(p *play, r *http.Request) { p.rival(r) }),
	meanwhile("somebody changes the same, and the event arrives", trouble{touches: true}, func(p *play, r *http.Request) {
		p.rival(r)
		p.hear()
	}),
	meanwhile("what it names is gone, and the event arrives", trouble{touches: true}, func(p *play, r *http.Request) {
		p.vanish(r)
		p.hear()
	}),
	meanwhile("somebody makes a customer with the e-mail, and the event arrives", trouble{touches: true, makes: true}, func(p *play, _ *http.Request) {
		if email := p.email(); email != "" {
			p.dashboard(http.MethodPost, "/v1/customers", object{"email": email})
		}
		p.hear()
	}),
	asked("the client asks again", trouble{passes: true}, func(p *play, _ *http.Request) deed { return p.do }),
	asked("another client changes something else", trouble{passes: true}, func(p *play, _ *http.Request) deed { return p.aside() }),
	asked("another client wants the opposite", trouble{touches: true, makes: true}, func(p *play, _ *http.Request) deed { return p.opposite() }),
	asked("another client signs up with the e-mail", trouble{makes: true}, func(p *play, r *http.Request) deed {
		email := p.emailToBe(r)
		if email == "" {
			return nil
		}
		return p.mutation("createCustomer", object{"email": email})
	}),
	attended("somebody tries it again", func(p *play, id string) { p.ask("retryOperation", id) }),
	attended("somebody accepts what Stripe has", func(p *play, id string) { p.ask("resolveOperation", id) }),
}

// meanwhile is what others do at another process or in the dashboard, before a request
// goes on its way.
func meanwhile(name string, tr trouble, do func(*play, *http.Request)) trouble {
	tr.name, tr.apart = name, true
	tr.happen = func(p *play) course {
		return course{before: once(func(r *http.Request) { do(p, r) })}
	}
	return tr
}

// jammed is a database that takes nothing for some tables until the process is through.
func jammed(name string, tables ...string) trouble {
	return trouble{name: name, passes: true, apart: true, happen: func(p *play) course {
		return course{
			before: once(func(*http.Request) { p.jam(tables) }),
			then:   func() { p.unjam(tables) },
		}
	}}
}

// asked is a command that comes in at another process meanwhile. Its client waits for the
// answer until the process is through, and longer only if the operation has ended.
func asked(name string, tr trouble, command func(*play, *http.Request) deed) trouble {
	tr.name, tr.apart = name, true
	tr.happen = func(p *play) course {
		var hangUp func()
		answered := make(chan struct{})
		return course{
			before: once(func(r *http.Request) {
				var ctx context.Context
				ctx, hangUp = context.WithCancel(p.t.Context())
				go func(do deed) {
					defer close(answered)
					if do != nil {
						do(actor{p.App, p.Client, bystander{p.t, ctx}})
					}
				}(command(p, r))
				select {
				case <-answered:
				case <-time.After(comesIn):
				}
			}),
			then: func() {
				if op := p.operation(); op == nil || !op.Status.Finished() {
					hangUp()
				}
				p.Eventually(p.t, "the client to be answered", func() bool {
					p.ahead.Add(int64(time.Second)) // so that it does not wait for long
					select {
					case <-answered:
						return true
					default:
						return false
					}
				})
				hangUp()
			},
		}
	}
	return tr
}

// comesIn is enough for a command to have begun, or to wait for what is under way.
const comesIn = 30 * time.Millisecond

// attended is what a person does once the process is through: about all operations that
// need attention, and the one that the play is about.
func attended(name string, do func(p *play, id string)) trouble {
	return trouble{name: name, apart: true, happen: func(p *play) course {
		return course{then: func() {
			ids := p.Store.Reader.Operation.Query().Where(operation.StatusEQ(billing.OperationNeedsAttention)).IDsX(p.t.Context())
			if op := p.operation(); op != nil && op.Status != billing.OperationNeedsAttention {
				ids = append(ids, op.ID)
			}
			for _, id := range ids {
				do(p, id)
			}
		}}
	}}
}

// ask sends a command about an operation.
func (p *play) ask(name, id string) {
	p.mutation(name, object{"operationId": id})(actor{p.App, p.Client, p.t})
	if name == "resolveOperation" {
		p.resolved = append(p.resolved, id)
	}
}

// bystander is who sends a command and does not fail the test when there is no answer.
type bystander struct {
	testing.TB
	ctx context.Context //nolint:containedctx // it is the client's
}

// Context implements [testing.TB], as do the others.
func (b bystander) Context() context.Context { return b.ctx }
func (bystander) Cleanup(func())             {}
func (bystander) Logf(string, ...any)        {}
func (bystander) Fatal(...any)               { runtime.Goexit() }
func (bystander) Fatalf(string, ...any)      { runtime.Goexit() }

// hear applies the events that there are, as far as that goes.
func (p *play) hear() {
	_ = p.Sweeper.Sweep(p.t.Context())
	for _, e := range p.Store.Reader.WebhookEvent.Query().Where(webhookevent.ProcessedAtIsNil()).
		Order(webhookevent.ByID()).AllX(p.t.Context()) {
		_ = p.Inbox.Apply(p.t.Context(), webhooks.Object{Type: e.ObjectType, ID: e.ObjectID})
	}
}

// others lets another process carry out what it can.
func (p *play) others() {
	for _, id := range p.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).
		Order(operation.ByScopeID(), operation.ByPosition()).IDsX(p.t.Context()) {
		_, _ = p.Engine.Run(p.t.Context(), id)
	}
}

func (p *play) reconcile(r mirror.Reconciliation) {
	if _, err := p.Mirror.Reconcile(p.t.Context(), r); err != nil {
		p.t.Logf("reconcile: %v", err)
	}
}

// jam makes the database refuse what is written to some tables.
func (p *play) jam(tables []string) {
	for _, table := range tables {
		if p.Database == "sqlite" {
			for _, what := range []string{"INSERT", "UPDATE"} {
				p.exec(fmt.Sprintf(`CREATE TRIGGER IF NOT EXISTS jam_%s_%s BEFORE %[2]s ON %[1]s BEGIN SELECT RAISE(ABORT, 'disk full'); END`, table, what))
			}
			continue
		}
		p.exec(`CREATE OR REPLACE FUNCTION jam() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$ LANGUAGE plpgsql`)
		p.exec(fmt.Sprintf(`CREATE OR REPLACE TRIGGER jam BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION jam()`, table))
	}
}

// unjam takes that back.
func (p *play) unjam(tables []string) {
	for _, table := range tables {
		if p.Database == "sqlite" {
			p.exec(fmt.Sprintf(`DROP TRIGGER IF EXISTS jam_%s_INSERT`, table))
			p.exec(fmt.Sprintf(`DROP TRIGGER IF EXISTS jam_%s_UPDATE`, table))
			continue
		}
		p.exec(fmt.Sprintf(`DROP TRIGGER IF EXISTS jam ON %s`, table))
	}
}

func (p *play) exec(statement string) {
	if _, err := p.Store.DB.ExecContext(p.t.Context(), statement); err != nil {
		p.t.Errorf("%s: %v", statement, err)
	}
}

// annotate edits what has nothing to do with the operation, in whatever a request names.
func (p *play) annotate(r *http.Request) {
	for path := range p.paths(r) {
		p.dashboard(http.MethodPost, path, object{"metadata[note]": p.name("dash")})
	}
}

// rival edits what an operation may be about.
func (p *play) rival(r *http.Request) {
	for path, kind := range p.paths(r) {
		switch kind {
		case "cus":
			p.dashboard(http.MethodPost, path, object{"name": "Dash", "email": p.name("dash") + "@example.com"})
		case "prod":
			p.dashboard(http.MethodPost, path, object{"name": "Dash"})
		case "price":
			p.dashboard(http.MethodPost, path, object{"active": "false"})
		case "sub":
			p.dashboard(http.MethodPost, path, object{"cancel_at_period_end": "true"})
		case "in":
			p.dashboard(http.MethodPost, path+"/pay", object{"paid_out_of_band": "true"})
		}
	}
}

// paths are those of the objects that a request names, each with the prefix of its id.
func (p *play) paths(r *http.Request) map[string]string {
	all := map[string]string{}
	for kind, id := range p.named(r) {
		if collection := map[string]string{
			"cus": "customers", "prod": "products", "price": "prices", "sub": "subscriptions", "in": "invoices",
		}[kind]; collection != "" {
			all["/v1/"+collection+"/"+id] = kind
		}
	}
	return all
}

// email is the address of the customer that the operation is about; empty for none.
func (p *play) email() string {
	row, err := store.OrNil(p.Store.Reader.Customer.Get(p.t.Context(), p.operation().ScopeID))
	if err != nil || row == nil {
		return ""
	}
	return row.Email
}

// emailToBe is the address that a request is to give a customer; empty for none.
func (p *play) emailToBe(r *http.Request) string {
	form, err := url.ParseQuery(p.body(r))
	if err != nil {
		p.t.Error(err)
	}
	return form.Get("email")
}

// aside is a command about the same product or customer that leaves alone what the
// operation changes.
func (p *play) aside() deed {
	op := p.operation()
	if billing.Prefix(op.ScopeID) == billing.ProductPrefix {
		return p.mutation("updateProduct", object{"productId": op.ScopeID, "description": p.name("Described")})
	}
	return p.mutation("updateCustomer", object{"customerId": op.ScopeID, "metadata": object{"aside": p.name("a")}})
}

// opposite is a command that takes back what the operation does, or makes it useless.
func (p *play) opposite() deed {
	switch op := p.operation(); billing.Prefix(op.SubjectID) {
	case billing.ProductPrefix:
		if op.Kind == billing.KindArchiveProduct {
			return p.mutation("updateProduct", object{"productId": op.SubjectID, "active": true})
		}
		return p.mutation("archiveProduct", object{"productId": op.SubjectID})
	case billing.CustomerPrefix:
		if op.Kind == billing.KindDeleteCustomer {
			return p.mutation("restoreCustomer", object{"customerId": op.SubjectID})
		}
		return p.mutation("deleteCustomer", object{"customerId": op.SubjectID})
	default:
		return p.mutation("deleteCustomer", object{"customerId": op.ScopeID})
	}
}
