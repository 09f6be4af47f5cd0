package store

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// servers are those that the URL of a PostgreSQL names, one of which answers. When
// that one stops answering without closing its connections, as a machine that
// hangs does, they are cut here, so that nobody waits for it any longer.
type servers struct {
	config *pgxpool.Config
	pools  []*pgxpool.Pool
	// pulse is a connection of its own that tells which server answers, nil until
	// there is one. Whoever is in asking has it.
	pulse  *pgx.Conn
	asking chan struct{}

	mu     sync.Mutex
	conns  map[*conn]struct{}
	answer string               // the address of the server that has answered last
	left   map[string]time.Time // the addresses that others have taken over from, and when
}

// bounds are parameters of a session that the URL may set otherwise.
type bounds map[string]string

func newServers(config *pgxpool.Config) *servers {
	s := &servers{config: config, asking: make(chan struct{}, 1), conns: map[*conn]struct{}{}, left: map[string]time.Time{}}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if s.hasLeft(addr) {
			return nil, errLeft
		}
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return s.track(c), nil
	}
	return s
}

// open opens a pool of connections to the server that answers, for as long as the
// store is open.
func (s *servers) open(ctx context.Context, conns int32, b bounds) (*pgxpool.Pool, error) {
	pool, err := s.pool(ctx, conns, b)
	if err == nil {
		s.pools = append(s.pools, pool)
	}
	return pool, err
}

func (s *servers) pool(ctx context.Context, conns int32, b bounds) (*pgxpool.Pool, error) {
	config := s.config.Copy()
	config.MaxConns = conns
	for name, value := range b {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// renew has the pools open their connections anew, those in use once they are given
// back. It is for when one was lost, since the others mostly were with it.
func (s *servers) renew() {
	for _, pool := range s.pools {
		pool.Reset()
	}
}

func (s *servers) close() {
	for _, pool := range s.pools {
		pool.Close()
	}
	s.asking <- struct{}{}
	defer func() { <-s.asking }()
	if s.pulse != nil {
		ctx, cancel := context.WithTimeout(context.Background(), PulseTime) //nolint:forbidigo // nobody's request
		defer cancel()
		_ = s.pulse.Close(ctx) // it has done its work
	}
}

// conn is an open connection.
type conn struct {
	net.Conn
	servers *servers
}

func (s *servers) track(c net.Conn) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	tracked := &conn{Conn: c, servers: s}
	s.conns[tracked] = struct{}{}
	return tracked
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.servers.mu.Lock()
	delete(c.servers.conns, c)
	c.servers.mu.Unlock()
	return c.Conn.Close()
}

// errLeft is the error of a connection to a server that another one has taken
// over from.
var errLeft = errors.New("another server has taken over")

// forgetLeft is how long a server that another one has taken over from is not
// asked again.
const forgetLeft = 30 * time.Second

func (s *servers) hasLeft(addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, left := s.left[addr]
	return left && time.Since(at) < forgetLeft
}

// PulseTime is how long a database server has to answer a ping before it counts as
// down.
const PulseTime = 2 * time.Second

// errReadOnly says that a server that may be written to has become one that may
// not.
var errReadOnly = errors.New("the database server has become a standby")

// answering is the address of the server that answers now.
func (s *servers) answering(ctx context.Context) (string, error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if s.pulse == nil || s.pulse.IsClosed() {
		c, err := pgx.ConnectConfig(ctx, s.config.ConnConfig.Copy())
		if err != nil {
			return "", err
		}
		s.pulse = c
	}
	ctx, cancel := context.WithTimeout(ctx, PulseTime)
	defer cancel()
	var standby bool
	if err := s.pulse.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&standby); err != nil {
		return "", err
	}
	if standby && s.config.ConnConfig.ValidateConnect != nil { // it would not be accepted now
		return "", errors.Join(errReadOnly, s.pulse.Close(ctx))
	}
	return s.pulse.PgConn().Conn().RemoteAddr().String(), nil
}

// follow finds out which server answers. When it is another one than before, it
// cuts the connections to the others, and returns its address.
func (s *servers) follow(ctx context.Context) (moved string, err error) {
	addr, err := s.answering(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		clear(s.left) // whoever answers is welcome
		return "", err
	}
	before := s.answer
	s.answer = addr
	if before == "" || before == addr {
		return "", nil
	}
	s.left[before] = time.Now()
	delete(s.left, addr)
	for c := range s.conns {
		if c.RemoteAddr().String() != addr {
			_ = c.Conn.Close() // whoever uses it hears of it
		}
	}
	for _, pool := range s.pools {
		pool.Reset()
	}
	return addr, nil
}

// followEvery is how often is looked which server answers.
const followEvery = time.Second

// FollowServer pings the database server every second, until the context ends. When
// a server stops answering and another one of the URL does, it cuts the connections
// to the first, so that no request waits for a machine that hangs. It does nothing
// on SQLite. Failed pings are logged at debug level.
func (s *Store) FollowServer(ctx context.Context, logger *slog.Logger) {
	if s.servers == nil {
		return
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			moved, err := s.servers.follow(ctx)
			switch {
			case moved != "":
				logger.Warn("another database server answers; the connections to the earlier one are cut", "server", moved)
			case err != nil && ctx.Err() == nil:
				logger.Debug("no database server answers", "error", err)
			}
		}
	}
}
