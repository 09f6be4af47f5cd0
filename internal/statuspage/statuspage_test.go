package statuspage_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
	"tallystick/internal/testkit/browser"
)

type object = map[string]any

// stuck is a server with an operation that needs attention: somebody has edited its
// row, say, or Stripe has refused to undo a step.
func stuck(t *testing.T) (k *testkit.Kit, operation string) {
	t.Helper()
	k = testkit.New(t, "sqlite", testkit.Idle)
	made := k.Query(t, `mutation { createProduct(input: {name: "<b>Team</b>"}) { product { id } operation { id } } }`)
	operation = made.String("createProduct.operation.id")
	err := k.Store.Writer.Operation.UpdateOneID(operation).SetStatus(billing.OperationNeedsAttention).ClearFinishedAt().
		SetLastError(`<script>alert("Stripe refused")</script>`).Exec(testkit.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	return k, operation
}

func status(t *testing.T, k *testkit.Kit, operation string) string {
	t.Helper()
	return k.Query(t, `query($id: ID!) { operation(id: $id) { status } }`, object{"id": operation}).String("operation.status")
}

func key(t *testing.T, k *testkit.Kit, scope string) string {
	t.Helper()
	return k.Query(t, `mutation($s: Scope!) { createApiKey(input: {name: "On call", scopes: [$s]}) { secret } }`, object{"s": scope}).
		String("createApiKey.secret")
}

// visitor is a browser without a screen.
type visitor struct {
	*http.Client
	t    *testing.T
	base string
}

func visit(t *testing.T, k *testkit.Kit) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{Client: &http.Client{Jar: jar}, t: t, base: k.URL}
}

func (v visitor) send(method, path string, form url.Values, header ...string) (int, string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := v.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (v visitor) signIn(key string) (int, string) {
	v.t.Helper()
	return v.send(http.MethodPost, "/status/sign-in", url.Values{"key": {key}})
}

func (v visitor) expect(what string, status, want int, body, contains string) {
	v.t.Helper()
	if status != want || !strings.Contains(body, contains) {
		v.t.Errorf("%s: status %d, want %d with %q in\n%s", what, status, want, contains, body)
	}
}

func TestWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	k, operation := stuck(t)
	v := visit(t, k)
	code, body := v.send(http.MethodGet, "/status", nil)
	v.expect("without a key", code, http.StatusUnauthorized, body, "Sign in")
	if strings.Contains(body, operation) {
		t.Error("the page shows an operation to a stranger")
	}
	code, body = v.signIn("nonsense")
	v.expect("a wrong key", code, http.StatusUnauthorized, body, "not valid")
	code, body = v.signIn(key(t, k, "READ_CATALOG"))
	v.expect("a key without the scope", code, http.StatusForbidden, body, "READ_OPERATIONS")
	reads := key(t, k, "READ_OPERATIONS")
	code, body = v.signIn(reads)
	v.expect("a key with the scope", code, http.StatusOK, body, operation)
	if strings.Contains(body, "<script>") || strings.Contains(body, "Retry now") || strings.Contains(body, reads) {
		t.Errorf("the page runs a text as a script, offers what the key may not do, or shows the key:\n%s", body)
	}
	code, body = v.send(http.MethodPost, "/status/sign-out", url.Values{})
	v.expect("signed out", code, http.StatusUnauthorized, body, "Sign in")
}

func TestFormsCannotBeForged(t *testing.T) {
	t.Parallel()
	k, operation := stuck(t)
	v := visit(t, k)
	_, body := v.signIn(key(t, k, "WRITE_OPERATIONS"))
	token := regexp.MustCompile(`name="token" value="([0-9a-f]{64})"`).FindStringSubmatch(body)
	if token == nil {
		t.Fatalf("there is no token in\n%s", body)
	}
	form := url.Values{"operation": {operation}, "once": {"once"}, "token": {token[1]}}
	without := url.Values{"operation": {operation}, "once": {"once"}}

	code, body := v.send(http.MethodPost, "/status/resolve", without)
	v.expect("without the token", code, http.StatusForbidden, body, "out of date")
	code, _ = v.send(http.MethodPost, "/status/resolve", form, "Sec-Fetch-Site", "cross-site")
	v.expect("from another site", code, http.StatusForbidden, "", "")
	code, _ = v.send(http.MethodPost, "/status/resolve", form, "Origin", "https://evil.example")
	v.expect("from another origin", code, http.StatusForbidden, "", "")
	_, other := visit(t, k).signIn(key(t, k, "WRITE_OPERATIONS"))
	foreign := regexp.MustCompile(`name="token" value="([0-9a-f]{64})"`).FindStringSubmatch(other)
	code, body = v.send(http.MethodPost, "/status/resolve", url.Values{"operation": {operation}, "once": {"once"}, "token": {foreign[1]}})
	v.expect("with another key's token", code, http.StatusForbidden, body, "out of date")
	if got := status(t, k, operation); got != "NEEDS_ATTENTION" {
		t.Fatalf("the operation is %s", got)
	}

	code, body = v.send(http.MethodPost, "/status/resolve", form)
	v.expect("the page's own form", code, http.StatusOK, body, "The operation is over, and both halves are equal.")
	if got := status(t, k, operation); got != "FAILED" {
		t.Errorf("the operation is %s after it was resolved", got)
	}
	code, body = v.send(http.MethodPost, "/status/retry", url.Values{"operation": {"opr_nonsense"}, "once": {"2"}, "token": {token[1]}})
	v.expect("an operation that does not exist", code, http.StatusConflict, body, `role="alert"`)
}

// TestRetryingWhatStripeRefuses retries an operation whose undoing has failed: it is
// over then, which the page says, and why.
func TestRetryingWhatStripeRefuses(t *testing.T) {
	t.Parallel()
	k := testkit.New(t, "sqlite", testkit.Idle)
	product := k.Query(t, `mutation { createProduct(input: {name: "Team", price: {unitAmount: 900, currency: "EUR"}}) { product { id } } }`).
		String("createProduct.product.id")
	for _, path := range []string{"/v1/products/*", "/v1/prices/*"} {
		k.Stripe.Fail(t, testkit.Fault{Method: http.MethodPost, Path: path, Kind: "refuse", Count: 1, Message: "No <b>."})
	}
	operation := k.Query(t, `mutation($p: ID!) { updateProductPrice(input: {productId: $p, unitAmount: 1000}) { operation { id } } }`,
		object{"p": product}).String("updateProductPrice.operation.id")
	testkit.Equal(t, "at first", status(t, k, operation), "NEEDS_ATTENTION")

	v := visit(t, k)
	_, body := v.signIn(k.Key)
	token := regexp.MustCompile(`name="token" value="([0-9a-f]{64})"`).FindStringSubmatch(body)
	code, body := v.send(http.MethodPost, "/status/retry", url.Values{"operation": {operation}, "once": {"1"}, "token": {token[1]}})
	v.expect("the retry", code, http.StatusOK, body, "The operation is over, and both halves are equal.")
	v.expect("the retry", code, http.StatusOK, body, "Stripe refused the change: No &lt;b&gt;.")
	testkit.Equal(t, "afterwards", status(t, k, operation), "FAILED")
}

// TestOnCallInABrowser is somebody on call with a phone: signs in, reads why an
// operation is stuck, and retries it by keyboard. STATUS_SCREENSHOT names a file to
// keep the page in.
func TestOnCallInABrowser(t *testing.T) {
	k, operation := stuck(t)
	b := browser.Open(t, 390, 844)
	b.Do("sign in", chromedp.Navigate(k.URL+"/status"), chromedp.SendKeys("#key", k.Key+kb.Enter), chromedp.WaitVisible("#"+operation))
	for what, script := range map[string]string{
		"the page is no wider than the phone": `document.documentElement.scrollWidth <= innerWidth`,
		"buttons are large enough to touch":   `[...document.querySelectorAll('main button')].every((e) => e.offsetHeight >= 44)`,
		"every field has a label":             `[...document.querySelectorAll('input:not([type=hidden])')].every((e) => e.labels.length)`,
		"no script can read the key":          `document.cookie === ''`,
		"the style is there":                  `getComputedStyle(document.body).margin === '0px'`,
		"headings do not skip a level":        `[...document.querySelectorAll('h1,h2,h3')].every((e, i, all) => i === 0 || e.tagName[1] - all[i - 1].tagName[1] <= 1)`,
	} {
		if !b.Holds(script) {
			t.Errorf("it does not hold that %s", what)
		}
	}
	b.Picture(os.Getenv("STATUS_SCREENSHOT"))
	b.Do("retry", chromedp.Focus(`form[action="/status/retry"] button`), chromedp.KeyEvent(kb.Enter),
		chromedp.WaitNotPresent("#"+operation))
	testkit.Eventually(t, "the page to say what came of it", func() bool { return b.Holds(`document.querySelector('.outcome') !== null`) })
	if !b.Holds(`document.querySelector('[role=status]').innerText.startsWith('The change is made, here and in Stripe.')`) {
		t.Error("the page does not say what came of it")
	}
	if got := status(t, k, operation); got != "SUCCEEDED" {
		t.Errorf("the operation is %s after the retry", got)
	}
	for _, complaint := range b.Complaints() {
		if !strings.Contains(complaint, "401") { // the page before the sign-in, and the icon that it does not have
			t.Errorf("the browser complained: %s", complaint)
		}
	}
}
