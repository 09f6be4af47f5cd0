package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// smallBody is what is read of any request's body at once. Few requests are larger.
	smallBody = 64 << 10
	// largeAtOnce is how many larger bodies are in memory at the same time.
	largeAtOnce = 4
	// largeWait is how long a larger body waits for that.
	largeWait = 5 * time.Second
)

// errNoRoom is the error of reading a body while too many large ones are in memory.
var errNoRoom = errors.New("too many large bodies are in memory")

// fewLargeBodies serves any number of requests with small bodies, and few at a time
// with large ones, which take several times their size while they are read and
// understood.
func fewLargeBodies(next http.Handler) http.Handler {
	room := make(chan struct{}, largeAtOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &roomyBody{ReadCloser: r.Body, ctx: r.Context(), room: room}
		defer b.leave()
		served := *r
		served.Body = b
		next.ServeHTTP(w, &served)
	})
}

// roomyBody waits for room before more of it is read than is small.
type roomyBody struct {
	io.ReadCloser
	ctx    context.Context //nolint:containedctx // a body lives no longer than its request
	room   chan struct{}
	read   int
	inside bool
}

func (b *roomyBody) Read(p []byte) (int, error) {
	if b.read > smallBody && !b.inside {
		if err := b.enter(); err != nil {
			return 0, err
		}
	}
	if !b.inside {
		p = p[:min(len(p), smallBody+1-b.read)]
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	return n, err
}

func (b *roomyBody) enter() error {
	timer := time.NewTimer(largeWait)
	defer timer.Stop()
	select {
	case b.room <- struct{}{}:
		b.inside = true
		return nil
	case <-timer.C:
		return errNoRoom
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

func (b *roomyBody) leave() {
	if b.inside {
		<-b.room
	}
}
