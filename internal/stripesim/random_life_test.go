package stripesim_test

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// successors are the statuses that a subscription may have next.
var successors = map[string][]string{
	"":           {"incomplete", "trialing", "active"},
	"incomplete": {"active", "incomplete_expired", "canceled"},
	"trialing":   {"active", "paused", "canceled"},
	"active":     {"past_due", "canceled"},
	"past_due":   {"active", "unpaid", "canceled"},
	"unpaid":     {"active", "canceled"},
	"paused":     {"active", "canceled"},
}

// TestRandomLife lets a customer do anything in any order while time passes, and looks
// after each step whether what always holds still does.
func TestRandomLife(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := openWorld(t)
		defer w.close()
		validating := w.http
		w.http = w.server.Client() // the events, at the end, carry every state for the specification to judge
		life := &randomLife{world: w, r: r}
		life.customer = life.do("POST /v1/customers", "email", "ada@example.com").body["id"].(string)
		life.useCard()
		for range rapid.IntRange(2, 9).Draw(r, "steps") {
			life.step()
			life.checkObjects()
		}
		w.http = validating
		life.pass("1s") // what is due is done, and does not come between the events and the objects
		life.checkEvents()
	})
}

// randomLife is one customer's.
type randomLife struct {
	*world
	r        *rapid.T
	customer string
}

// price is a new price of some amount; a free one among them.
func (l *randomLife) price(interval string) string {
	return l.do("POST /v1/prices", "currency", "usd", "unit_amount", l.pick("amount", "500", "2000", "0"),
		"recurring[interval]", interval, "product_data[name]", "Plan").body["id"].(string)
}

// do makes a request that may be refused, but never fails.
func (l *randomLife) do(request string, pairs ...string) reply {
	method, path, _ := strings.Cut(request, " ")
	answer := l.send(method, path, form(pairs...))
	if answer.status >= 500 {
		l.r.Fatalf("%s %v: %s", request, pairs, answer.text)
	}
	return answer
}

func (l *randomLife) pick(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(l.r, what)
}

func (l *randomLife) step() {
	subs := l.list("/v1/subscriptions?status=all&customer=" + l.customer)
	action := l.pick("action", "pass", "pass", "pass", "subscribe", "card", "cancel", "plan", "unplan", "switch", "pay", "decline", "void", "write off", "pause", "dunning", "resume", "dispute", "collect")
	if action != "subscribe" && len(subs) == 0 {
		action = "subscribe"
	}
	switch action {
	case "pass":
		l.pass(l.pick("span", "16d", "1h", "1d", "40d", "23h", "3d", "8d", "1s"))
		return
	case "subscribe":
		l.subscribeSomehow()
		return
	case "card":
		l.useCard()
		return
	case "dunning":
		l.control("settings", map[string]any{"dunningEnd": l.pick("end", "unpaid", "cancel", "past_due")})
		return
	}
	l.change(action, subs[rapid.IntRange(0, len(subs)-1).Draw(l.r, "subscription")])
}

func (l *randomLife) change(action string, sub map[string]any) {
	subscription, invoice := "/v1/subscriptions/"+sub["id"].(string), "/v1/invoices/"+sub["latest_invoice"].(string)
	switch action {
	case "cancel":
		l.do("DELETE " + subscription)
	case "plan":
		l.do("POST "+subscription, "cancel_at_period_end", "true")
	case "unplan":
		l.do("POST "+subscription, "cancel_at_period_end", "false")
	case "switch":
		item := object(sub, "items")["data"].([]any)[0].(map[string]any)
		interval := object(object(item, "price"), "recurring")["interval"].(string)
		l.do("POST "+subscription, "items[0][id]", item["id"].(string), "items[0][price]", l.price(interval),
			"proration_behavior", l.pick("proration", "none", "create_prorations", "always_invoice"))
	case "pay":
		l.do("POST "+invoice+"/pay", "payment_method", "pm_card_visa")
	case "decline":
		l.do("POST "+invoice+"/pay", "payment_method", "pm_card_chargeDeclined")
	case "void":
		l.do("POST " + invoice + "/void")
	case "write off":
		l.do("POST " + invoice + "/mark_uncollectible")
	case "pause":
		l.do("POST "+subscription, "pause_collection[behavior]", l.pick("behavior", "void", "keep_as_draft", "mark_uncollectible"))
	case "resume":
		l.do("POST " + subscription + "/resume")
	case "collect":
		if l.pick("by", "sending", "charging") == "sending" {
			l.do("POST "+subscription, "collection_method", "send_invoice", "days_until_due", "5")
		} else {
			l.do("POST "+subscription, "collection_method", "charge_automatically")
		}
	case "dispute":
		if charge, ok := l.get(invoice).body["charge"].(string); ok {
			l.control("charges/"+charge+"/dispute", nil)
		}
	}
}

// useCard makes a new card the default, or takes the one there is away.
func (l *randomLife) useCard() {
	token := l.pick("card", "pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired", "", "")
	if token == "" {
		l.do("POST /v1/customers/"+l.customer, "invoice_settings[default_payment_method]", "")
		return
	}
	method := l.do("POST /v1/payment_methods/"+token+"/attach", "customer", l.customer).body["id"].(string)
	l.do("POST /v1/customers/"+l.customer, "invoice_settings[default_payment_method]", method)
}

func (l *randomLife) subscribeSomehow() {
	interval := l.pick("interval", "day", "week", "month", "month", "year")
	pairs := []string{
		"customer", l.customer, "items[0][price]", l.price(interval),
		"payment_behavior", l.pick("behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete"),
	}
	if trial := l.pick("trial", "0", "2", "10"); trial != "0" {
		pairs = append(pairs, "trial_period_days", trial, "trial_settings[end_behavior][missing_payment_method]", l.pick("trial end", "pause", "cancel", "create_invoice"))
	}
	if l.pick("collection", "charge", "charge", "send") == "send" {
		pairs = append(pairs, "collection_method", "send_invoice", "days_until_due", "5")
	}
	l.do("POST /v1/subscriptions", pairs...)
}

// list reads all of a list, newest first.
func (l *randomLife) list(path string) (all []map[string]any) {
	page := path + "&limit=100"
	for {
		answer := l.do("GET " + page)
		if answer.status != http.StatusOK {
			l.r.Fatalf("%s: %s", page, answer.text)
		}
		data := answer.body["data"].([]any)
		for _, element := range data {
			all = append(all, element.(map[string]any))
		}
		if answer.body["has_more"] != true {
			return all
		}
		page = path + "&limit=100&starting_after=" + all[len(all)-1]["id"].(string)
	}
}

// checkObjects holds what is there against what always holds.
func (l *randomLife) checkObjects() {
	now := float64(l.simNow().Unix())
	for _, sub := range l.list("/v1/subscriptions?status=all&customer=" + l.customer) {
		status := sub["status"].(string)
		start, end := sub["current_period_start"].(float64), sub["current_period_end"].(float64)
		switch status {
		case "canceled", "incomplete_expired", "paused":
		default:
			if start > now || now >= end {
				l.r.Fatalf("%s is %s at %v, but its period is %v to %v", sub["id"], status, now, start, end)
			}
		}
		if ended := sub["ended_at"] != nil; ended != (status == "canceled" || status == "incomplete_expired") {
			l.r.Fatalf("%s is %s and ended at %v", sub["id"], status, sub["ended_at"])
		}
		l.checkInvoices(sub)
	}
}

// checkInvoices adds up a subscription's invoices, and looks whether they bill one
// period after the other.
func (l *randomLife) checkInvoices(sub map[string]any) {
	type span struct{ start, end float64 }
	var billed []span
	for _, invoice := range l.list("/v1/invoices?subscription=" + sub["id"].(string)) {
		total := 0.0
		for _, element := range object(invoice, "lines")["data"].([]any) {
			line := element.(map[string]any)
			total += line["amount"].(float64)
			if line["proration"] == false {
				billed = append(billed, span{object(line, "period")["start"].(float64), object(line, "period")["end"].(float64)})
			}
		}
		due, paid, left := invoice["amount_due"].(float64), invoice["amount_paid"].(float64), invoice["amount_remaining"].(float64)
		if total != invoice["total"] || paid+left != due || (invoice["status"] == "paid") != (invoice["paid"] == true) || invoice["paid"] == true && left != 0 {
			l.r.Fatalf("lines of %v make no sense in %v", total, invoice)
		}
	}
	slices.SortFunc(billed, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(billed); i++ {
		paused := billed[i-1].end == sub["trial_end"] && billed[i].start > billed[i-1].end // with nothing to pay with
		if billed[i].start != billed[i-1].end && !paused {
			l.r.Fatalf("%s was billed for %v", sub["id"], billed)
		}
	}
}

// checkEvents replays the log: it has to tell the same story as the objects, in order,
// by allowed steps.
func (l *randomLife) checkEvents() {
	log := l.list("/v1/events?")
	slices.Reverse(log)
	replayed, last := map[string]map[string]any{}, 0.0
	for _, event := range log {
		if created := event["created"].(float64); created < last {
			l.r.Fatalf("%s at %v comes after one at %v", event["type"], created, last)
		}
		last = event["created"].(float64)
		snapshot := object(object(event, "data"), "object")
		id, stored := snapshot["id"].(string)
		if !stored {
			continue // an invoice that is to come
		}
		l.checkStep(event, replayed[id], snapshot)
		replayed[id] = snapshot
	}
	for id, snapshot := range replayed {
		path := map[string]string{
			"subscription": "subscriptions", "invoice": "invoices", "customer": "customers", "payment_intent": "payment_intents", "charge": "charges",
		}[snapshot["object"].(string)]
		if path == "" {
			continue
		}
		if current := l.do("GET /v1/" + path + "/" + id).body; !reflect.DeepEqual(current, snapshot) {
			l.r.Fatalf("the log ends with\n%v\nbut there is\n%v", snapshot, current)
		}
	}
}

func (l *randomLife) checkStep(event, before, after map[string]any) {
	if after["object"] == "subscription" {
		was, is := "", after["status"].(string)
		if before != nil {
			was = before["status"].(string)
		}
		if was != is && !slices.Contains(successors[was], is) {
			l.r.Fatalf("%s went from %q to %q", after["id"], was, is)
		}
	}
	previous, _ := object(event, "data")["previous_attributes"].(map[string]any)
	for key, value := range previous {
		if _, nested := value.(map[string]any); nested || before == nil {
			continue
		}
		if fmt.Sprint(before[key]) != fmt.Sprint(value) {
			l.r.Fatalf("%s says that %s was %v, but it was %v", event["type"], key, value, before[key])
		}
	}
}

// TestEveryStatusIsReached comes to every status, and from there to each that may
// follow, by the API and by time alone.
func TestEveryStatusIsReached(t *testing.T) {
	trial := []string{"trial_period_days", "5", "trial_settings[end_behavior][missing_payment_method]", "pause"}
	for status, start := range map[string]struct {
		token  string
		terms  []string
		wait   string
		nextBy map[string]string // what leads to each status that follows
	}{
		"incomplete": {"pm_card_visa", []string{"payment_behavior", "default_incomplete"}, "1h", map[string]string{
			"active": "pay", "incomplete_expired": "1d", "canceled": "cancel",
		}},
		"trialing": {"", trial, "1h", map[string]string{"active": "card, 6d", "paused": "6d", "canceled": "cancel"}},
		"active":   {"pm_card_visa", nil, "1h", map[string]string{"past_due": "failing, 31d", "canceled": "cancel"}},
		"past_due": {"pm_card_chargeCustomerFail", []string{"trial_period_days", "5"}, "6d", map[string]string{
			"active": "pay", "unpaid": "unpaid, 16d", "canceled": "16d",
		}},
		"unpaid": {"pm_card_chargeCustomerFail", []string{"trial_period_days", "5"}, "unpaid, 22d", map[string]string{"active": "pay", "canceled": "cancel"}},
		"paused": {"", trial, "6d", map[string]string{"active": "card, resume", "canceled": "cancel"}},
	} {
		for next, by := range start.nextBy {
			t.Run(status+" to "+next, func(t *testing.T) {
				if !slices.Contains(successors[status], next) {
					t.Fatal("the table has no such step")
				}
				w := newWorld(t)
				c := w.customer("ada@example.com")
				if start.token != "" {
					c = w.payingCustomer(start.token)
				}
				sub := w.expectOK(w.subscribe(c, w.monthly(1000), start.terms...)).body
				w.lead(sub, start.wait)
				expectFields(t, w.get(path(sub)).body, map[string]any{"status": status})
				w.lead(sub, by)
				expectFields(t, w.get(path(sub)).body, map[string]any{"status": next})
			})
		}
	}
}

// lead does what a comma-separated list says about a subscription; what is no action is
// time to pass.
func (w *world) lead(sub map[string]any, actions string) {
	w.t.Helper()
	for _, action := range strings.Split(actions, ", ") {
		switch action {
		case "pay":
			w.expectOK(w.post("/v1/invoices/"+w.latestInvoice(sub)["id"].(string)+"/pay", "payment_method", "pm_card_visa"))
		case "cancel":
			w.expectOK(w.send(http.MethodDelete, path(sub), nil))
		case "card":
			w.expectOK(w.post("/v1/payment_methods/pm_card_visa/attach", "customer", sub["customer"].(string)))
			w.expectOK(w.post(path(sub), "default_payment_method", "pm_card_visa"))
		case "failing":
			w.failing(sub)
		case "unpaid":
			w.control("settings", map[string]any{"dunningEnd": "unpaid"})
		case "resume":
			w.expectOK(w.post(path(sub) + "/resume"))
		default:
			w.pass(action)
		}
	}
}
