package sandbox

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// listen takes the address that is asked for. Where any port will do, it is the one of
// the last start, if that is still free: the addresses of pages that objects hold go on
// leading there.
func listen(ctx context.Context, addr, dataDir string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && port == "0" {
		if last, err := os.ReadFile(portFile(dataDir)); err == nil {
			again := net.JoinHostPort(host, strings.TrimSpace(string(last)))
			if listener, err := new(net.ListenConfig).Listen(ctx, "tcp", again); err == nil {
				return listener, nil
			}
		}
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

// portFile keeps the port from one start to the next.
func portFile(dataDir string) string { return filepath.Join(dataDir, "sandbox-port") }

// keepPort notes the port for the next start.
func keepPort(listener net.Listener, dataDir string) error {
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	return os.WriteFile(portFile(dataDir), []byte(port+"\n"), 0o600)
}
