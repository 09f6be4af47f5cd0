package control

import (
	"slices"
	"strconv"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// account are the settings that a real account's owner makes in the dashboard.
type account struct {
	DunningEnd string `json:"dunningEnd"`
	RateLimits bool   `json:"rateLimits"` // hold every key to 25 reads and 25 writes a second, as test mode does
	SearchLag  string `json:"searchLag"`  // how long a new object stays out of searches
}

// RateLimitSetting is true while keys are held to the rates of test mode.
const RateLimitSetting = "rate_limits"

func getAccount(c *state.Request) (any, error) {
	end, err := c.Setting(state.DunningSetting, state.DunningCancels)
	if err != nil {
		return nil, err
	}
	limits, err := c.Setting(RateLimitSetting, "false")
	if err != nil {
		return nil, err
	}
	lag, err := c.SearchLag()
	return account{end, limits == "true", lag.String()}, err
}

// putAccount changes the settings that a request mentions.
func (s *Controls) putAccount(c *state.Request) (any, error) {
	now, err := getAccount(c)
	if err != nil {
		return nil, err
	}
	in, _ := now.(account)
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err.Error())
	}
	if ends := []string{state.DunningCancels, state.DunningPastDue, state.DunningUnpaid}; !slices.Contains(ends, in.DunningEnd) {
		return nil, apierror.Invalid("", "dunningEnd: %q is not %s", in.DunningEnd, form.OrList(ends))
	}
	lag, err := time.ParseDuration(in.SearchLag)
	if err != nil || lag < time.Second || lag > time.Hour {
		return nil, apierror.Invalid("", "searchLag: %q is not a time from 1s to 1h; Stripe has no search without a lag", in.SearchLag)
	}
	in.SearchLag = lag.String()
	if err := c.PutSetting(state.SearchLagSetting, in.SearchLag); err != nil {
		return nil, err
	}
	if err := c.PutSetting(RateLimitSetting, strconv.FormatBool(in.RateLimits)); err != nil {
		return nil, err
	}
	s.RateLimits.Store(in.RateLimits)
	return in, c.PutSetting(state.DunningSetting, in.DunningEnd)
}
