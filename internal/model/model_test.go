package model_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// declared are the operations that the program declares.
func declared(t *testing.T) map[billing.OperationKind][]nature {
	t.Helper()
	all := map[billing.OperationKind][]nature{}
	for kind, steps := range testkit.New(t, "sqlite", testkit.Idle).Engine.Declared() {
		for _, s := range steps {
			all[kind] = append(all[kind], nature{
				name: s.Name, creates: s.Finds, keeps: s.Keeps, spends: s.Spends,
				deletes: slices.Contains(deletions, s.Name),
			})
		}
	}
	return all
}

// deletions are the steps that send a DELETE.
var deletions = []string{"cancel_subscription", "revoke_subscription", "delete_customer"}

// TestOperations explores every kind of operation with all rules in force.
func TestOperations(t *testing.T) {
	faults := uint8(4)
	if os.Getenv("TORTURE_MINUTES") != "" {
		faults = 5 // what make torture has the time for
	}
	total := 0
	kinds := declared(t)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		m := &machine{steps: kinds[kind]}
		n, err := m.world(faults).explore()
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		t.Logf("%-28s %9d states", kind, n)
		total += n
	}
	if total < 1_000_000 {
		t.Errorf("only %d states were explored", total)
	}
	t.Logf("%d states", total)
}

// TestEveryRuleIsNeeded switches each rule off, and wants the model to tell what
// goes wrong without it.
func TestEveryRuleIsNeeded(t *testing.T) {
	for name, mutant := range map[string]struct {
		off  rules
		says string
	}{
		"look before a new key":         {rules{newKeyWithoutLooking: true}, "created two objects"},
		"store DONE before the end":     {rules{doneIsNotStored: true}, "has an effect"},
		"the end reads":                 {rules{endFromMemory: true}, "shown what is not so"},
		"undo with the step's own key":  {rules{undoWithAnotherKey: true}, "has an effect"},
		"spend the key of a creation":   {rules{keyIsNotSpent: true}, "has an effect"},
		"what is gone is made again":    {rules{missingIsRefused: true}, "refused for ever"},
		"keys have no effect on DELETE": {rules{deletedIsRefused: true}, "has deleted"},
		"nothing is left to undo":       {rules{goneBlocksUndoing: true}, "a person is needed"},
	} {
		caught := false
		for _, steps := range declared(t) {
			_, err := (&machine{steps: steps, off: mutant.off}).world(2).explore()
			caught = caught || err != nil && strings.Contains(err.Error(), mutant.says)
		}
		if !caught {
			t.Errorf("without the rule %q nothing goes wrong in the model", name)
		}
	}
}
