package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// addressFile tells the program's other commands where the sandbox of a
// running server listens.
func addressFile(dataDir string) string { return filepath.Join(dataDir, "sandbox-url") }

// URL is where the sandbox of the server listens that runs on a data
// directory.
func URL(dataDir string) (string, error) {
	b, err := os.ReadFile(addressFile(dataDir))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no server with a sandbox runs on %s", dataDir)
	}
	return strings.TrimSpace(string(b)), err
}

// AdvanceClock lets time pass in a sandbox, 31d or 2h, and returns what the
// time is there then. All that is due up to then has happened by that time.
func AdvanceClock(ctx context.Context, sandboxURL, by string) (time.Time, error) {
	body, err := json.Marshal(map[string]string{"advance": by})
	if err != nil {
		return time.Time{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, sandboxURL+"/_sim/clock", bytes.NewReader(body))
	if err != nil {
		return time.Time{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return time.Time{}, fmt.Errorf("the sandbox at %s does not answer", sandboxURL)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return time.Time{}, err
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Error string }
		if json.Unmarshal(answer, &refusal) != nil || refusal.Error == "" {
			refusal.Error = resp.Status
		}
		return time.Time{}, errors.New("the sandbox refuses: " + refusal.Error)
	}
	var state struct{ Now int64 }
	if err := json.Unmarshal(answer, &state); err != nil {
		return time.Time{}, fmt.Errorf("read the sandbox's answer: %w", err)
	}
	return time.Unix(state.Now, 0).UTC(), nil
}
