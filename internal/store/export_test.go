package store

import (
	"context"
	"time"

	"entgo.io/ent/dialect"
)

// Readers is the driver by which PostgreSQL is read.
func Readers(s *Store) dialect.Driver { return directDriver{pool: s.pools.readers, servers: s.servers} }

// IsLost reports whether an error says that a connection was lost before the commit.
var IsLost = isLost

// Gather has pipelines gather while one is under way, however many processors there are,
// and for as long, and has several of them wait for a lock for some time.
func Gather(s *Store, patience time.Duration, lock string) {
	s.together.lanes, s.together.patience, s.together.lock = 1, patience, lock
}

// Pipelines returns how many transactions are under way, and how many pipelines gather.
func Pipelines(s *Store) (underWay, gathering int) {
	s.together.mu.Lock()
	defer s.together.mu.Unlock()
	return s.together.underWay, len(s.together.gathering)
}

// MostTogether is how many pipelines gather.
const MostTogether = mostTogether

// FailToSend has the pipelines fail whose number of statements a function has an error
// for.
func FailToSend(s *Store, fail func(statements int) error) {
	send := s.together.send
	s.together.send = func(ctx context.Context, statements []statement) error {
		if err := fail(len(statements)); err != nil {
			return err
		}
		return send(ctx, statements)
	}
}
