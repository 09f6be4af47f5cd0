package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// A fixtures file has the format of the Stripe CLI's `stripe fixtures`: requests in
// order, where ${name:field} stands for what an earlier one answered, and
// ${.env:NAME|default} for a variable of the environment.
type fixtures struct {
	Fixtures []fixture      `json:"fixtures"`
	Meta     map[string]any `json:"_meta"`
}

type fixture struct {
	Name              string         `json:"name"`
	Path              string         `json:"path"`
	Method            string         `json:"method"`
	Params            map[string]any `json:"params"`
	ExpectedErrorType string         `json:"expected_error_type"`
	IdempotencyKey    string         `json:"idempotency_key"`
}

// seed makes the requests of a file. A request is made once: its idempotency key,
// unless it has one, is made of the file and its place in it. It stops at the first
// refusal that the file does not expect.
func seed(text []byte, do func(*http.Request) *http.Response) error {
	var in fixtures
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&in); err != nil {
		return fmt.Errorf("read fixtures: %w", err)
	}
	answers := map[string]any{}
	for i, f := range in.Fixtures {
		key := f.IdempotencyKey
		if key == "" {
			key = "seed-" + digest(text) + "-" + strconv.Itoa(i)
		}
		answer, err := f.run(answers, key, do)
		if err != nil {
			return fmt.Errorf("fixture %q: %w", f.Name, err)
		}
		answers[f.Name] = answer
	}
	return nil
}

func (f fixture) run(answers map[string]any, key string, do func(*http.Request) *http.Response) (any, error) {
	path, err := fillIn(f.Path, answers)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	if err := encodeForm(form, "", f.Params, answers); err != nil {
		return nil, err
	}
	method := strings.ToUpper(f.Method)
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode())) //nolint:noctx // it is answered in this process
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Idempotency-Key", key)
	res := do(req)
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return answer, nil
	}
	refusal, _ := answer["error"].(map[string]any)
	if refusal["type"] == f.ExpectedErrorType && f.ExpectedErrorType != "" {
		return answer, nil
	}
	return nil, fmt.Errorf("%s %s: %v", method, path, refusal["message"])
}

// encodeForm writes parameters as Stripe's forms have them: a[b][0]=c.
func encodeForm(form url.Values, name string, value any, answers map[string]any) error {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			full := key
			if name != "" {
				full = name + "[" + key + "]"
			}
			if err := encodeForm(form, full, inner, answers); err != nil {
				return err
			}
		}
	case []any:
		for i, inner := range value {
			if err := encodeForm(form, name+"["+strconv.Itoa(i)+"]", inner, answers); err != nil {
				return err
			}
		}
	case nil:
		form.Set(name, "")
	default:
		text, err := fillIn(fmt.Sprint(value), answers)
		if err != nil {
			return err
		}
		form.Set(name, text)
	}
	return nil
}

var placeholder = regexp.MustCompile(`\$\{([^:}]+):([^}|]+)(?:\|([^}]*))?\}`)

// fillIn puts in what earlier answers say.
func fillIn(text string, answers map[string]any) (string, error) {
	var failed error
	filled := placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		if parts[1] == ".env" {
			if value := os.Getenv(parts[2]); value != "" {
				return value
			}
			return parts[3]
		}
		value, ok := lookUp(answers[parts[1]], strings.Split(parts[2], "."))
		if !ok && parts[3] == "" {
			failed = fmt.Errorf("%s: no earlier fixture has it", found)
		}
		if !ok {
			return parts[3]
		}
		return fmt.Sprint(value)
	})
	return filled, failed
}

func lookUp(in any, path []string) (any, bool) {
	for _, step := range path {
		switch at := in.(type) {
		case map[string]any:
			in = at[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(at) {
				return nil, false
			}
			in = at[n]
		default:
			return nil, false
		}
	}
	return in, in != nil
}
