package webhooks_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tallystick/internal/app"
	"tallystick/internal/testkit"
)

// echo is the body of an event that a request of an operation has caused.
func echo(id, objectID string) string {
	body := event(id, "customer.created", "customer", objectID)
	return strings.TrimSuffix(body, "}") + `,"request":{"id":"req_1","idempotency_key":"opn_1:create_customer"}}`
}

// queued returns the objects in the order in which workers apply their events.
func queued(t *testing.T, k *testkit.Kit) (ids []string) {
	t.Helper()
	rows, err := k.Store.DB.QueryContext(t.Context(),
		`SELECT args FROM river_job WHERE kind = 'apply_events' ORDER BY priority, scheduled_at, id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			t.Fatal(err)
		}
		var args struct{ Object struct{ ID string } }
		if err := json.Unmarshal(raw, &args); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, args.Object.ID)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestEchoesComeLast delivers events of our own requests, and then others: those do not
// wait in the queue behind them, even about an object that has an echo waiting, and the
// sweep does not put late echoes before others.
func TestEchoesComeLast(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			echoesComeLast(t, database)
		})
	}
}

func echoesComeLast(t *testing.T, database string) {
	t.Helper()
	var ahead time.Duration
	k := testkit.New(t, database, testkit.Idle, func(s *app.Settings) {
		s.Engine.Now = func() time.Time { return time.Now().Add(ahead) }
	})
	send := func(body string) {
		t.Helper()
		testkit.Equal(t, "status", deliver(t, k, body, testkit.WebhookSecret, time.Now()), http.StatusOK)
	}
	send(echo("evt_1", "cus_mine"))
	send(echo("evt_2", "cus_shared"))
	send(echo("evt_3", "cus_shared"))
	testkit.EqualSlices(t, "echoes alone", queued(t, k), []string{"cus_mine", "cus_shared"})

	send(event("evt_4", "customer.updated", "customer", "cus_theirs"))
	send(event("evt_5", "customer.updated", "customer", "cus_shared"))
	send(event("evt_6", "customer.updated", "customer", "cus_shared"))
	testkit.EqualSlices(t, "of echoes, once there are others", queued(t, k), []string{"cus_mine", "cus_shared"})
	var others []string
	for _, o := range k.Inbox.Fresh.All() {
		others = append(others, o.ID)
	}
	testkit.EqualSlices(t, "others", others, []string{"cus_theirs", "cus_shared"})

	apply(t, k, "customer", "cus_theirs")
	apply(t, k, "customer", "cus_shared")
	ahead = time.Minute
	if err := k.Inbox.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.EqualSlices(t, "after a sweep", queued(t, k), []string{"cus_mine", "cus_shared", "cus_mine"})
}
