package store

import "entgo.io/ent/dialect"

// Readers is the driver by which PostgreSQL is read.
func Readers(s *Store) dialect.Driver { return directDriver{pool: s.pools.readers, servers: s.servers} }
