package main

import (
	"bytes"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/portaltest"
)

// A notice of several megabytes, over a line that breaks after one piece, loses an answer after another, and ends at a node that dies: the other one goes on where it
// stood, and it is one notice.
func TestALargeNoticeGoesOnWhereTheLineBroke(t *testing.T) {
	var notice *sealed
	c := openCourt(t, portaltest.PostgreSQL(t), portaltest.Redis(t), func(c *court) {
		draft := c.Draft()
		draft.Attachments = []crypto.Attachment{{Name: "evidence.txt", Type: "text/plain", Data: bytes.Repeat([]byte("what was found\n"), 4<<20/15)}}
		s := c.Seal(draft, c.Issue(crypto.KindState, crypto.ProfilePQ))
		m, err := crypto.ParseManifest(s.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		notice = &sealed{number: m.Notice, submission: submissionOf(s)}
	})
	one, two := c.start(), c.start()
	proxy := portaltest.Proxy(t, one.address)
	c.line.lead(proxy.Address)
	author := c.staff(c.Author)

	var told []int
	pieces := 0
	submitted, err := author.Submit(t.Context(), notice.submission, func(done, total int) {
		if told = append(told, done); pieces == 0 {
			pieces = total>>20 + 1
		}
		switch len(told) {
		case 1:
			proxy.Cut()
		case 2:
			proxy.LoseAnswers()
			time.AfterFunc(200*time.Millisecond, proxy.Pass)
		case 3:
			one.Kill()
			c.line.lead(two.address)
			proxy.Cut()
		}
	})
	if err != nil || submitted.Notice != notice.number {
		t.Fatalf("%s is submitted as %s: %v", notice.number, submitted.Notice, err)
	}
	if len(told) != pieces || pieces < 5 {
		t.Errorf("of %d pieces %d were confirmed: %v", pieces, len(told), told)
	}
	if again, err := author.Submit(t.Context(), notice.submission, nil); err != nil || again != submitted {
		t.Errorf("submitted again it is %s: %v", again.Notice, err)
	}
	if notices, err := author.StaffNotices(t.Context()); err != nil || len(notices) != 1 {
		t.Errorf("there are %d notices: %v", len(notices), err)
	}
}
