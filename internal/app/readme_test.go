package app_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadme runs the commands of the README's tour, and compares what they
// print with what the README says.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	banner, tour := readTour(t, string(readme))
	onBoth(t, func(t *testing.T, p *program) {
		p.start(t)
		if got, want := shorten(p.banner), shorten(banner); got != want {
			t.Errorf("the program says at the start:\n%s\nbut the README has:\n%s", got, want)
		}
		said := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
		var script strings.Builder
		for _, step := range tour {
			script.WriteString(said.ReplaceAllStringFunc(step.commands, func(address string) string {
				if strings.HasSuffix(address, ":8080") {
					return p.URL
				}
				return p.sandbox
			}))
			script.WriteString("\necho '" + endOfStep + "'\n")
		}
		shell := exec.CommandContext(t.Context(), "bash", "-u")
		shell.Dir = p.dir
		shell.Stdin = strings.NewReader(script.String())
		var complaints bytes.Buffer
		shell.Stderr = &complaints
		printed, err := shell.Output()
		if err != nil || complaints.Len() > 0 {
			t.Fatalf("the shell complains: %v\n%s", err, &complaints)
		}
		answers := strings.Split(string(printed), endOfStep+"\n")
		for i, step := range tour {
			if got, want := answer(t, answers[i]), answer(t, step.answer); got != want {
				t.Errorf("the commands\n%s\nprint\n%s\nbut the README has\n%s", step.commands, got, want)
			}
		}
	})
}

// TestReadmeSettings holds the README's table of settings to what the program
// has.
func TestReadmeSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	help, err := exec.CommandContext(t.Context(), binary, "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := func(text, pattern string) []string {
		found := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
		}
		return slices.Sorted(maps.Keys(found))
	}
	got, want := names(string(readme), "(?m)^\\| `([A-Z_]+)` \\|"), names(string(help), `\(\$([A-Z_]+)\)`)
	if !slices.Equal(got, want) {
		t.Errorf("the README has the settings\n%v\nbut the program has\n%v", got, want)
	}
}

const endOfStep = "--- end of step"

// step is one block of commands, and the answer that the README shows for it.
type step struct{ commands, answer string }

// readTour finds in the README what the program prints when it starts, and the
// blocks of the tour.
func readTour(t *testing.T, readme string) (banner string, steps []step) {
	t.Helper()
	before, tour, ok := strings.Cut(readme, "\n## A two-minute tour\n")
	if !ok {
		t.Fatal("the README has no tour")
	}
	tour, _, _ = strings.Cut(tour, "\n## ")
	block := regexp.MustCompile("(?s)```(sh|json|text)\n(.*?)```\n")
	for _, b := range block.FindAllStringSubmatch(before, -1) {
		if b[1] == "text" {
			banner = b[2]
		}
	}
	for _, b := range block.FindAllStringSubmatch(tour, -1) {
		if b[1] == "sh" {
			steps = append(steps, step{commands: b[2]})
		} else {
			steps[len(steps)-1].answer = b[2]
		}
	}
	if len(steps) < 10 {
		t.Fatalf("the tour has only %d steps", len(steps))
	}
	return banner, steps
}

// answer is a sequence of JSON values, laid out in one way, with short ids.
func answer(t *testing.T, text string) string {
	t.Helper()
	var laidOut bytes.Buffer
	values := json.NewDecoder(strings.NewReader(text))
	for values.More() {
		var value json.RawMessage
		if err := values.Decode(&value); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if err := json.Indent(&laidOut, value, "", "  "); err != nil {
			t.Fatal(err)
		}
		laidOut.WriteByte('\n')
	}
	return shorten(laidOut.String())
}

var (
	ids       = regexp.MustCompile(`\b([a-z]{2,5})_(?:[0-9a-z]{26}|[0-9A-Za-z]{14,24}|…)`)
	adminKeys = regexp.MustCompile(`\btsk_\S+`)
	moments   = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT[\d:.]+Z\b`)
	ports     = regexp.MustCompile(`127\.0\.0\.1:\d+`)
)

// shorten replaces what is different each time by an ellipsis.
func shorten(s string) string {
	s = adminKeys.ReplaceAllString(strings.TrimSpace(s), "tsk_…")
	s = ids.ReplaceAllString(s, "${1}_…")
	s = moments.ReplaceAllString(s, "…")
	return ports.ReplaceAllString(s, "127.0.0.1:…")
}
