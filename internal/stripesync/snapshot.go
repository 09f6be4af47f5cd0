package stripesync

import (
	"encoding/json"
	"fmt"

	"tallystick/ent"
	"tallystick/internal/mirror"
)

func subscriptionResult(s *mirror.Subscription) (Result, error) {
	b, err := json.Marshal(s)
	return Result{"subscription": string(b)}, err
}

// seen is the subscription as an operation's steps saw it last; nil when none
// did.
func seen(op *ent.Operation) (*mirror.Subscription, error) {
	for i := len(op.Steps) - 1; i >= 0; i-- {
		if text := op.Steps[i].Result["subscription"]; text != "" {
			s := new(mirror.Subscription)
			if err := json.Unmarshal([]byte(text), s); err != nil {
				return nil, fmt.Errorf("read what operation %s saw: %w", op.ID, err)
			}
			return s, nil
		}
	}
	return nil, nil
}
