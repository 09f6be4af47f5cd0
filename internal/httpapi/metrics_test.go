package httpapi

import (
	"fmt"
	"testing"
)

// Clients choose the names of operations, so that the metrics tell a hundred apart.
func TestOperationNamesHaveALimit(t *testing.T) {
	t.Parallel()
	var n names
	labels := map[string]bool{}
	for i := range 1000 {
		labels[n.label(fmt.Sprint("Operation", i))] = true
	}
	if len(labels) != maxNames+1 || !labels["other"] {
		t.Errorf("%d labels", len(labels))
	}
	if got := n.label("Operation7"); got != "Operation7" {
		t.Errorf("a known one is %q", got)
	}
	if got := n.label(""); got != "unnamed" {
		t.Errorf("one without a name is %q", got)
	}
}
