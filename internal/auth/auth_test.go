package auth_test

import (
	"errors"
	"strings"
	"testing"

	"tallystick/internal/auth"
)

func TestAuthenticate(t *testing.T) {
	const key = "tsk_0123456789abcdef"
	keys := auth.NewKeys(key)
	for name, presented := range map[string]string{
		"none": "", "another": "tsk_0123456789abcdeg", "a part": key[:len(key)-1], "more": key + "0", "another case": strings.ToUpper(key),
		"with a space": " " + key, "long": strings.Repeat("x", 1<<20),
	} {
		ctx, err := keys.Authenticate(t.Context(), presented)
		if !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
		if ctx != nil {
			t.Errorf("%s: there is a context to serve the request in", name)
		}
	}
	ctx, err := keys.Authenticate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	principal, ok := auth.From(ctx)
	if !ok || principal.ID != "admin" || len(principal.Scopes) != 1 || principal.Scopes[0] != "*" {
		t.Errorf("principal: %+v, %v", principal, ok)
	}
}

func TestFrom(t *testing.T) {
	if p, ok := auth.From(t.Context()); ok {
		t.Errorf("somebody is asking: %+v", p)
	}
	ctx := auth.With(auth.With(t.Context(), auth.Admin), auth.Principal{ID: "other"})
	if p, _ := auth.From(ctx); p.ID != "other" {
		t.Errorf("the last one is not asking: %+v", p)
	}
}
