package store

import "entgo.io/ent/dialect"

// Readers is the driver by which PostgreSQL is read.
func Readers(s *Store) dialect.Driver { return directDriver{pool: s.pools.readers, servers: s.servers} }

// IsLost reports whether an error says that a connection was lost before the commit.
var IsLost = isLost
