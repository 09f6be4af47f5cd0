package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// subprotocol is the one that is spoken:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
const subprotocol = "graphql-transport-ws"

// initTime is how long a client has to say who it is.
const initTime = 10 * time.Second

// The protocol's own codes for the end of a connection.
const (
	closeBadRequest    websocket.StatusCode = 4400
	closeUnauthorized  websocket.StatusCode = 4401
	closeForbidden     websocket.StatusCode = 4403
	closeInitTimeout   websocket.StatusCode = 4408
	closeSubscriberIs  websocket.StatusCode = 4409
	closeTooManyInits  websocket.StatusCode = 4429
	closeNoSubprotocol websocket.StatusCode = 4406
)

// closing is why a connection is closed.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c *closing) Error() string { return c.reason }

// wsMessage is one message of the protocol, in either direction.
type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is one client's connection.
type socket struct {
	api  *graphQL
	conn *websocket.Conn
	key  string

	mu      sync.Mutex
	active  map[string]context.CancelFunc // by the ids that the client gives
	running sync.WaitGroup
}

// serveWebSocket serves subscriptions over a WebSocket. Browsers open one to any
// server, whatever CORS says, so the origin is looked at here.
func (g *graphQL) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" && !allows(g.origins, origin) && !sameHost(origin, r.Host) {
		http.Error(w, "This origin is not allowed.", http.StatusForbidden)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // it has answered
	}
	conn.SetReadLimit(g.limits.BodyBytes)
	s := &socket{api: g, conn: conn, active: map[string]context.CancelFunc{}}
	end := &closing{closeNoSubprotocol, "Subprotocol not acceptable"}
	if conn.Subprotocol() == subprotocol {
		ctx, cancel := context.WithCancel(withRemote(r))
		failed := s.serve(ctx)
		cancel()
		s.running.Wait()
		if !errors.As(failed, &end) {
			_ = conn.CloseNow() // the client has gone
			return
		}
	}
	_ = conn.Close(end.code, end.reason) // the client may have gone
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host)
}

// serve serves a connection until it ends, and says why.
func (s *socket) serve(ctx context.Context) error {
	ctx, err := s.init(ctx)
	if err != nil {
		return err
	}
	leave, ok := s.api.exec.connections.enter(s.api.exec.allowance(ctx).Principal)
	if !ok {
		return &closing{websocket.StatusTryAgainLater, "Too many connections"}
	}
	defer leave()
	if err := s.write(wsMessage{Type: "connection_ack"}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.api.guard(ctx, s.key, cancel)
	go s.ping(ctx, cancel)
	// Reading ends with the connection only, so that it can be closed in good order.
	received, ended := make(chan wsMessage), make(chan error, 1)
	go func() { ended <- s.read(ctx, received) }()
	for {
		select {
		case m := <-received:
			if err := s.handle(ctx, m); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			switch err := context.Cause(ctx); {
			case errors.Is(err, errRevoked):
				return &closing{closeForbidden, "Forbidden"}
			case errors.Is(err, errEnding):
				return &closing{websocket.StatusServiceRestart, "The server shuts down"}
			default:
				return err
			}
		}
	}
}

// init waits until the client has said who it is.
func (s *socket) init(ctx context.Context) (context.Context, error) {
	timer := time.AfterFunc(initTime, func() { _ = s.conn.Close(closeInitTimeout, "Connection initialisation timeout") })
	m, err := s.receive(ctx)
	timer.Stop()
	if err != nil {
		return nil, err
	}
	if m.Type != "connection_init" {
		return nil, &closing{closeUnauthorized, "Unauthorized"}
	}
	var payload struct{ Authorization string } // in any case
	if len(m.Payload) > 0 && json.Unmarshal(m.Payload, &payload) != nil {
		return nil, &closing{closeBadRequest, "Invalid payload"}
	}
	key, ok := bearer(payload.Authorization)
	if !ok {
		return nil, &closing{closeForbidden, "Forbidden"}
	}
	if ctx, err = s.api.authenticate(ctx, key); err != nil {
		return nil, &closing{closeForbidden, "Forbidden"}
	}
	s.key = key
	return ctx, nil
}

// receive reads one message.
func (s *socket) receive(ctx context.Context) (m wsMessage, err error) {
	_, data, err := s.conn.Read(ctx)
	if err != nil {
		return m, err
	}
	if json.Unmarshal(data, &m) != nil {
		return m, &closing{closeBadRequest, "Invalid message"}
	}
	return m, nil
}

func (s *socket) read(ctx context.Context, to chan<- wsMessage) error {
	for {
		m, err := s.receive(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		select {
		case to <- m:
		case <-ctx.Done():
			return nil
		}
	}
}

// ping finds out whether the client is still there.
func (s *socket) ping(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			within, cancel := context.WithTimeout(ctx, writeTime)
			err := s.conn.Ping(within)
			cancel()
			if err != nil {
				end(err)
				return
			}
		}
	}
}

// write gives the client a while to take a message; afterwards the connection is closed.
func (s *socket) write(m wsMessage) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTime) //nolint:forbidigo // also when the stream has ended
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, data)
}

func (s *socket) handle(ctx context.Context, m wsMessage) error {
	switch m.Type {
	case "ping":
		return s.write(wsMessage{Type: "pong", Payload: m.Payload})
	case "pong":
		return nil
	case "subscribe":
		return s.subscribe(ctx, m)
	case "complete":
		s.stop(m.ID)
		return nil
	case "connection_init":
		return &closing{closeTooManyInits, "Too many initialisation requests"}
	default:
		return &closing{closeBadRequest, "Invalid message"}
	}
}

// stop reports whether there was something to stop.
func (s *socket) stop(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cancel, ok := s.active[id]
	if ok {
		cancel()
		delete(s.active, id)
	}
	return ok
}

func (s *socket) subscribe(ctx context.Context, m wsMessage) error {
	var fields map[string]json.RawMessage
	if m.ID == "" || json.Unmarshal(m.Payload, &fields) != nil {
		return &closing{closeBadRequest, "Invalid message"}
	}
	s.mu.Lock()
	_, taken := s.active[m.ID]
	s.mu.Unlock()
	if taken {
		return &closing{closeSubscriberIs, "Subscriber for " + clip(m.ID, 60) + " already exists"}
	}
	params, refused := readParams(func(name string) json.RawMessage { return fields[name] })
	if refused != nil {
		return s.fail(m.ID, gqlerror.List{refused.err})
	}
	opCtx, errs := s.api.exec.CreateOperationContext(graphql.StartOperationTrace(ctx), params)
	switch {
	case errs != nil:
		return s.fail(m.ID, errs)
	case opCtx.Operation.Operation != ast.Subscription:
		return s.fail(m.ID, gqlerror.List{newError(codeBadUserInput, "Queries and mutations are sent with POST")})
	}
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(ctx))
	s.mu.Lock()
	s.active[m.ID] = cancel
	s.mu.Unlock()
	s.running.Go(func() {
		defer cancel()
		if s.run(ctx, m.ID, opCtx) == nil && s.stop(m.ID) { // and not by the client
			_ = s.write(wsMessage{ID: m.ID, Type: "complete"}) // the client may have gone
		}
	})
	return nil
}

// run sends the answers of one subscription.
func (s *socket) run(ctx context.Context, id string, opCtx *graphql.OperationContext) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = s.fail(id, gqlerror.List{s.api.presented(ctx, fault)})
			s.stop(id)
		}
	}()
	return s.api.stream(ctx, opCtx, s.key, func(response *graphql.Response) error {
		return s.write(wsMessage{ID: id, Type: "next", Payload: encode(response, s.api.limits).Bytes()})
	})
}

// fail refuses a subscription.
func (s *socket) fail(id string, errs gqlerror.List) error {
	payload, err := json.Marshal(capped(errs, s.api.limits.Errors))
	if err != nil {
		return err
	}
	return s.write(wsMessage{ID: id, Type: "error", Payload: payload})
}
