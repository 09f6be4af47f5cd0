// Package live tells those who watch that something has changed: in this process at
// once, and in the others by PostgreSQL's notifications. By these, processes also call
// each other to work. A notification can be lost, so it is a reason to look sooner, and
// whoever watches looks now and then anyway.
package live

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tallystick/internal/billing"
	"tallystick/internal/store"
)

const (
	channel = "tallystick_live"
	// sendEvery is for how long changes are gathered for one notification.
	sendEvery = 20 * time.Millisecond
	// tellEvery is how often a process says that somebody watches there, and
	// believeFor for how long the others believe it.
	tellEvery  = 5 * time.Second
	believeFor = 3 * tellEvery
	// perNotification is how many changes fit into the 8,000 bytes of one.
	perNotification = 60
	// maxPending is how many changes a watch holds before it is told to look at
	// everything.
	maxPending = 1000
)

// Hub knows who watches what.
type Hub struct {
	store     *store.Store
	logger    *slog.Logger
	process   string // who sends
	pollEvery time.Duration

	mu       sync.Mutex
	watches  map[string]map[*Watch]bool // by topic
	watching int
	believed time.Time // until when somebody watches in another process
	unsent   map[store.Change]bool
	untold   bool          // whether there were changes that the others cannot be told of
	calling  bool          // whether the others are to be called to work
	awake    chan struct{} // wakes the sender up
	called   chan struct{} // holds one when another process has called
}

// Everything is the topic of all subscriptions.
const Everything = ""

// New builds a hub for a store's changes. pollEvery is how often those who watch look
// although they were told of nothing.
func New(s *store.Store, pollEvery time.Duration, logger *slog.Logger) *Hub {
	h := &Hub{
		store: s, logger: logger, process: billing.NewID("prc"), pollEvery: pollEvery,
		watches: map[string]map[*Watch]bool{}, unsent: map[store.Change]bool{}, awake: make(chan struct{}, 1),
		called: make(chan struct{}, 1),
	}
	s.ReportTo(h)
	return h
}

// Watching implements [store.Listener].
func (h *Hub) Watching() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.watching > 0 || h.elsewhere()
}

// elsewhere reports whether somebody watches in another process.
func (h *Hub) elsewhere() bool { return time.Now().Before(h.believed) }

// Changed implements [store.Listener].
func (h *Hub) Changed(changes []store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliver(changes)
	if !h.elsewhere() {
		return
	}
	for _, c := range changes {
		h.unsent[c] = true
	}
	h.wake()
}

// Missed implements [store.Listener].
func (h *Hub) Missed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookAll()
	if h.elsewhere() {
		h.untold = true
		h.wake()
	}
}

// CallToWork tells the other processes, in a moment and once for all calls until then,
// that there is work which this one cannot do.
func (h *Hub) CallToWork() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calling = true
	h.wake()
}

// CalledToWork holds a value when another process has called.
func (h *Hub) CalledToWork() <-chan struct{} { return h.called }

func (h *Hub) wake() {
	select {
	case h.awake <- struct{}{}:
	default:
	}
}

func (h *Hub) deliver(changes []store.Change) {
	for _, c := range changes {
		for w := range h.watches[c.Operation+c.Customer] {
			w.add(c)
		}
		if c.Subscription != "" {
			for w := range h.watches[Everything] {
				w.add(c)
			}
		}
	}
}

// Watch is somebody's interest in a topic.
type Watch struct {
	hub   *Hub
	topic string
	ready chan struct{} // holds one when there is something to take

	// Of the hub's lock.
	ids    map[string]bool
	missed bool
}

// Watch begins to watch a topic: an operation's id, a customer's for its
// subscriptions, or [Everything]. It is to be closed.
func (h *Hub) Watch(topic string) *Watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &Watch{hub: h, topic: topic, ready: make(chan struct{}, 1), ids: map[string]bool{}}
	if h.watches[topic] == nil {
		h.watches[topic] = map[*Watch]bool{}
	}
	h.watches[topic][w] = true
	if h.watching++; h.watching == 1 {
		h.wake() // so that the others know
	}
	return w
}

// Close ends a watch.
func (w *Watch) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if !w.hub.watches[w.topic][w] {
		return
	}
	w.hub.watching--
	if delete(w.hub.watches[w.topic], w); len(w.hub.watches[w.topic]) == 0 {
		delete(w.hub.watches, w.topic)
	}
}

func (w *Watch) add(c store.Change) {
	if w.ids[c.Operation+c.Subscription] = true; len(w.ids) > maxPending {
		w.ids, w.missed = map[string]bool{}, true
	}
	w.signal()
}

func (w *Watch) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// Next waits for changes and returns the ids of what has changed. Everything that is
// watched is to be looked at when missed is true: there may have been changes that
// nobody told of. It is false for ok when the context has ended.
func (w *Watch) Next(ctx context.Context) (ids []string, missed, ok bool) {
	timer := time.NewTimer(w.hub.pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, false, false
	case <-timer.C:
		// Those who watch everything have too much to look at.
		return nil, w.topic != Everything, true
	case <-w.ready:
	}
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	ids, missed = slices.Sorted(maps.Keys(w.ids)), w.missed
	w.ids, w.missed = map[string]bool{}, false
	return ids, missed, true
}

// message is what processes tell each other.
type message struct {
	From     string         `json:"from"`
	Watching bool           `json:"watching,omitempty"`
	Missed   bool           `json:"missed,omitempty"` // there were changes that it cannot tell of
	Calls    bool           `json:"calls,omitempty"`  // to work that it cannot do
	Changes  []store.Change `json:"changes,omitempty"`
}

// Run exchanges changes with the other processes on a PostgreSQL until the context
// ends.
func (h *Hub) Run(ctx context.Context) {
	if h.store.Queue == nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { h.again(ctx, h.listen) })
	both.Go(func() { h.again(ctx, h.send) })
	both.Wait()
}

// again does something until the context ends, a moment after each failure.
func (h *Hub) again(ctx context.Context, do func(context.Context) error) {
	for ctx.Err() == nil {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			h.logger.DebugContext(ctx, "live updates do not cross processes just now", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (h *Hub) listen(ctx context.Context) error {
	conn, err := h.store.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	h.missed() // until now
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var m message
		if err := json.Unmarshal([]byte(n.Payload), &m); err != nil {
			return fmt.Errorf("a notification: %w", err)
		}
		h.hear(m)
	}
}

func (h *Hub) hear(m message) {
	if m.From == h.process {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deliver(m.Changes)
	if m.Missed {
		h.lookAll()
	}
	if m.Calls {
		select {
		case h.called <- struct{}{}:
		default:
		}
	}
	if m.Watching {
		if !h.elsewhere() { // nothing was noted until now
			h.untold = true
			h.wake()
		}
		h.believed = time.Now().Add(believeFor)
	}
}

// missed tells everybody to look.
func (h *Hub) missed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lookAll()
}

// lookAll is missed under lock.
func (h *Hub) lookAll() {
	for _, watches := range h.watches {
		for w := range watches {
			w.missed = true
			w.signal()
		}
	}
}

func (h *Hub) send(ctx context.Context) error {
	conn, err := h.store.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-h.awake:
			select { // more may come
			case <-ctx.Done():
			case <-time.After(sendEvery):
			}
		}
		if err := h.sendOnce(ctx, conn); err != nil {
			return err
		}
	}
}

// keep keeps what was not sent for the next attempt.
func (h *Hub) keep(untold, calling bool, changes []store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.untold, h.calling = h.untold || untold, h.calling || calling
	for _, c := range changes {
		h.unsent[c] = true
	}
	h.wake()
}

func (h *Hub) sendOnce(ctx context.Context, conn *pgx.Conn) error {
	h.mu.Lock()
	changes := slices.Collect(maps.Keys(h.unsent))
	h.unsent = map[store.Change]bool{}
	watching, untold, calling := h.watching > 0, h.untold, h.calling
	h.untold, h.calling = false, false
	h.mu.Unlock()
	for watching || untold || calling || len(changes) > 0 {
		n := min(len(changes), perNotification)
		payload, err := json.Marshal(message{From: h.process, Watching: watching, Missed: untold, Calls: calling, Changes: changes[:n]})
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "SELECT pg_notify($1, $2)", channel, string(payload)); err != nil {
			h.keep(untold, calling, changes)
			return err
		}
		watching, untold, calling, changes = false, false, false, changes[n:]
	}
	return nil
}
