// Package migrations holds the versioned migrations of the data model, one
// folder for each database.
package migrations

import "embed"

// FS has the folders sqlite and postgres.
//
//go:embed sqlite/*.sql postgres/*.sql
var FS embed.FS
