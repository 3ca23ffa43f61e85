package portaltest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe-core judges pages by the rules of WCAG 2.2 A and AA, and by good practice. It is fetched from npm once, into the cache folder of whoever
// runs the tests, and is no part of the repository (its licence is MPL 2.0).
const (
	axeVersion = "4.14.1"
	// axeIntegrity is what npm's lock files call integrity: the SHA-512 of the package. Whatever doesn't have it is not run.
	axeIntegrity = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
	axeScript    = "package/axe.min.js"
	maxAxe       = 8 << 20 // bytes, packed and unpacked
)

// axeRun runs it on the whole page, with the rule on the size of targets (WCAG 2.2), which is off by itself, and names what it found, a line each. The
// last is our own rule: a page is no wider than its window.
const axeRun = `(async () => {
	const found = await axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}});
	const lines = found.violations.map((v) => v.id + ': ' + v.help + v.nodes.map((n) => '\n\t\t' + n.html.slice(0, 200) + '\n\t\t\t' + n.failureSummary.replaceAll('\n', '\n\t\t\t')).join(''));
	if (document.documentElement.scrollWidth > %d) lines.push('wider than the window: ' + document.documentElement.scrollWidth);
	return lines;
})()`

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
	}{
		{"1280", Desktop, "ltr", false}, {"1280-rtl-dark", Desktop, "rtl", true}, {"360-rtl", Phone, "rtl", false}, {"360-dark", Phone, "ltr", true},
	} {
		b.Resize(look.viewport)
		b.Dark(look.dark)
		found := Read(b, chromedp.Evaluate[[]string]("document.documentElement.dir = '"+look.direction+"';\n"+fmt.Sprintf(axeRun, look.viewport.Width), awaitPromise))
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

// axe returns the script, fetching it when it isn't there yet.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("axe-core needs a folder to be kept in: %w", err)
	}
	file := filepath.Join(cache, "valise-tests", "axe-core-"+axeVersion+".tgz")
	packed, err := os.ReadFile(file)
	if err != nil || checkAxe(packed) != nil {
		if packed, err = fetchAxe(filepath.Dir(file)); err != nil {
			return "", err
		}
	}
	return unpackAxe(packed)
})

// fetchAxe fetches the package and keeps it. Several test processes may do so at once.
func fetchAxe(folder string) ([]byte, error) {
	npm, err := find("npm", "npm")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	apart, err := os.MkdirTemp(folder, "fetching-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(apart)
	command := exec.Command(npm, "pack", "--silent", "axe-core@"+axeVersion)
	command.Dir = apart
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fetching axe-core: %w: %s", err, said)
	}
	name := "axe-core-" + axeVersion + ".tgz"
	packed, err := os.ReadFile(filepath.Join(apart, name))
	if err != nil {
		return nil, fmt.Errorf("fetching axe-core: %w", err)
	}
	if err := checkAxe(packed); err != nil {
		return nil, err
	}
	return packed, os.Rename(filepath.Join(apart, name), filepath.Join(folder, name))
}

func checkAxe(packed []byte) error {
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != axeIntegrity {
		return errors.New("what npm gave for axe-core " + axeVersion + " is not the package that was reviewed: its SHA-512 is another")
	}
	return nil
}

func unpackAxe(packed []byte) (string, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(io.LimitReader(unzipped, 8*maxAxe)); ; {
		header, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("there is no %s in axe-core: %w", axeScript, err)
		}
		if header.Name != axeScript {
			continue
		}
		var script strings.Builder
		_, err = io.Copy(&script, io.LimitReader(files, maxAxe))
		return script.String(), err
	}
}
