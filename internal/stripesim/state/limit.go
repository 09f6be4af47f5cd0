package state

import (
	"context"
	"fmt"
)

// LimitGrowth lets the database grow by so many more pages at most, as a disk that is
// nearly full would. It holds until the store is closed.
func (s *Store) LimitGrowth(ctx context.Context, pages int) error {
	var size int
	if err := s.write.QueryRowContext(ctx, "PRAGMA page_count").Scan(&size); err != nil {
		return fmt.Errorf("measure the sandbox database: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", size+pages)); err != nil {
		return fmt.Errorf("limit the sandbox database: %w", err)
	}
	return nil
}
