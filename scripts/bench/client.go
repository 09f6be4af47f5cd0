package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// client asks a server over a connection of its own, without a pause. It does little
// work, as it shares the processors with those whom it asks.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	head   string // of each request, up to the length of its body
	out    []byte
	answer bytes.Buffer
}

func (p *peer) connect(ctx context.Context) (*client, error) {
	u, err := url.Parse(p.url)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), head: "POST " + u.Path + " HTTP/1.1\r\nHost: " + u.Host +
		"\r\nAuthorization: Bearer " + adminKey + "\r\nContent-Type: application/json\r\nContent-Length: "}, nil
}

// ask sends a document and returns the answer, which is valid until the next one.
func (c *client) ask(body []byte) ([]byte, error) {
	c.out = append(append(strconv.AppendInt(append(c.out[:0], c.head...), int64(len(body)), 10), "\r\n\r\n"...), body...)
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	c.answer.Reset()
	_, err = c.answer.ReadFrom(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, c.answer.Bytes())
	}
	return c.answer.Bytes(), err
}

// run lets so many clients do something for a turn's time, and returns how often they did
// it in a second.
func (p *peer) run(ctx context.Context, clients int, do func(*client) error) (rate float64, err error) {
	counts, errs := make([]int, clients), make([]error, clients)
	began := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			client, err := p.connect(ctx)
			if err != nil {
				errs[i] = err
				return
			}
			defer client.conn.Close()
			for time.Since(began) < turn && errs[i] == nil {
				if errs[i] = do(client); errs[i] == nil {
					counts[i]++
				}
			}
		})
	}
	all.Wait()
	n := 0
	for _, count := range counts {
		n += count
	}
	if err := errors.Join(errs...); err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
