package app_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinks follows the links between the pages of the documentation.
func TestLinks(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	pages := []string{"README.md", "CONTRIBUTING.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../docs/decisions/*.md", "../../examples/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, page := range found {
			pages = append(pages, strings.TrimPrefix(page, "../../"))
		}
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range pages {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			if f, err := root.Open(filepath.ToSlash(target)); err != nil {
				t.Errorf("%s leads to %s: %v", page, m[1], err)
			} else {
				f.Close()
			}
		}
	}
}
