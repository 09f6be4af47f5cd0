package testkit

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// Cable leads to a PostgreSQL, and can be cut so that the server carries out what it was
// sent while nobody hears of it.
type Cable struct {
	// URL is that of the database by way of the cable.
	URL string

	listener net.Listener
	server   string
	words    atomic.Pointer[[]byte]
	cut      atomic.Int64
	trips    atomic.Int64
	open     sync.WaitGroup
}

// NewCable leads to a database until the test is over.
func NewCable(t testing.TB, databaseURL string) *Cable {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cable{listener: listener, server: u.Host}
	u.Host = listener.Addr().String()
	c.URL = u.String()
	c.open.Go(c.accept)
	t.Cleanup(func() {
		listener.Close()
		c.open.Wait()
	})
	return c
}

// CutAfter cuts the connection that sends some words, once the server has answered to
// them: the answer is lost. It does so once.
func (c *Cable) CutAfter(words string) {
	b := []byte(words)
	c.words.Store(&b)
}

// Cuts is how many connections were cut.
func (c *Cable) Cuts() int { return int(c.cut.Load()) }

// Trips is how many round trips there were: how often one of the connections has asked
// after the server had answered.
func (c *Cable) Trips() int { return int(c.trips.Load()) }

func (c *Cable) accept() {
	for {
		here, err := c.listener.Accept()
		if err != nil {
			return
		}
		there, err := new(net.Dialer).DialContext(context.Background(), "tcp", c.server)
		if err != nil {
			here.Close()
			continue
		}
		c.open.Go(func() { c.lead(here, there) })
	}
}

// lead passes on what both sides say, until one of them ends or the cable is cut.
func (c *Cable) lead(here, there net.Conn) {
	defer here.Close()
	var doomed, asked atomic.Bool
	c.open.Go(func() {
		defer there.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := here.Read(buffer)
			if n > 0 && !asked.Swap(true) {
				c.trips.Add(1)
			}
			if words := c.words.Load(); words != nil && bytes.Contains(buffer[:n], *words) && c.words.CompareAndSwap(words, nil) {
				doomed.Store(true)
			}
			if _, writeErr := there.Write(buffer[:n]); err != nil || writeErr != nil {
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := there.Read(buffer)
		asked.Store(false)
		if doomed.Load() {
			c.cut.Add(1)
			return
		}
		if _, writeErr := here.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}
