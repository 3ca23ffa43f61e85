package mail

import (
	"strings"
	"testing"
	"time"
)

// TestHostileMailIsReadInTime: whoever saw a Message-ID of ours can have the desk open what they wrote.
func TestHostileMailIsReadInTime(t *testing.T) {
	const html = "Content-Type: text/html\r\n\r\n"
	folded := "Content-Type: text/plain\r\nX: y\r\n" + strings.Repeat(" \r\n", 40_000) + "\r\nHello\r\n"
	for name, content := range map[string]string{
		"ends of one link":        html + "<pre><a>y" + strings.Repeat(" ", 1<<20) + strings.Repeat("</a>", 1<<18),
		"links that don't end":    html + strings.Repeat("<a href=x>", 1<<18),
		"comments, not ended":     html + strings.Repeat("<!", 1<<20),
		"quotes, not ended":       html + strings.Repeat(`<p x="`, 1<<19),
		"scripts":                 html + strings.Repeat("<script></script", 1<<18),
		"attributes":              html + "<img " + strings.Repeat("alt ", 1<<20) + ">",
		"tags of many":            html + strings.Repeat("<img alt>", 1<<18),
		"folds":                   "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n"+folded, 50) + "--b--\r\n",
		"encoded words":           "Content-Type: text/plain\r\nSubject: " + strings.Repeat("=?utf-8?q?", 10_000) + "\r\n\r\nHello\r\n",
		"parts in parts":          strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 10_000),
		"delimiters":              "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n", 1<<20),
		"parameters":              "Content-Type: text/plain" + strings.Repeat("; a*1=x; b=y", 10_000) + "\r\n\r\nHello\r\n",
		"base 64 that is no such": "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("!", 1<<22),
	} {
		begun := time.Now()
		Read([]byte(content))
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%s: %v for %d KiB", name, took, len(content)>>10)
		}
	}
}
