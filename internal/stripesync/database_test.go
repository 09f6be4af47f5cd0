package stripesync_test

import (
	"bytes"
	"database/sql"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// TestDatabaseIsLostAfterTheBeginning takes a server's database away while its
// request to Stripe is under way: the client gets the operation, which goes on
// elsewhere, and the same key finds it.
func TestDatabaseIsLostAfterTheBeginning(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		w := testkit.NewWire(t)
		replica := s.Replica(t, w.Lay)
		w.Before(func(int, *http.Request) testkit.Verdict {
			replica.Store.Close()
			return testkit.Pass
		})
		server := httptest.NewServer(replica.Handler)
		defer server.Close()
		input := map[string]any{"productId": product.ID, "unitAmount": 2000, "idempotencyKey": "once"}
		const change = `mutation($input: UpdateProductPriceInput!) { updateProductPrice(input: $input) {
			operation { id status } userErrors { code } } }`
		answer := testkit.Client{URL: server.URL, Key: testkit.AdminKey}.Query(t, change, map[string]any{"input": input}).At("updateProductPrice")
		testkit.Equal(t, "status", answer.String("operation.status"), "PENDING")
		testkit.Equal(t, "an error", answer.Has("userErrors.0"), false)

		s.takeOver(t)
		again := s.run(t, change, input)
		testkit.Equal(t, "the operation of the same key", again.String("operation.id"), answer.String("operation.id"))
		testkit.Equal(t, "its status", again.String("operation.status"), "SUCCEEDED")
		s.equalProduct(t, product.ID)
	})
}

// TestConnectionIsCutAtTheCommit loses the database's answer to the commit with
// which a mutation begins: it has begun, and the client hears no fault.
func TestConnectionIsCutAtTheCommit(t *testing.T) {
	t.Parallel()
	s := newShop(t, "postgres")
	direct := s.Store.DB
	cut := throughCutter(t, s.Store.Queue.Config().ConnString())
	s.Store.DB = cut.db
	answer := s.run(t, createCustomer, map[string]any{"email": "ada@example.com"})
	s.Store.DB = direct
	testkit.Equal(t, "connections that were cut", cut.cuts.Load(), 1)
	testkit.Equal(t, "status", answer.String("operation.status"), string(billing.OperationPending))
	s.settle(t)
	s.oneCustomer(t, answer.String("customer.id"))
}

// cutter lies between a server and PostgreSQL, and cuts the connection as soon as
// it has let the first commit through.
type cutter struct {
	db   *sql.DB
	cuts atomic.Int32
}

func throughCutter(t *testing.T, database string) *cutter {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, to := &cutter{}, u.Host
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			answers := make(chan bool, 1)
			go c.requests(server, client, answers)
			go c.answers(client, server, answers)
		}
	}()
	u.Host = l.Addr().String()
	if c.db, err = sql.Open("pgx", u.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.db.Close()
		l.Close()
	})
	return c
}

// requests carries what the server asks, and notes when it asks for a commit.
func (c *cutter) requests(to, from net.Conn, commits chan<- bool) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte("commit\x00")) && c.cuts.CompareAndSwap(0, 1) {
			commits <- true
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// answers carries what the database answers, but for the answer to that commit.
func (c *cutter) answers(to, from net.Conn, commits <-chan bool) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		select {
		case <-commits:
			return
		default:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
