package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is a handler that keeps what it has read until it is let go, and what came of
// each request.
type crowd struct {
	http.Handler
	leave chan struct{}
	in    chan int
	errs  chan error
}

func newCrowd() *crowd {
	c := &crowd{leave: make(chan struct{}), in: make(chan int, 100), errs: make(chan error, 100)}
	c.Handler = fewLargeBodies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			c.errs <- err
			return
		}
		c.in <- len(body)
		<-c.leave
	}))
	return c
}

func (c *crowd) come(size int) {
	go c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, size))))
	synctest.Wait()
}

func (c *crowd) has(t *testing.T, when string, in, refused int) {
	t.Helper()
	if len(c.in) != in || len(c.errs) != refused {
		t.Errorf("%s: %d are in and %d refused, want %d and %d", when, len(c.in), len(c.errs), in, refused)
	}
}

// TestFewLargeBodies lets more large bodies come than there is room for: the next one
// waits until another leaves, or for five seconds, and small ones do not wait at all.
func TestFewLargeBodies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		for range largeAtOnce {
			c.come(smallBody + 2)
		}
		c.has(t, "as many as there is room for", largeAtOnce, 0)
		c.come(smallBody)
		c.come(10)
		c.has(t, "small ones", largeAtOnce+2, 0)
		c.come(1 << 20)
		c.has(t, "one too many", largeAtOnce+2, 0)
		for range 3 { // any three: one at least is large
			c.leave <- struct{}{}
		}
		synctest.Wait()
		c.has(t, "after some have left", largeAtOnce+3, 0)
		for range largeAtOnce {
			c.come(1 << 20)
		}
		<-time.After(largeWait)
		synctest.Wait()
		if len(c.errs) == 0 {
			t.Fatal("nobody is refused")
		}
		for len(c.errs) > 0 {
			if err := <-c.errs; !errors.Is(err, errNoRoom) {
				t.Errorf("refused with %v", err)
			}
		}
		close(c.leave)
	})
}
