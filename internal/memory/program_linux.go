package memory

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// forgetProgram takes the pages of the program's own file that cannot be written out of
// the process's memory: much of it only the start has needed. What is used again comes
// back from the system's cache.
func forgetProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var permissions string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &permissions); err != nil {
			return
		}
		if strings.HasSuffix(lines.Text(), " "+program) && !strings.Contains(permissions, "w") {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED) // it is only advice
		}
	}
}
