// Package simulation lets the whole program live a random life: commands of every
// kind, people who edit in Stripe's dashboard, faults of Stripe and of the network,
// and processes that die. Everything is decided by one seed. Once all is quiet,
// both halves are compared completely.
//
// Beside it stands the fault matrix, which leaves nothing to chance: every kind of
// operation that is declared, every request that it makes, everything that can go
// wrong at it. Pairs are between the two: scenes of the matrix with two or three things at
// once, which go wrong or which people do meanwhile, drawn by a seed.
package simulation
