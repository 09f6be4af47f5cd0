package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

// server stands for a machine that PostgreSQL runs on. One that hangs keeps its
// connections and accepts new ones, and says nothing any more.
type server struct {
	net.Listener
	to string

	mu    sync.Mutex
	hangs bool
	down  bool
	conns []net.Conn
}

func newServer(t *testing.T, to string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, to: to}
	go s.serve()
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.conns {
			c.Close()
		}
	})
	return s
}

func (s *server) serve() {
	for {
		client, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, client)
		hangs, down := s.hangs, s.down
		s.mu.Unlock()
		if down {
			client.Close()
		}
		if hangs || down {
			continue
		}
		database, err := net.Dial("tcp", s.to)
		if err != nil {
			client.Close()
			continue
		}
		go s.copy(database, client)
		go s.copy(client, database)
	}
}

// copy carries bytes until the server hangs.
func (s *server) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		s.mu.Lock()
		hangs := s.hangs
		s.mu.Unlock()
		if hangs {
			return
		}
		if err != nil {
			to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (s *server) set(hangs, down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs, s.down = hangs, down
}

// TestServerThatHangsIsLeft lets the first of two database servers hang, and the
// second take over.
func TestServerThatHangsIsLeft(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(testkit.EmptyPostgres(t))
	if err != nil {
		t.Fatal(err)
	}
	primary, standby := newServer(t, database.Host), newServer(t, database.Host)
	standby.set(false, true)
	hosts := *database
	hosts.Host = strings.Join([]string{primary.Addr().String(), standby.Addr().String()}, ",")

	s := migrated(t, hosts.String())
	follow(t, s)
	if _, err := add(t.Context(), s.Writer, "before@example.com"); err != nil {
		t.Fatal(err)
	}

	primary.set(true, false)
	standby.set(false, false)
	under := make(chan error, 1)
	go func() { // on its way when the server hangs, and without a deadline of its own
		_, err := add(context.WithoutCancel(t.Context()), s.Writer, "under-way@example.com")
		under <- err
	}()
	testkit.Eventually(t, "the second server to be used", func() bool {
		_, err := s.Reader.Customer.Query().Count(deadline(t))
		return err == nil
	})
	if err := <-under; err == nil {
		t.Error("what was under way on the server that hangs has succeeded")
	}
	if _, err := add(t.Context(), s.Writer, "after@example.com"); err != nil {
		t.Error(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("not ready on the second server: %v", err)
	}

	// And back again, when the second one hangs.
	primary.set(false, false)
	standby.set(true, false)
	testkit.Eventually(t, "the first server to be used again", func() bool {
		_, err := s.Reader.Customer.Query().Count(deadline(t))
		return err == nil
	})
}

// deadline is that of one try.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), store.PulseTime)
	t.Cleanup(cancel)
	return ctx
}

func follow(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { s.FollowServer(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() {
		cancel()
		following.Wait()
	})
}

// TestLockedTable lets a statement of somebody else's hold a table, and fills all
// connections of readers with those who wait for it.
func TestLockedTable(t *testing.T) {
	t.Parallel()
	s := migrated(t, testkit.EmptyPostgres(t)+"&pool_max_conns=8")
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	tx, err := s.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE customers"); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	for range 8 {
		waiting.Go(func() {
			if _, err := s.Reader.Customer.Query().Count(t.Context()); err == nil {
				t.Error("a locked table was read")
			}
		})
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("not ready while a table is locked: %v", err)
	}
	if _, err := s.Writer.Product.Query().Count(t.Context()); err != nil {
		t.Errorf("another table cannot be used: %v", err)
	}
	waiting.Wait() // none of them for ever
}

// TestCutByUsIsLost holds a connection that was cut here, because its server hangs, to be
// as lost as one that was cut there: what is read is read again from the other server.
func TestCutByUsIsLost(t *testing.T) {
	t.Parallel()
	conn := &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}
	if !store.IsLost(fmt.Errorf("query: %w", conn)) {
		t.Errorf("%v is no lost connection", conn)
	}
	if store.IsLost(errors.Join(store.ErrInDoubt, conn)) {
		t.Error("a commit in doubt would be repeated")
	}
}
