package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

const author = "staff:AUTHOR"

// begun begins an upload of three pieces at a node.
func begun(t *testing.T, db *DB, id, digest string, at time.Time) dispatch.Upload {
	t.Helper()
	u, err := db.BeginUpload(t.Context(), dispatch.Upload{ID: id, Holder: author, Size: 9, SHA256: digest, BegunAt: at}, 3, 1000, at.Add(-dispatch.UploadTime))
	must(t, err)
	return u
}

func TestAnUploadGoesOnAtAnyNode(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, other, ctx, since := node(), node(), t.Context(), noon.Add(-time.Hour)
		u := begun(t, db, "one", "d1", noon)
		u, err := db.AddPiece(ctx, u, 0, []byte("abc"))
		must(t, err)
		if same := begun(t, other, "two", "d1", noon.Add(time.Minute)); same.ID != "one" || same.Received != 3 {
			t.Errorf("begun again, it is %+v", same)
		}

		// The same piece at two nodes at once is kept once; one that comes too late changes nothing.
		var group sync.WaitGroup
		for _, on := range []*DB{db, other} {
			group.Go(func() {
				if after, err := on.AddPiece(ctx, u, 3, []byte("def")); err != nil || after.Received != 6 {
					t.Errorf("%+v, %v", after, err)
				}
			})
		}
		group.Wait()
		after, err := other.AddPiece(ctx, u, 3, []byte("XYZ"))
		must(t, err)
		if after.Received != 6 {
			t.Errorf("a piece that came twice moved it to %d", after.Received)
		}
		_, err = db.AddPiece(ctx, u, 6, []byte("ghi"))
		must(t, err)
		var whole []byte
		for {
			piece, err := other.Piece(ctx, "one", int64(len(whole)))
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			whole = append(whole, piece...)
		}
		if string(whole) != "abcdefghi" {
			t.Errorf("it is %q", whole)
		}

		// Nobody else's, and not for ever.
		_, err = db.Upload(ctx, "staff:ANOTHER", "one", since)
		wantCode(t, err, portal.NotFound, "no-upload")
		_, err = db.Upload(ctx, author, "one", noon)
		wantCode(t, err, portal.NotFound, "no-upload")
		must(t, db.DropUpload(ctx, "staff:ANOTHER", "one"))
		if u, err := other.Upload(ctx, author, "one", since); err != nil || u.Received != 9 || u.Notice != "" || !u.BegunAt.Equal(kept(noon)) {
			t.Errorf("%+v, %v", u, err)
		}
		n := crypto.NewNumber(crypto.KindNotice)
		must(t, db.FinishUpload(ctx, "one", n))
		if u, err := other.Upload(ctx, author, "one", since); err != nil || u.Notice != n {
			t.Errorf("%+v, %v", u, err)
		}
		if _, err := db.Piece(ctx, "one", 0); !errors.Is(err, io.EOF) {
			t.Errorf("its pieces are still there: %v", err)
		}

		// A fourth makes an end of the oldest that is not finished.
		for i, id := range []string{"a", "b", "c", "d"} {
			begun(t, db, id, id, noon.Add(time.Duration(i+1)*time.Minute))
		}
		_, err = db.Upload(ctx, author, "a", since)
		wantCode(t, err, portal.NotFound, "no-upload")
		_, err = db.AddPiece(ctx, dispatch.Upload{ID: "a"}, 0, []byte("abc"))
		wantCode(t, err, portal.NotFound, "no-upload")
		for _, id := range []string{"one", "b", "c", "d"} {
			if _, err := db.Upload(ctx, author, id, since); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		_, err = db.AddPiece(ctx, dispatch.Upload{ID: "d"}, 0, []byte("abc"))
		must(t, err)
		must(t, db.Purge(ctx, noon.Add(dispatch.UploadTime+3*time.Minute)))
		_, err = db.Upload(ctx, author, "b", since)
		wantCode(t, err, portal.NotFound, "no-upload")
		must(t, db.Purge(ctx, noon.Add(2*dispatch.UploadTime)))
		if _, err := db.Piece(ctx, "d", 0); !errors.Is(err, io.EOF) {
			t.Errorf("pieces of what was forgotten are still there: %v", err)
		}
	})
}

// TestUploadsTogether: however many people begin at once, at whatever node, what is announced in all has a bound; and who is refused keeps what they have.
func TestUploadsTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		nodes, ctx := []*DB{node(), node()}, t.Context()
		begin := func(on *DB, holder, id string, at time.Time) error {
			_, err := on.BeginUpload(ctx, dispatch.Upload{ID: id, Holder: holder, Size: 9, SHA256: id, BegunAt: at}, 3, 30, at.Add(-dispatch.UploadTime))
			return err
		}
		var group sync.WaitGroup
		refused := make([]error, 12)
		for i := range refused {
			group.Go(func() { refused[i] = begin(nodes[i%2], fmt.Sprintf("staff:%d", i/3), fmt.Sprint(i), noon) })
		}
		group.Wait()
		begun := 0
		for i, err := range refused {
			if err == nil {
				begun++
				must(t, begin(nodes[0], fmt.Sprintf("staff:%d", i/3), fmt.Sprint(i), noon)) // the same goes on
			} else {
				wantCode(t, err, portal.TooMany, "uploads-full")
			}
		}
		if begun != 3 {
			t.Errorf("%d uploads of 9 bytes were begun where 30 may be", begun)
		}
		// Room comes with a day.
		must(t, begin(nodes[1], author, "next day", noon.Add(dispatch.UploadTime)))
	})
}

func TestDraftsOfNotices(t *testing.T) {
	onBoth(t, func(t *testing.T, node func() *DB) {
		db, other, ctx := node(), node(), t.Context()
		n := crypto.NewNumber(crypto.KindNotice)
		save := func(db *DB, revision int, record string, files ...string) error {
			_, err := db.SaveNoticeDraft(ctx, dispatch.NoticeDraft{Draft: n, Revision: revision, SavedAt: noon, SavedBy: author, Record: []byte(record), Files: files}, 100)
			return err
		}
		wantCode(t, save(db, 2, "two"), portal.NotFound, "no-draft")
		must(t, save(db, 1, "one"))
		must(t, save(other, 1, "one")) // an answer got lost
		wantCode(t, save(db, 1, "another one"), portal.Conflict, "draft-changed")

		// Two people at once, at two nodes: nobody is overwritten.
		var mu sync.Mutex
		var saved []string
		var group sync.WaitGroup
		for text, on := range map[string]*DB{"mine": db, "yours": other} {
			group.Go(func() {
				err := save(on, 2, text)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					saved = append(saved, text)
				} else {
					wantCode(t, err, portal.Conflict, "draft-changed")
				}
			})
		}
		group.Wait()
		d, err := db.NoticeDraft(ctx, n)
		must(t, err)
		if len(saved) != 1 || string(d.Record) != saved[0] || d.Revision != 2 || d.SavedBy != author || !d.SavedAt.Equal(kept(noon)) {
			t.Errorf("%v were saved; kept is %+v", saved, d)
		}

		// Files: first uploaded, then named.
		data := bytes.Repeat([]byte("x"), 40)
		sum := sha256.Sum256(data)
		id := hex.EncodeToString(sum[:])
		wantCode(t, save(db, 3, "three", id), portal.Conflict, "attachment-not-uploaded")
		f := dispatch.DraftFile{Draft: n, ID: id, Data: data, UploadedBy: author, UploadedAt: noon}
		must(t, db.SaveDraftFile(ctx, f, 2, 100, 100))
		must(t, other.SaveDraftFile(ctx, f, 2, 100, 100))
		must(t, save(db, 3, "three", id))
		if got, err := other.DraftFile(ctx, n, id); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q, %v", got, err)
		}
		_, err = db.DraftFile(ctx, crypto.NewNumber(crypto.KindNotice), id)
		wantCode(t, err, portal.NotFound, "no-attachment")
		large := dispatch.DraftFile{Draft: n, ID: "large", Data: bytes.Repeat(data, 2), UploadedBy: author, UploadedAt: noon}
		wantCode(t, db.SaveDraftFile(ctx, large, 2, 100, 1000), portal.TooLarge, "too-many-attachments")
		wantCode(t, db.SaveDraftFile(ctx, large, 2, 1000, 100), portal.TooLarge, "too-many-drafts")
		wantCode(t, save(db, 4, string(bytes.Repeat(data, 3))), portal.TooLarge, "too-many-drafts")

		// The same file for one draft after the other, or for many at once, fills no disk either.
		fits := func(uploader string, most int64) (kept int) {
			var group sync.WaitGroup
			var mu sync.Mutex
			for i := range 8 {
				on := []*DB{db, other}[i%2]
				group.Go(func() {
					again := dispatch.DraftFile{Draft: crypto.NewNumber(crypto.KindNotice), ID: id, Data: data, UploadedBy: uploader, UploadedAt: noon}
					err := on.SaveDraftFile(ctx, again, 2, 100, most)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						kept++
					} else {
						wantCode(t, err, portal.TooLarge, "too-many-drafts")
					}
				})
			}
			group.Wait()
			return kept
		}
		if kept := fits("staff:FULL", 100); kept != 2 {
			t.Errorf("%d files of 40 bytes were kept for somebody who may have 100", kept)
		}

		// What no draft names is forgotten; what one names stays as long as it does.
		loose := dispatch.DraftFile{Draft: n, ID: "loose", Data: []byte("loose"), UploadedBy: author, UploadedAt: noon}
		must(t, db.SaveDraftFile(ctx, loose, 3, 100, 100))
		must(t, db.Purge(ctx, noon.Add(25*time.Hour)))
		_, err = db.DraftFile(ctx, n, "loose")
		wantCode(t, err, portal.NotFound, "no-attachment")
		if _, err := db.DraftFile(ctx, n, id); err != nil {
			t.Error(err)
		}
		wantCode(t, db.DiscardNoticeDraft(ctx, n, 2), portal.Conflict, "draft-changed")
		if drafts, err := other.NoticeDrafts(ctx); err != nil || len(drafts) != 1 || drafts[0].Draft != n {
			t.Errorf("%+v, %v", drafts, err)
		}
		must(t, db.DiscardNoticeDraft(ctx, n, 3))
		must(t, db.DiscardNoticeDraft(ctx, n, 3))
		_, err = db.NoticeDraft(ctx, n)
		wantCode(t, err, portal.NotFound, "no-draft")
		_, err = db.DraftFile(ctx, n, id)
		wantCode(t, err, portal.NotFound, "no-attachment")
		wantCode(t, save(db, 4, "four"), portal.NotFound, "no-draft")
	})
}
