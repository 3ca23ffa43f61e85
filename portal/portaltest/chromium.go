package portaltest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/inspector"
	chromelog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// Browser is a tab of a private, headless Chromium. It is a chromedp context, so that all of chromedp works on it:
//
//	b := portaltest.Chromium(t)
//	b.Resize(portaltest.Phone)
//	b.Do(chromedp.Navigate(url), chromedp.Click(chromedp.CSS("button")))
//	heading, err := chromedp.Run(b, chromedp.Text(chromedp.CSS("h1")))
//
// When the test has failed, its end logs where the page was, its text, and what went wrong in it; with VALISE_SCREENSHOTS set there is a
// picture too.
type Browser struct {
	context.Context

	t         testing.TB
	folder    string
	viewport  Viewport
	fullSpeed func() // ends SlowDown

	mu       sync.Mutex
	problems []string
	requests []string
	notes    []string // chromedp's own, which may come after the test has ended
}

// Viewport is the size of a screen.
type Viewport struct {
	Width, Height int64
	Mobile        bool // touch, and the browser obeys the page's viewport declaration
}

// The sizes that pages are looked at in.
var (
	Desktop    = Viewport{Width: 1280, Height: 900}
	Phone      = Viewport{Width: 360, Height: 740, Mobile: true}
	SmallPhone = Viewport{Width: 320, Height: 568, Mobile: true} // the narrowest that must work
)

// IgnoreCertificateErrors lets Chromium talk to a server with the certificate of [TLS].
var IgnoreCertificateErrors chromedp.ExecAllocatorOption = chromedp.IgnoreCertErrors

// pagePatience is how long Browser.Do waits: much longer than any page needs, with others' tests running beside.
const pagePatience = 60 * time.Second

// Chromium starts a browser with a profile of its own; it knows no host but this machine, and is gone when the
// test ends. More flags can be given as chromedp options. Its first viewport is Desktop.
func Chromium(t testing.TB, options ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	program, err := find("chromium", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	profile, remove, err := folder("chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)

	all := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program),
		chromedp.UserDataDir(filepath.Join(profile, "profile")),
		chromedp.Env("HOME="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile, "TMPDIR="+profile, "TZ=UTC", "LANGUAGE=en"),
		chromedp.DisableGPU,
		chromedp.Flag("lang", "en"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("hide-scrollbars", true),
		// A page that asks for anything elsewhere gets an error, which Problems reports.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"),
	)
	if os.Geteuid() == 0 { // Chromium's sandbox refuses root; the pages are our own
		all = append(all, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(all, options...)...)
	t.Cleanup(cancel)
	b := &Browser{t: t, folder: profile}
	b.open(allocator, chromedp.WithErrorf(b.note))
	return b
}

// Tab opens another tab in the same browser: it shares cookies, and not the session storage.
func (b *Browser) Tab() *Browser {
	b.t.Helper()
	tab := &Browser{t: b.t, folder: b.folder}
	tab.open(b.Context)
	return tab
}

func (b *Browser) open(parent context.Context, options ...chromedp.ContextOption) {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	b.Context = ctx
	b.t.Cleanup(func() {
		b.SlowDown(1)
		if b.t.Failed() {
			b.report()
		}
		cancel()
	})
	if err := chromedp.Listen(ctx, b.listen); err != nil { // starts the browser
		b.t.Fatalf("Chromium did not start: %v", err)
	}
	b.Resize(Desktop)
}

func (b *Browser) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// listen notes what the page asks for and what goes wrong in it. It runs in chromedp's own loop and must not wait.
func (b *Browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		b.problems = append(b.problems, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			b.problems = append(b.problems, "console."+string(e.Type)+":"+describe(e.Args))
		}
	case *chromelog.EventEntryAdded:
		if e.Entry.Level == chromelog.EntryLevelError {
			b.problems = append(b.problems, e.Entry.Text+" "+e.Entry.URL)
		}
	case *inspector.EventTargetCrashed: // whoever waits for its page now waits in vain
		b.problems = append(b.problems, "the tab crashed")
	case *page.EventJavascriptDialogOpening: // until it is answered, the page stands still
		b.notes = append(b.notes, "a dialog opened, "+string(e.Type)+": "+e.Message)
	}
}

func describe(objects []*runtime.RemoteObject) string {
	var text strings.Builder
	for _, o := range objects {
		if o.Description != "" {
			text.WriteString(" " + o.Description)
		} else {
			text.WriteString(" " + string(o.Value))
		}
	}
	return text.String()
}

// Problems lists what went wrong in the page since it was opened: uncaught exceptions, console errors, violations of the content security
// policy, failed requests (also those a test meant to fail), and that the tab crashed.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// Requests lists the address of everything the page has asked for; what its workers ask for is not in it.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Do carries out steps one after the other; one that fails, or all together taking more than a minute, fail the test.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, pagePatience)
	defer cancel()
	for i, step := range steps {
		err := chromedp.Do(ctx, step)
		for again := 0; again < 5 && err != nil && strings.Contains(err.Error(), "Could not find node"); again++ {
			err = chromedp.Do(ctx, step) // the page drew it anew between its being found and its being touched; a person would find it again
		}
		if err != nil {
			b.t.Fatalf("step %d of %d in the browser: %v", i+1, len(steps), err)
		}
	}
}

// Visit loads a page. What the tab was still loading comes first: a page that loads itself anew shows what it has before all of it is there, and of two navigations at once
// either can get lost. One that is lost all the same is repeated, and the test's log says so; a page that can't be loaded fails every time.
func (b *Browser) Visit(url string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, pagePatience)
	defer cancel()
	var err error
	for try := range 3 {
		if try > 0 {
			b.t.Logf("a navigation got lost, and is repeated: %v", err)
		}
		attempt, cancel := context.WithTimeout(ctx, pagePatience/3)
		b.settle(attempt)
		err = chromedp.Do(attempt, chromedp.Navigate(url))
		lost := attempt.Err() != nil || err != nil && strings.Contains(err.Error(), "navigated or closed")
		cancel()
		if err == nil || !lost {
			break
		}
	}
	if err != nil {
		b.t.Fatalf("going to %s: %v", url, err)
	}
}

// settle waits until the tab has loaded what it loads, but not long: a page that never has done so is no reason against another one.
func (b *Browser) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pagePatience/12)
	defer cancel()
	for ctx.Err() == nil {
		if state, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.readyState")); err == nil && state == "complete" {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Read returns what an action finds; an error, or more than a minute, fails the test.
//
//	heading := portaltest.Read(b, chromedp.Text(chromedp.CSS("h1")))
func Read[T any](b *Browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.Context, pagePatience)
	defer cancel()
	found, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("reading from the browser: %v", err)
	}
	return found
}

// Resize gives the tab another viewport.
func (b *Browser) Resize(v Viewport) {
	b.t.Helper()
	var options []chromedp.EmulateViewportOption
	if v.Mobile {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	b.Do(chromedp.EmulateViewport(v.Width, v.Height, options...))
	b.viewport = v
}

// Dark lets the page believe that the person prefers dark colours, or again light ones.
func (b *Browser) Dark(dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// Print lets the page show itself as on paper.
func (b *Browser) Print() {
	b.t.Helper()
	if _, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		b.t.Fatal(err)
	}
}

// WithoutJavaScript loads pages from now on without running their scripts.
func (b *Browser) WithoutJavaScript() {
	b.t.Helper()
	if _, err := chromedp.Call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatal(err)
	}
}

// SlowDown gives the page a processor that is slower by a factor; 1 is full speed. Unlike the browser's own emulation, which spares
// workers and so most of what our pages compute, it stops the page's whole process for most of the time, in pieces of milliseconds.
func (b *Browser) SlowDown(factor float64) {
	b.t.Helper()
	if b.fullSpeed != nil {
		b.fullSpeed()
		b.fullSpeed = nil
	}
	if factor <= 1 {
		return
	}
	ctx, cancel := context.WithCancel(b.Context)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.slowDown(ctx, factor)
	}()
	b.fullSpeed = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
}

func (b *Browser) slowDown(ctx context.Context, factor float64) {
	const (
		runs = 4 * time.Millisecond
		look = 100 * time.Millisecond // a navigation may have begun another process
	)
	var pages []int
	var looked time.Time
	var owed time.Duration // what the pages have run too long, or stood too long (negative)
	for ctx.Err() == nil {
		start := time.Now()
		if time.Since(looked) > look {
			pages, looked = b.pageProcesses(ctx), start
		}
		time.Sleep(runs)
		stopped := time.Now()
		owed += time.Duration(float64(stopped.Sub(start)) * (factor - 1))
		signalAll(pages, syscall.SIGSTOP)
		time.Sleep(owed)
		signalAll(pages, syscall.SIGCONT)
		owed -= time.Since(stopped)
	}
}

// pageProcesses lists the process ids of the browser's pages and their workers.
func (b *Browser) pageProcesses(ctx context.Context) (pids []int) {
	all, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		return nil // the browser is closing
	}
	for _, p := range all.ProcessInfo {
		if p.Type == "renderer" {
			pids = append(pids, int(p.ID))
		}
	}
	return pids
}

func signalAll(pids []int, signal syscall.Signal) {
	for _, pid := range pids {
		syscall.Kill(pid, signal)
	}
}

// Screenshot writes the whole page, as far as it scrolls, to NAME.png in the folder that the environment variable VALISE_SCREENSHOTS
// names; without one it does nothing. They are for people to look at.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	if err := b.screenshot(name); err != nil {
		b.t.Errorf("screenshot %s: %v", name, err)
	}
}

func (b *Browser) screenshot(name string) error {
	folder := os.Getenv("VALISE_SCREENSHOTS")
	if folder == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(b.Context, pagePatience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png"), picture, 0o644)
}

// Download carries out steps that end in a download, and returns the file with the name that the browser would give it.
func (b *Browser) Download(steps ...chromedp.Action[chromedp.Void]) (name string, data []byte) {
	b.t.Helper()
	folder, err := os.MkdirTemp(b.folder, "download")
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context, pagePatience)
	defer cancel()
	events := true
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: folder, EventsEnabled: &events,
	}); err != nil {
		b.t.Fatal(err)
	}
	names := map[string]string{} // only read after completed has said so
	completed := make(chan string, 1)
	if err := chromedp.ListenBrowser(ctx, func(event any) {
		switch e := event.(type) {
		case *browser.EventDownloadWillBegin:
			names[e.GUID] = e.SuggestedFilename
		case *browser.EventDownloadProgress:
			if e.State == browser.DownloadProgressStateCompleted {
				select {
				case completed <- e.GUID:
				default:
				}
			}
		}
	}); err != nil {
		b.t.Fatal(err)
	}
	b.Do(steps...)
	select {
	case guid := <-completed:
		data, err := os.ReadFile(filepath.Join(folder, guid))
		if err != nil {
			b.t.Fatal(err)
		}
		return names[guid], data
	case <-ctx.Done():
		b.t.Fatal("nothing was downloaded within a minute")
		return "", nil
	}
}

// report says what the page looked like when its test failed.
func (b *Browser) report() {
	ctx, cancel := context.WithTimeout(b.Context, 5*time.Second)
	defer cancel()
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText : "")`))
	if err != nil {
		shown = fmt.Sprintf("(can't be read: %v)", err)
	}
	b.mu.Lock()
	wrong := strings.Join(slices.Concat(b.problems, b.notes), "\n\t")
	b.mu.Unlock()
	b.t.Logf("the browser was at %s\nwhat went wrong in it:\n\t%s", shown, wrong)
	if err := b.screenshot("failed-" + b.t.Name()); err != nil {
		b.t.Log(err)
	}
}
