package sandbox_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"tallystick/internal/sandbox"
)

func TestThePortStaysWhereItCan(t *testing.T) {
	dir := t.TempDir()
	start := func() *sandbox.Sandbox {
		s, err := sandbox.Start(t.Context(), sandbox.Options{Addr: "127.0.0.1:0", DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stop := func(s *sandbox.Sandbox) {
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	first := start()
	stop(first)
	again := start()
	stop(again)
	if again.URL != first.URL {
		t.Errorf("it moved from %s to %s", first.URL, again.URL)
	}
	taken, err := net.Listen("tcp", strings.TrimPrefix(first.URL, "http://"))
	if err != nil {
		t.Skipf("somebody else has taken the port: %v", err)
	}
	defer taken.Close()
	elsewhere := start()
	defer stop(elsewhere)
	if elsewhere.URL == first.URL {
		t.Error("it listens where another does")
	}
}
