package control

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// account are the settings that a real account's owner makes in the dashboard.
type account struct {
	DunningEnd string `json:"dunningEnd"`
}

func getAccount(c *state.Request) (any, error) {
	end, err := c.Setting(state.DunningSetting, state.DunningCancels)
	return account{end}, err
}

// putAccount says what becomes of a subscription when the last automatic attempt to get its money has failed.
func putAccount(c *state.Request) (any, error) {
	var in account
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err.Error())
	}
	if ends := []string{state.DunningCancels, state.DunningPastDue, state.DunningUnpaid}; !slices.Contains(ends, in.DunningEnd) {
		return nil, apierror.Invalid("", "dunningEnd: %q is not %s", in.DunningEnd, form.OrList(ends))
	}
	return in, c.PutSetting(state.DunningSetting, in.DunningEnd)
}
