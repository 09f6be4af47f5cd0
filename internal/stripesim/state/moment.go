package state

import (
	"fmt"
)

// MomentOf is when a request about the named objects happens: at the time of the test
// clock that one of them hangs on, directly or by its customer, or else now.
func (t *Tx) MomentOf(now int64, ids ...string) (moment int64, err error) {
	moment = now
	for _, id := range ids {
		if id == "" {
			continue
		}
		err := t.QueryRowContext(t.Ctx, `
			SELECT coalesce(max(clock.body ->> '$.frozen_time'), ?1) FROM objects clock
			WHERE clock.kind = 'test_helpers.test_clock' AND clock.deleted = 0 AND clock.id IN (
				SELECT ?2 WHERE ?2 GLOB 'clock_*'
				UNION SELECT body ->> '$.test_clock' FROM objects WHERE id = ?2
				UNION SELECT owner.body ->> '$.test_clock' FROM objects thing
					JOIN objects owner ON owner.id = thing.body ->> '$.customer' WHERE thing.id = ?2)`, moment, id).Scan(&moment)
		if err != nil {
			return 0, fmt.Errorf("find test clock: %w", err)
		}
		if moment != now {
			break
		}
	}
	return moment, nil
}
