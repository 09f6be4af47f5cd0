package app_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPlaygroundTabs runs what the playground's tabs hold at first.
func TestPlaygroundTabs(t *testing.T) {
	t.Parallel()
	boot, err := os.ReadFile("../httpapi/playground/boot.js")
	if err != nil {
		t.Fatal(err)
	}
	_, tour, _ := strings.Cut(string(boot), "const tour = [")
	tour, _, _ = strings.Cut(tour, "\n  ];")
	tabs := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(tour, -1)
	if len(tabs) < 3 {
		t.Fatalf("the playground has %d tabs", len(tabs))
	}
	p := &program{dir: t.TempDir()}
	p.start(t)
	product, _ := p.team(t)
	for _, tab := range tabs {
		answer := p.Query(t, tab[1], variablesOf(tab[1], product))
		if answer.Has("updateProductPrice") && !answer.Has("updateProductPrice.operation") {
			t.Errorf("the tab\n%s\nanswers %s", tab[1], answer.Raw())
		}
	}
}

// variablesOf are what the page fills in.
func variablesOf(tab, product string) map[string]any {
	if strings.Contains(tab, "$productId") {
		return map[string]any{"productId": product}
	}
	return nil
}
