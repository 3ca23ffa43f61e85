package portaltest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Feed is a feed as somebody else's program reads it.
type Feed struct {
	Title    string `json:"title"`
	Language string `json:"language"`
	Home     string `json:"home"`
	Self     string `json:"self"`
	Author   string `json:"author"`
	Entries  []struct {
		ID        string    `json:"id"`
		Title     string    `json:"title"`
		Link      string    `json:"link"`
		HTML      string    `json:"html"`
		Published time.Time `json:"published"`
		Updated   time.Time `json:"updated"`
		Tags      []string  `json:"tags"`
		Related   []string  `json:"related"` // addresses that go along with it
	} `json:"entries"`
}

// ReadAtom reads an Atom feed with feedparser, which many feed readers stand on; whatever it finds wrong with it fails the test.
func ReadAtom(t testing.TB, data []byte) Feed {
	t.Helper()
	python, err := find("python3", "python3-feedparser", "/usr/bin") // Debian's, which has Debian's feedparser
	if err != nil {
		t.Fatal(err)
	}
	return readFeed(t, data, exec.Command(python, "-c", `
import calendar, datetime, feedparser, json, sys
f = feedparser.parse(sys.stdin.buffer.read())
if f.bozo or f.version != "atom10": sys.exit("feedparser: %s %s" % (f.version, f.get("bozo_exception")))
when = lambda t: datetime.datetime.fromtimestamp(calendar.timegm(t), datetime.timezone.utc).isoformat()
related = lambda e: [l.href for l in e.links if l.rel == "related"]
json.dump({"title": f.feed.title, "language": f.feed.get("language") or f.feed.title_detail.language or "", "home": f.feed.link, "self": next(l.href for l in f.feed.links if l.rel == "self"), "author": f.feed.author,
  "entries": [{"id": e.id, "title": e.title, "link": e.link, "html": e.content[0].value, "published": when(e.published_parsed), "updated": when(e.updated_parsed),
    "tags": [g.term for g in e.tags], "related": related(e)} for e in f.entries]}, sys.stdout)
`))
}

// What reads JSON Feed 1.1.
var (
	feedsmith = npmPackage{"feedsmith", "3.0.1", "P4puSPGXvIcA5wYvJJCap+nbO2tVemZ39fpkx68ZtkbAGtzw4eNJ0BDm8tLb25UWD8yL8j47eDG2uwfzprTiZA=="}
	entities  = npmPackage{"entities", "7.0.1", "TWrgLOFUQTH994YUyl1yT4uyavY5nNB5muff+RtWaqNVCAK408b5ZnnbNAUEWLTCpum9w6arT70i1XdQ4UeOPA=="}
)

// ReadJSONFeed reads a JSON Feed with feedsmith; what it leaves out because it isn't valid is missing.
func ReadJSONFeed(t testing.TB, data []byte) Feed {
	t.Helper()
	folder, remove, err := folder("feed")
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	for _, p := range []npmPackage{feedsmith, entities} {
		if err := p.unpack(folder); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(folder, "read.cjs")
	if err := os.WriteFile(program, []byte(`
const {parse} = require('./node_modules/feedsmith/dist/feeds/json/parse/index.cjs');
const f = parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify({title: f.title, language: f.language, home: f.home_page_url, self: f.feed_url, author: f.authors[0].name, entries: (f.items || []).map((e) => ({
  id: e.id, title: e.title, link: e.url, html: e.content_html, published: e.date_published, updated: e.date_modified, tags: e.tags, related: (e.attachments || []).map((a) => a.url)}))}));
`), 0o600); err != nil {
		t.Fatal(err)
	}
	node, err := find("node", "npm") // npm brings it
	if err != nil {
		t.Fatal(err)
	}
	return readFeed(t, data, exec.Command(node, program))
}

func readFeed(t testing.TB, data []byte, reader *exec.Cmd) (feed Feed) {
	t.Helper()
	var problems bytes.Buffer
	reader.Stdin, reader.Stderr = bytes.NewReader(data), &problems
	read, err := reader.Output()
	if err != nil {
		t.Fatalf("the feed can't be read: %v %s\n%s", err, problems.Bytes(), data)
	}
	if err := json.Unmarshal(read, &feed); err != nil {
		t.Fatalf("%v: %s", err, read)
	}
	for i := range feed.Entries {
		e := &feed.Entries[i]
		e.Published, e.Updated, e.HTML = e.Published.UTC(), e.Updated.UTC(), strings.TrimSpace(e.HTML)
	}
	return feed
}
