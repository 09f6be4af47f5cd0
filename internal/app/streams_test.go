package app_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// The program stops in good order while somebody watches: at once, with an end that
// makes clients connect again, and without an error in the log.
func TestStopWithOpenStreams(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		p.start(t)
		const watch = `{"query": "subscription { subscriptionUpdated { id } }"}`
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/graphql", strings.NewReader(watch))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "text/event-stream")
		ended := make(chan string, 1)
		conn, _, err := websocket.Dial(t.Context(), p.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}) //nolint:bodyclose // of a WebSocket
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow()
		type message = map[string]any
		for _, m := range []message{
			{"type": "connection_init", "payload": message{"Authorization": "Bearer " + p.Key}},
			{"type": "subscribe", "id": "1", "payload": message{"query": "subscription { subscriptionUpdated { id } }"}},
			{"type": "ping"},
		} {
			if err := wsjson.Write(t.Context(), conn, m); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"connection_ack", "pong"} {
			var m message
			if err := wsjson.Read(t.Context(), conn, &m); err != nil || m["type"] != want {
				t.Fatalf("%v, %v; want %s", m, err, want)
			}
		}
		resp := p.Do(t, req) //nolint:bodyclose // below, once it has ended
		go func() {
			defer resp.Body.Close()
			var all strings.Builder
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				all.WriteString(lines.Text())
			}
			ended <- all.String()
		}()
		begun := time.Now()
		p.stop(t)
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("the stop took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, _, err := conn.Read(ctx); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("the WebSocket ends with %v", err)
		}
		if got := <-ended; strings.Contains(got, "complete") {
			t.Errorf("the events end with %q", got)
		}
		if log := p.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "WARN") {
			t.Errorf("the log has:\n%s", log)
		}
	})
}
