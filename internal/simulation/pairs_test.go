package simulation_test

import (
	"flag"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// onePair replays one play.
var onePair = flag.String("pair", "", "play this alone: scene|trouble|request|trouble|request…")

// plot is a scene, and what goes wrong in it.
type plot struct {
	scene     *scene
	incidents []*incident
}

// String is how -pair names it.
func (p plot) String() string {
	text := p.scene.name
	for _, in := range p.incidents {
		text += "|" + in.String()
	}
	return text
}

// GoString implements [fmt.GoStringer].
func (p plot) GoString() string { return strconv.Quote(p.String()) }

// found are plays that have failed once.
var found = []string{
	"a price off sale|held in the network until the repetition is refused|1|death before the answer arrives|4",
	"a product's description|held in the network until the repetition is refused|1|death before the answer arrives|4",
	"a product off sale|held in the network until the repetition is refused|1|death before the answer arrives|4",
	"a customer's name|held in the network until the repetition is refused|1|death before the answer arrives|4",
	"a subscription|somebody makes a customer with the e-mail, and the event arrives|4",
	"a revocation|death before the answer arrives|1|refuse|3",
	"a cancellation at the period's end|the database takes nothing about operations|1|refuse|2|refuse|3",
	"another plan|the answer is lost and the key forgotten|1|refuse|2",
	"a price off sale|held in the network until after the end, and the key not spent at once|1|somebody accepts what Stripe has|1",
	"a customer's link|the database takes nothing about operations|1|refuse|2",
	"a customer's link|no connection from then on|1|card_declined|3|another client changes something else|4",
}

// TestPairs plays scenes with up to three troubles at once, which are drawn from all there
// are, as are the requests at which they happen: what must hold after one of them must
// hold after any number.
//
// A seed that fails is printed, and replays exactly: -rapid.seed=…. What is not needed to
// fail is left out then, and what remains is a play that -pair replays alone.
func TestPairs(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		database string
		most     int // plays on one stage
	}{{"sqlite", 4}, {"postgres", 2}} {
		t.Run(d.database, func(t *testing.T) {
			t.Parallel()
			if *onePair != "" {
				playAlone(t, d.database, *onePair)
				return
			}
			for _, text := range found {
				t.Run(text, func(t *testing.T) {
					t.Parallel()
					playAlone(t, d.database, text)
				})
			}
			cast := slices.Clone(scenes)
			for i, s := 0, newStage(t, d.database); i < len(cast); i++ {
				s.rehearse(&cast[i])
			}
			rapid.Check(t, func(r *rapid.T) {
				e := &episode{TB: t, r: r}
				defer e.end()
				s := newStage(e, d.database)
				for _, p := range rapid.SliceOfN(plots(cast), 1, d.most).Draw(r, "plays") {
					r.Logf("go test ./internal/simulation -run TestPairs/%s -pair %q", d.database, p)
					s.play(e, p.scene, p.incidents...)
				}
			})
		})
	}
}

// plots draws a scene, and troubles that happen to it at requests not far from each other.
func plots(cast []scene) *rapid.Generator[plot] {
	all := slices.Concat(troubles, people)
	type drawn struct{ trouble, when int }
	one := rapid.Custom(func(r *rapid.T) drawn {
		return drawn{rapid.SampledFrom(upTo(len(all))).Draw(r, "trouble"), rapid.SampledFrom(upTo(30)).Draw(r, "when")}
	})
	return rapid.Custom(func(r *rapid.T) plot {
		p := plot{scene: &cast[rapid.SampledFrom(upTo(len(cast))).Draw(r, "scene")]}
		at := 0
		for _, d := range rapid.SliceOfN(one, 1, 3).Draw(r, "troubles") {
			if at == 0 {
				at = 1 + d.when%p.scene.requests
			} else {
				at += []int{1, 1, 0, 1, 2}[d.when%5]
			}
			p.incidents = append(p.incidents, &incident{trouble: all[d.trouble], at: at})
		}
		return p
	})
}

// upTo are the numbers below n. Of them, unlike of a range, each is as likely as the
// next.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// playAlone plays what -pair names.
func playAlone(t testing.TB, database, text string) {
	t.Helper()
	p := plotOf(t, text)
	s := newStage(t, database)
	s.rehearse(p.scene)
	s.play(t, p.scene, p.incidents...)
}

// plotOf reads what a plot is named.
func plotOf(t testing.TB, text string) plot {
	t.Helper()
	words := strings.Split(text, "|")
	i := slices.IndexFunc(scenes, func(sc scene) bool { return sc.name == words[0] })
	if i < 0 || len(words)%2 == 0 {
		t.Fatalf("a play is scene|trouble|request…, and not %q", text)
	}
	sc, all := scenes[i], slices.Concat(troubles, people)
	p := plot{scene: &sc}
	for ; len(words) > 2; words = words[2:] {
		k := slices.IndexFunc(all, func(tr trouble) bool { return tr.name == words[1] })
		at, err := strconv.Atoi(words[2])
		if k < 0 || err != nil || at < 1 {
			t.Fatalf("no such trouble: %s|%s", words[1], words[2])
		}
		p.incidents = append(p.incidents, &incident{trouble: all[k], at: at})
	}
	return p
}

// TestNoSingleTroubleTells takes from the database the word that an operation is undone, without
// which a process that takes over does again what another was undoing. The fault matrix
// does not notice, since it takes a refusal and a death: pairs do.
func TestNoSingleTroubleTells(t *testing.T) {
	t.Parallel()
	forgetful := func(t testing.TB) *stage {
		t.Helper()
		s := newStage(t, "sqlite")
		if _, err := s.Store.DB.ExecContext(t.Context(), `CREATE TRIGGER forgetful AFTER UPDATE OF status ON operations 
			WHEN OLD.status = 'RUNNING' AND NEW.status = 'COMPENSATING' AND NEW.lease_token IS NOT NULL
			BEGIN UPDATE operations SET status = 'RUNNING' WHERE id = NEW.id; END`); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := plotOf(t, found[0])
	if *whole {
		s := forgetful(t)
		s.rehearse(p.scene)
		for _, tr := range troubles {
			for at := range p.scene.requests {
				s.play(t, p.scene, &incident{trouble: tr, at: at + 1})
			}
		}
	}
	if !fails(t, func(t testing.TB) {
		t.Helper()
		s := forgetful(t)
		s.rehearse(p.scene)
		s.play(t, p.scene, p.incidents...)
	}) {
		t.Errorf("%s does not tell", p)
	}
}
