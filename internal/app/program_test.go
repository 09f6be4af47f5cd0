package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tallystick/internal/testkit"
)

// binary is the program, built once.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // these tests wait for others rather than work
		panic(err)
	}
	dir, err := os.MkdirTemp("", "tallystick")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "tallystick")
	build := exec.Command("go", "build", "-o", binary, "tallystick")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// sandboxKey is the key that the built-in sandbox accepts.
const sandboxKey = "sk_test_tallystick_sandbox"

// program is the program as its operator runs it: a process, with an
// environment of its own.
type program struct {
	testkit.Client
	dir     string   // its working directory
	env     []string // beyond what every program here gets
	sandbox string   // the URL of the built-in sandbox
	banner  string   // what it printed at the start

	cmd    *exec.Cmd
	out    *output // standard output
	log    *output // standard error
	exited chan struct{}
	code   int
}

// onBoth runs a test on SQLite and on an empty PostgreSQL database.
func onBoth(t *testing.T, test func(t *testing.T, p *program)) {
	t.Helper()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			p := &program{dir: t.TempDir()}
			if database == "postgres" {
				p.env = append(p.env, "DATABASE_URL="+testkit.EmptyPostgres(t))
			}
			test(t, p)
		})
	}
}

// command is the program with arguments, not yet started.
func (p *program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LISTEN_ADDR=127.0.0.1:0"}, p.env...)
	return cmd
}

// start starts the program and waits until it says that it is ready.
func (p *program) start(t testing.TB) {
	t.Helper()
	p.launch(t)
	p.ready(t)
}

func (p *program) launch(t testing.TB) {
	t.Helper()
	p.cmd = p.command(context.Background())
	p.log, p.exited = &output{}, make(chan struct{})
	p.out = &output{}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func(cmd *exec.Cmd, exited chan struct{}) {
		cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
		close(exited)
	}(p.cmd, p.exited)
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the program's output:\n%s", p.log)
		}
	})
}

var (
	apiLine     = regexp.MustCompile(`API +(http://\S+)/graphql`)
	keyLine     = regexp.MustCompile(`Admin key +(\S+)`)
	sandboxLine = regexp.MustCompile(`sandbox, at (http://\S+)`)
)

func (p *program) ready(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, "the program to be ready", func() bool {
		p.banner = p.out.String()
		return apiLine.MatchString(p.banner) && strings.HasSuffix(p.banner, "\n\n") || p.hasExited()
	})
	if p.hasExited() {
		t.Fatalf("the program ended at its start:\n%s", p.log)
	}
	p.URL = apiLine.FindStringSubmatch(p.banner)[1]
	if p.Key = testkit.AdminKey; keyLine.MatchString(p.banner) {
		p.Key = keyLine.FindStringSubmatch(p.banner)[1]
	}
	if m := sandboxLine.FindStringSubmatch(p.banner); m != nil {
		p.sandbox = m[1]
	}
}

func (p *program) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the program without a warning.
func (p *program) kill() {
	p.cmd.Process.Kill() // it may have ended already
	<-p.exited
}

// terminate asks the program to end.
func (p *program) terminate(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// stop ends the program in good order.
func (p *program) stop(t testing.TB) {
	t.Helper()
	p.terminate(t)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		t.Fatal("the program does not end")
	}
	if p.code != 0 {
		t.Fatalf("exit code %d:\n%s", p.code, p.log)
	}
}

// fault switches a fault of the built-in sandbox on.
func (p *program) fault(t testing.TB, f testkit.Fault) {
	t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(p.sandbox+"/_sim/faults", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("the sandbox took no fault: %s", resp.Status)
	}
}

// struck waits until a fault of the built-in sandbox has struck.
func (p *program) struck(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, "the fault to strike", func() bool {
		var list struct{ Faults []struct{ Struck int } }
		p.stripe(t, "/_sim/faults", &list)
		for _, f := range list.Faults {
			if f.Struck > 0 {
				return true
			}
		}
		return false
	})
}

// stripe reads from the built-in sandbox.
func (p *program) stripe(t testing.TB, path string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.sandbox+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+sandboxKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

// tell sends a document without waiting for its answer, which may never come.
func (p *program) tell(document string) (answered <-chan string) {
	answer := make(chan string, 1)
	go func() {
		body, _ := json.Marshal(map[string]string{"query": document})
		req, err := http.NewRequest(http.MethodPost, p.URL+"/graphql", bytes.NewReader(body))
		if err != nil {
			panic(err)
		}
		req.Header.Set("Authorization", "Bearer "+p.Key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			b = []byte(err.Error())
		}
		answer <- string(b)
	}()
	return answer
}

// output collects what a process writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
