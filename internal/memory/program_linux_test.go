package memory

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// mapped is how much of the process's memory are pages of files, in kB.
func mapped(t *testing.T) (kB int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(status), "RssFile:")
	if _, err := fmt.Sscan(rest, &kB); !found || err != nil {
		t.Skipf("this kernel does not tell: %v", err)
	}
	return kB
}

func TestProgramGoesOnWithoutItsPages(t *testing.T) { //nolint:paralleltest // it looks at the whole process
	before := mapped(t)
	forgetProgram()
	if after := mapped(t); after >= before {
		t.Errorf("%d kB are mapped, %d before", after, before)
	}
}
