package portaltest

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeCore judges pages by the rules of WCAG 2.2 A and AA, and by good practice.
var axeCore = npmPackage{"axe-core", "4.14.1", "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="}

const axeScript = "axe.min.js"

// axeRun runs it on the whole page and names what it found, a line each. The last is our own rule: a page is no wider than its window.
const axeRun = `(async () => {
	const found = await axe.run(document, {resultTypes: ['violations'], %s});
	const lines = found.violations.map((v) => v.id + ': ' + v.help + v.nodes.map((n) => '\n\t\t' + n.html.slice(0, 200) + '\n\t\t\t' + n.failureSummary.replaceAll('\n', '\n\t\t\t')).join(''));
	if (document.documentElement.scrollWidth > %d) lines.push('wider than the window: ' + document.documentElement.scrollWidth);
	return lines;
})()`

// What it is run with: all rules, with that on the size of targets (WCAG 2.2), which is off by itself; or, for a second look at the same elements in other
// colours and in the other direction, only what depends on these.
const (
	axeAll   = "rules: {'target-size': {enabled: true}}"
	axeLooks = "runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']}"
)

// Axe has axe-core look at the page that a browser shows, as it is now, and fails the test when it finds anything. It looks four times, so that any two of light and dark,
// left-to-right and right-to-left, Desktop and Phone come together. Afterwards the page is as it was, light, at the size that it had. name says in the test's output
// which page it was, and names its pictures (Browser.Screenshot). Scripts must be on; what a test had made of the page's dark mode it makes again.
func Axe(t testing.TB, b *Browser, name string) {
	t.Helper()
	script, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	before := b.viewport
	direction := Read(b, chromedp.Evaluate[string]("document.documentElement.dir"))
	Read(b, chromedp.Evaluate[bool](script+"\n;true"))
	for _, look := range []struct {
		name      string
		viewport  Viewport
		direction string
		dark      bool
		rules     string
	}{
		{"1280", Desktop, "ltr", false, axeAll}, {"1280-rtl-dark", Desktop, "rtl", true, axeLooks}, {"360-rtl", Phone, "rtl", false, axeAll}, {"360-dark", Phone, "ltr", true, axeLooks},
	} {
		b.Resize(look.viewport)
		b.Dark(look.dark)
		found := Read(b, chromedp.Evaluate[[]string]("document.documentElement.dir = '"+look.direction+"';\n"+fmt.Sprintf(axeRun, look.rules, look.viewport.Width), awaitPromise))
		for _, line := range found {
			t.Errorf("%s, %s: axe: %s", name, look.name, line)
		}
		b.Screenshot(name + "-" + look.name)
	}
	b.Dark(false)
	b.Resize(before)
	Read(b, chromedp.Evaluate[bool]("document.documentElement.dir = '"+direction+"'; true"))
}

func awaitPromise(p *runtime.EvaluateParams) {
	await := true
	p.AwaitPromise = &await
}

// axe returns the script.
var axe = sync.OnceValues(func() (script string, err error) {
	err = axeCore.each(func(name string, data []byte) error {
		if name != axeScript {
			return nil
		}
		script = string(data)
		return fs.SkipAll
	})
	if err == nil && script == "" {
		err = errors.New("there is no " + axeScript + " in axe-core")
	}
	return script, err
})
