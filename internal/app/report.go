package app

import (
	"context"
	"net"
	"net/url"
	"time"
)

// ReportStart writes one line about what has started: for whoever reads the log of
// an outage, and wants to know what changed.
func (a *App) ReportStart(ctx context.Context, version string, addr net.Addr) {
	a.started = time.Now()
	account := "not known yet"
	if bound, err := a.boundAccount(ctx); err == nil && bound != nil {
		account = bound.String()
	}
	migration, err := a.Store.Version(ctx)
	if err != nil {
		a.logger.Warn("the version of the database cannot be read", "error", err)
	}
	a.logger.InfoContext(ctx, "started", "version", version, "address", addr.String(),
		"database", withoutSecrets(a.config.URL()), "migration", migration, "stripe", account)
}

// reportStop writes one line about the end, if the start was reported.
func (a *App) reportStop(err error) {
	if a.started.IsZero() {
		return
	}
	ran := time.Since(a.started).Round(time.Millisecond).String()
	if err != nil {
		a.logger.Error("stopped, and not in good order", "ran", ran, "error", err)
		return
	}
	a.logger.Info("stopped", "ran", ran)
}

// withoutSecrets is a database's URL without its user, password and options.
func withoutSecrets(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "unreadable"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
