package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/live"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

type object = map[string]any

// told leaves those who watch with what they are told of.
func told(s *app.Settings) { s.LookEvery = time.Hour }

type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// client is one end of a WebSocket.
type client struct {
	t    testing.TB
	conn *websocket.Conn
}

func dial(t testing.TB, url string, protocols ...string) client {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), url+"/graphql", &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		resp.Body.Close()
	}
	t.Cleanup(func() { conn.CloseNow() })
	return client{t, conn}
}

// connect opens a connection with a key.
func connect(t testing.TB, url, key string) client {
	t.Helper()
	c := dial(t, url, "graphql-transport-ws")
	c.send(message{Type: "connection_init", Payload: asJSON(object{"Authorization": "Bearer " + key})})
	if m := c.receive(); m.Type != "connection_ack" {
		t.Fatalf("%s %s", m.Type, m.Payload)
	}
	return c
}

func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (c client) send(m message) {
	c.t.Helper()
	if err := wsjson.Write(c.t.Context(), c.conn, m); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) receive() (m message) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	if err := wsjson.Read(ctx, c.conn, &m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// ends is the code with which the server closes the connection, after whatever it
// still says.
func (c client) ends() websocket.StatusCode {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, _, err := c.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

func (c client) subscribe(id, query string, variables object) {
	c.t.Helper()
	c.send(message{ID: id, Type: "subscribe", Payload: asJSON(object{"query": query, "variables": variables})})
}

// next is what the next message of a subscription says.
func (c client) next(id string) string {
	c.t.Helper()
	m := c.receive()
	if m.ID != id || m.Type != "next" {
		c.t.Fatalf("got %s of %s: %s", m.Type, m.ID, m.Payload)
	}
	return string(m.Payload)
}

// until reads messages up to one that has a text.
func (c client) until(id, text string) {
	c.t.Helper()
	for {
		if got := c.next(id); strings.Contains(got, text) {
			return
		}
	}
}

const (
	watchOperation     = `subscription($id: ID!) { operationUpdated(id: $id) { status subject { id } stripeCalls { path } } }`
	watchSubscriptions = `subscription($id: ID) { subscriptionUpdated(customerId: $id) { id status cancelAtPeriodEnd customer { email } latestInvoice { status } } }`
)

func key(t testing.TB, k *testkit.Kit, scopes ...string) string {
	t.Helper()
	return k.Query(t, `mutation($s: [Scope!]!) { createApiKey(input: {name: "test", scopes: $s}) { secret } }`, object{"s": scopes}).
		String("createApiKey.secret")
}

func token(t testing.TB, k *testkit.Kit, customer string) string {
	t.Helper()
	return k.Query(t, `mutation($id: ID!) { createCustomerSession(input: {customerId: $id}) { token } }`, object{"id": customer}).
		String("createCustomerSession.token")
}

// bought is a customer with a subscription.
type bought struct{ customer, subscription string }

func buy(t testing.TB, k *testkit.Kit, email string) (b bought) {
	t.Helper()
	b.customer = k.Query(t, `mutation($e: String!) { createCustomer(input: {email: $e}) { customer { id } } }`, object{"e": email}).
		String("createCustomer.customer.id")
	b.subscription = subscribe(t, k, b.customer)
	return b
}

func subscribe(t testing.TB, k *testkit.Kit, customer string) string {
	t.Helper()
	price := k.Query(t, `mutation { createProduct(input: {name: "Plan", price: {unitAmount: 900, currency: "USD", recurring: {interval: MONTH}}}) {
		product { defaultPrice { id } } } }`).String("createProduct.product.defaultPrice.id")
	return k.Query(t, `mutation($c: ID!, $p: ID!) { createSubscription(input: {customerId: $c, priceId: $p, paymentMethod: "pm_card_visa"}) {
		subscription { id } } }`, object{"c": customer, "p": price}).String("createSubscription.subscription.id")
}

func change(t testing.TB, k *testkit.Kit, mutation, subscription string) {
	t.Helper()
	payload := k.Query(t, fmt.Sprintf(`mutation($id: ID!) { %s(input: {subscriptionId: $id}) { userErrors { code } } }`, mutation), object{"id": subscription})
	if payload.Has(mutation + ".userErrors.0") {
		t.Fatal(payload.Raw())
	}
}

func TestAnOperationIsWatched(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		made := k.Query(t, `mutation { createCustomer(input: {email: "ann@example.com"}) { operation { id } customer { id } } }`).At("createCustomer")
		c := connect(t, k.URL, k.Key)
		c.subscribe("1", watchOperation, object{"id": made.String("operation.id")})
		if got := c.next("1"); !strings.Contains(got, `"PENDING"`) || !strings.Contains(got, made.String("customer.id")) {
			t.Errorf("at first: %s", got)
		}
		k.Work(t)
		c.until("1", `"SUCCEEDED"`)

		again := connect(t, k.URL, k.Key)
		again.subscribe("x", watchOperation, object{"id": made.String("operation.id")})
		if got := again.next("x"); !strings.Contains(got, `"SUCCEEDED"`) || !strings.Contains(got, "/v1/customers") {
			t.Errorf("after connecting again: %s", got)
		}
	}, told)
}

// A customer's token watches its own subscriptions, and hears of nobody else's.
func TestSubscriptionsAreWatched(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ann, bob := buy(t, k, "ann@example.com"), buy(t, k, "bob@example.com")
		own, all, one := connect(t, k.URL, token(t, k, ann.customer)), connect(t, k.URL, k.Key), connect(t, k.URL, key(t, k, "READ_SUBSCRIPTIONS"))
		own.subscribe("1", watchSubscriptions, nil)
		if got := own.next("1"); !strings.Contains(got, ann.subscription) || !strings.Contains(got, `"PAID"`) {
			t.Errorf("at first: %s", got)
		}
		all.subscribe("1", watchSubscriptions, nil)
		one.subscribe("1", `subscription($id: ID) { subscriptionUpdated(customerId: $id) { id cancelAtPeriodEnd } }`, object{"id": bob.customer})
		one.until("1", bob.subscription)
		all.send(message{Type: "ping"})
		if m := all.receive(); m.Type != "pong" { // and so it watches by now
			t.Fatalf("%s %s", m.Type, m.Payload)
		}
		k.Eventually(t, "the watch to begin", k.Live.Watching)

		change(t, k, "cancelSubscription", bob.subscription)
		one.until("1", `"cancelAtPeriodEnd":true`)
		change(t, k, "cancelSubscription", ann.subscription)
		for {
			got := own.next("1")
			if strings.Contains(got, "bob") || strings.Contains(got, bob.subscription) {
				t.Fatalf("Ann hears of Bob: %s", got)
			}
			if strings.Contains(got, `"cancelAtPeriodEnd":true`) {
				break
			}
		}
		all.until("1", ann.subscription)

		quiet := connect(t, k.URL, token(t, k, ann.customer)) // hears of no more changes
		for name, of := range map[string]client{"Bob's": quiet, "nobody's": quiet} {
			id := bob.customer
			if name == "nobody's" {
				id = billing.NewID(billing.CustomerPrefix)
			}
			of.subscribe(name, watchSubscriptions, object{"id": id})
			got := of.next(name)
			if got = strings.ReplaceAll(got, id, "ID"); !strings.Contains(got, `"NOT_FOUND"`) || strings.Contains(got, "bob") {
				t.Errorf("%s: %s", name, got)
			}
			if m := of.receive(); m.Type != "complete" {
				t.Errorf("%s: %s", name, m.Type)
			}
		}
		quiet.subscribe("op", watchOperation, object{"id": billing.NewID(billing.OperationPrefix)})
		if got := quiet.next("op"); !strings.Contains(got, `"FORBIDDEN"`) {
			t.Errorf("an operation, for Ann: %s", got)
		}
	}, told)
}

// What happens in one process is seen in another.
func TestUpdatesCrossReplicas(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle, told)
	ann := buy(t, k, "ann@example.com")
	replica := k.Replica(t)
	server := httptest.NewServer(replica.Handler)
	t.Cleanup(server.Close)
	c := connect(t, server.URL, k.Key)
	c.subscribe("1", watchSubscriptions, object{"id": ann.customer})
	c.until("1", ann.subscription)
	k.Eventually(t, "the other process to know that somebody watches", k.Live.Watching)
	change(t, k, "cancelSubscription", ann.subscription)
	c.until("1", `"cancelAtPeriodEnd":true`)
}

// watchAll watches everybody's subscriptions, from when it returns.
func watchAll(t testing.TB, url, key string) client {
	t.Helper()
	c := connect(t, url, key)
	c.subscribe("1", `subscription { subscriptionUpdated { id cancelAtPeriodEnd } }`, nil)
	c.send(message{Type: "ping"})
	if m := c.receive(); m.Type != "pong" {
		t.Fatalf("%s %s", m.Type, m.Payload)
	}
	return c
}

// underWay begins a transaction that changes a subscription, which commit ends.
func underWay(t testing.TB, k *testkit.Kit, subscription string) (commit func()) {
	t.Helper()
	changed, end, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		over <- k.Store.InTx(context.WithoutCancel(t.Context()), func(ctx context.Context, tx *store.Tx) error {
			err := tx.Subscription.UpdateOneID(subscription).SetCancelAtPeriodEnd(true).Exec(ctx)
			close(changed)
			<-end
			return err
		})
	}()
	<-changed
	return func() {
		t.Helper()
		close(end)
		if err := <-over; err != nil {
			t.Fatal(err)
		}
	}
}

// TestCallsCrossReplicas calls the other processes to work, often: they hear of it, and
// the caller does not.
func TestCallsCrossReplicas(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "postgres", testkit.Idle)
	caller, other := k.Replica(t, told), k.Replica(t, told)
	heard := func() bool { // a call is lost on who does not listen yet
		caller.Live.CallToWork()
		select {
		case <-other.Live.CalledToWork():
			return true
		default:
			return false
		}
	}
	for range 3 {
		testkit.Eventually(t, "the other process to hear", heard)
	}
	select {
	case <-caller.Live.CalledToWork():
		t.Error("a process hears its own calls")
	default:
	}
}

// A change that was under way when the first watch began is seen.
func TestAChangeUnderWayIsSeen(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ann := buy(t, k, "ann@example.com")
		commit := underWay(t, k, ann.subscription)
		c := watchAll(t, k.URL, k.Key)
		k.Eventually(t, "the watch to begin", k.Live.Watching)
		commit()
		c.until("1", `"cancelAtPeriodEnd":true`)
	}, told)
}

// So is one in another process, and one that it makes before it knows that somebody watches.
func TestChangesBeforeOthersKnowAreSeen(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"under way": true, "before it knows": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := testkit.New(t, "postgres", testkit.Idle, told)
			ann := buy(t, k, "ann@example.com")
			replica := k.Replica(t)
			server := httptest.NewServer(replica.Handler)
			t.Cleanup(server.Close)
			hears := k.Live.Watch(live.Everything)
			k.Eventually(t, "the replica to hear of others", replica.Live.Watching)
			hears.Close()
			commit := underWay(t, k, ann.subscription)
			if !known {
				commit()
			}
			c := watchAll(t, server.URL, k.Key)
			if known {
				k.Eventually(t, "the other process to know", k.Live.Watching)
				commit()
			}
			c.until("1", `"cancelAtPeriodEnd":true`)
		})
	}
}

// A change that nobody tells of is found at the next look.
func TestALostNotificationIsMadeGood(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ann := buy(t, k, "ann@example.com")
		c := connect(t, k.URL, k.Key)
		c.subscribe("1", watchSubscriptions, object{"id": ann.customer})
		c.until("1", ann.subscription)
		silent, err := store.Open(t.Context(), k.DatabaseURL()) // as of a program that tells nobody
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		if err := silent.Writer.Subscription.UpdateOneID(ann.subscription).SetCancelAtPeriodEnd(true).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.until("1", `"cancelAtPeriodEnd":true`)
	}, func(s *app.Settings) { s.LookEvery = 50 * time.Millisecond })
}

func TestAWatchEndsWithItsKey(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ann := buy(t, k, "ann@example.com")
		secret := key(t, k, "READ_SUBSCRIPTIONS", "READ_CUSTOMERS", "READ_INVOICES")
		c := connect(t, k.URL, secret)
		c.subscribe("1", watchSubscriptions, object{"id": ann.customer})
		c.until("1", ann.subscription)
		events := listen(t, k.URL, secret, object{"query": watchSubscriptions, "variables": object{"id": ann.customer}})
		if got := events.next(); !strings.Contains(got, ann.subscription) {
			t.Errorf("at first: %s", got)
		}
		id := k.Query(t, `{ apiKeys(first: 1) { edges { node { id } } } }`).String("apiKeys.edges.0.node.id")
		k.Query(t, `mutation($id: ID!) { revokeApiKey(input: {apiKeyId: $id}) { userErrors { code } } }`, object{"id": id})
		revoked := time.Now()
		if got := c.ends(); got != 4403 {
			t.Errorf("the connection ends with %d", got)
		}
		if took := time.Since(revoked); took > 20*time.Second {
			t.Errorf("after %s", took)
		}
		if got := events.next(); !strings.Contains(got, `"UNAUTHENTICATED"`) {
			t.Errorf("the events end with %s", got)
		}
		events.complete()
	})
}

// events are what a server sends.
type events struct {
	t testing.TB
	*bufio.Scanner
}

func listen(t testing.TB, url, key string, body object) events {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", strings.NewReader(string(asJSON(body))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	resp := testkit.Client{URL: url, Key: key}.Do(t, req) //nolint:bodyclose // with the test
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("%s, %s", resp.Status, got)
	}
	return events{t, bufio.NewScanner(resp.Body)}
}

// line is the next line with something in it; empty when there is none.
func (e events) line() string {
	for e.Scan() {
		if text := e.Text(); text != "" && text != ":" {
			return text
		}
	}
	return ""
}

func (e events) next() string {
	e.t.Helper()
	if got := e.line(); got != "event: next" {
		e.t.Fatalf("got %q", got)
	}
	return e.line()
}

func (e events) complete() {
	e.t.Helper()
	if got := e.line() + e.line() + e.line(); got != "event: completedata:" {
		e.t.Errorf("the end is %q", got)
	}
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ann := buy(t, k, "ann@example.com")
		e := listen(t, k.URL, k.Key, object{"query": watchSubscriptions, "variables": object{"id": ann.customer}})
		if got := e.next(); !strings.Contains(got, ann.subscription) {
			t.Errorf("at first: %s", got)
		}
		change(t, k, "cancelSubscription", ann.subscription)
		for !strings.Contains(e.next(), `"cancelAtPeriodEnd":true`) {
		}
		k.EndStreams()
		if got := e.line(); got != "" { // no end, so that the client connects again
			t.Errorf("after the end: %q", got)
		}
	}, told)
}

// Those who only take events get everything as events, and those who take JSON too
// get subscriptions alone that way.
func TestWhoGetsEvents(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle)
	for query, says := range map[string]string{`{ viewer { kind } }`: `"ADMIN"`, `{ nosuch }`: "GRAPHQL_VALIDATION_FAILED"} {
		e := listen(t, k.URL, k.Key, object{"query": query})
		if got := e.next(); !strings.Contains(got, says) {
			t.Errorf("%s: %s", query, got)
		}
		e.complete()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, k.URL+"/graphql", strings.NewReader(`{"query": "{ viewer { kind } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json, text/event-stream, multipart/mixed")
	resp := k.Do(t, req)
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/graphql-response+json") {
		t.Errorf("a query is answered as %s", got)
	}
}

func TestTheProtocolIsKept(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle, told)
	init := message{Type: "connection_init", Payload: asJSON(object{"authorization": "Bearer " + k.Key})}
	operation := k.Query(t, `mutation { createCustomer(input: {email: "ann@example.com"}) { operation { id } } }`).String("createCustomer.operation.id")
	watch := message{ID: "1", Type: "subscribe", Payload: asJSON(object{"query": watchOperation, "variables": object{"id": operation}})}
	for name, c := range map[string]struct {
		send []message
		code websocket.StatusCode
	}{
		"a wrong key":                 {[]message{{Type: "connection_init", Payload: asJSON(object{"Authorization": "Bearer tsk_wrong"})}}, 4403},
		"no key":                      {[]message{{Type: "connection_init"}}, 4403},
		"a payload that is none":      {[]message{{Type: "connection_init", Payload: asJSON("key")}}, 4400},
		"no init":                     {[]message{watch}, 4401},
		"two inits":                   {[]message{init, init}, 4429},
		"something unknown":           {[]message{init, {Type: "start", ID: "1"}}, 4400},
		"the same id twice":           {[]message{init, watch, watch}, 4409},
		"a subscription without id":   {[]message{init, {Type: "subscribe", Payload: watch.Payload}}, 4400},
		"a subscription without body": {[]message{init, {Type: "subscribe", ID: "1", Payload: asJSON("x")}}, 4400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := dial(t, k.URL, "graphql-transport-ws")
			for _, m := range c.send {
				ws.send(m)
			}
			if got := ws.ends(); got != c.code {
				t.Errorf("closed with %d, want %d", got, c.code)
			}
		})
	}
	t.Run("another protocol", func(t *testing.T) {
		if got := dial(t, k.URL, "graphql-ws").ends(); got != 4406 {
			t.Errorf("closed with %d", got)
		}
	})
	t.Run("a message that is no JSON", func(t *testing.T) {
		ws := connect(t, k.URL, k.Key)
		if err := ws.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type"`)); err != nil {
			t.Fatal(err)
		}
		if got := ws.ends(); got != 4400 {
			t.Errorf("closed with %d", got)
		}
	})
	t.Run("what is refused leaves the connection open", func(t *testing.T) {
		ws := connect(t, k.URL, k.Key)
		for _, query := range []string{`{ viewer { kind } }`, `mutation { createCustomer(input: {email: "x@example.com"}) { operation { id } } }`, `subscription { nosuch }`, ``} {
			ws.subscribe("1", query, nil)
			if m := ws.receive(); m.Type != "error" || m.ID != "1" || !strings.Contains(string(m.Payload), `"code"`) {
				t.Errorf("%s: %s %s", query, m.Type, m.Payload)
			}
		}
		ws.subscribe("1", watchOperation, object{"id": operation})
		ws.next("1")
		ws.send(message{ID: "1", Type: "complete"})
		ws.subscribe("1", watchOperation, object{"id": operation}) // it is free again
		ws.next("1")
	})
	t.Run("pages of other origins", func(t *testing.T) {
		for origin, ok := range map[string]bool{"https://evil.example": false, k.URL: true} {
			conn, resp, err := websocket.Dial(t.Context(), k.URL+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // of a WebSocket
				Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}},
			})
			if (err == nil) != ok || !ok && resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %v", origin, err)
			}
			if err == nil {
				conn.CloseNow()
			}
		}
	})
}

func TestWatchesHaveALimit(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle, told)
	operation := k.Query(t, `mutation { createCustomer(input: {email: "ann@example.com"}) { operation { id } } }`).String("createCustomer.operation.id")
	c := connect(t, k.URL, k.Key)
	for i := range 100 {
		c.subscribe(fmt.Sprint(i), watchOperation, object{"id": operation})
		if m := c.receive(); m.Type != "next" || strings.Contains(string(m.Payload), "errors") {
			t.Fatalf("the %dth: %s %s", i+1, m.Type, m.Payload)
		}
	}
	other := connect(t, k.URL, k.Key)
	other.subscribe("x", watchOperation, object{"id": operation})
	if got := other.next("x"); !strings.Contains(got, `"RATE_LIMITED"`) {
		t.Errorf("one more: %s", got)
	}
	if m := other.receive(); m.Type != "complete" {
		t.Errorf("one more: %s", m.Type)
	}
	c.send(message{ID: "7", Type: "complete"})
	k.Eventually(t, "room for another one", func() bool {
		other.subscribe("x", watchOperation, object{"id": operation})
		got := other.next("x")
		if strings.Contains(got, `"RATE_LIMITED"`) {
			other.receive() // its end
			return false
		}
		return true
	})
	c.conn.CloseNow()
	k.Eventually(t, "the watches of a client that has gone to end", func() bool {
		third := connect(t, k.URL, k.Key)
		defer third.conn.CloseNow()
		for i := range 50 {
			third.subscribe(fmt.Sprint(i), watchOperation, object{"id": operation})
			if strings.Contains(third.next(fmt.Sprint(i)), `"RATE_LIMITED"`) {
				return false
			}
		}
		return true
	})
}

func TestTheServerEndsWatches(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle, told)
	ann := buy(t, k, "ann@example.com")
	c := connect(t, k.URL, k.Key)
	c.subscribe("1", watchSubscriptions, object{"id": ann.customer})
	c.next("1")
	k.EndStreams()
	if got := c.ends(); got != websocket.StatusServiceRestart { // on which clients connect again
		t.Errorf("closed with %d", got)
	}
}
