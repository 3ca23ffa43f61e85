package dispatch_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/dispatch"
)

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestANoticeIsUploadedInPieces(t *testing.T) {
	c := newCourt(t)
	ctx, author := t.Context(), c.staff(c.author)
	s := c.sealed(c.author)
	data := []byte("what stands for the notice")
	// What was uploaded is read to where the notice ends, and not behind that.
	read := func(r io.Reader) (*crypto.SealedNotice, error) {
		got := make([]byte, 7)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "what st" {
			return nil, errors.New("something else arrived: " + string(got))
		}
		return s, nil
	}
	for who, refused := range map[string]portal.Actor{"an approver": c.staff(c.approver), "a registrar": c.staff(c.registrar), "a recipient": c.people[delegate].Acting()} {
		if _, err := c.BeginUpload(ctx, refused, 10, digestOf(data)); portal.KindOf(err) != portal.Forbidden {
			t.Errorf("%s may upload: %v", who, err)
		}
	}
	_, err := c.BeginUpload(ctx, author, dispatch.MaxUpload+1, digestOf(data))
	wantCode(t, err, portal.TooLarge, "too-large")
	_, err = c.BeginUpload(ctx, author, 0, digestOf(data))
	wantCode(t, err, portal.TooLarge, "too-large")
	_, err = c.BeginUpload(ctx, author, 10, "ABC")
	wantCode(t, err, portal.Invalid, "invalid-digest")

	u, err := c.BeginUpload(ctx, author, int64(len(data)), digestOf(data))
	must(t, err)
	c.wantAudited(author, "dispatch.upload", "")
	_, err = c.AddPiece(ctx, author, u.ID, 1, data[1:])
	wantCode(t, err, portal.Conflict, "upload-offset")
	_, err = c.AddPiece(ctx, author, u.ID, 0, append(data, '!'))
	wantCode(t, err, portal.Invalid, "invalid-piece")
	_, err = c.AddPiece(ctx, author, u.ID, 0, nil)
	wantCode(t, err, portal.Invalid, "invalid-piece")
	_, err = c.AddPiece(ctx, c.staff(c.secondAuthor), u.ID, 0, data)
	wantCode(t, err, portal.NotFound, "no-upload")
	_, err = c.AddPiece(ctx, author, u.ID, 0, data[:5])
	must(t, err)
	_, err = c.SubmitUpload(ctx, author, u.ID, read)
	wantCode(t, err, portal.Conflict, "upload-incomplete")
	for range 2 { // its answer got lost
		if after, err := c.AddPiece(ctx, author, u.ID, 5, data[5:]); err != nil || after.Received != u.Size {
			t.Fatalf("%+v, %v", after, err)
		}
	}
	_, err = c.SubmitUpload(ctx, c.staff(c.secondAuthor), u.ID, read)
	wantCode(t, err, portal.NotFound, "no-upload")
	n, err := c.SubmitUpload(ctx, author, u.ID, read)
	must(t, err)
	again, err := c.SubmitUpload(ctx, author, u.ID, func(io.Reader) (*crypto.SealedNotice, error) { return nil, errors.New("read twice") })
	if notices, listed := c.Notices(ctx, author); err != nil || again != n || len(notices) != 1 || listed != nil {
		t.Errorf("submitted again it is %s, not %s: %v; %d notices", again, n, err, len(notices))
	}

	// The very same under another upload: still one notice.
	must(t, c.DropUpload(ctx, author, u.ID))
	u, err = c.BeginUpload(ctx, author, int64(len(data)), digestOf(data))
	must(t, err)
	_, err = c.AddPiece(ctx, author, u.ID, 0, data)
	must(t, err)
	again, err = c.SubmitUpload(ctx, author, u.ID, read)
	if notices, listed := c.Notices(ctx, author); err != nil || again != n || len(notices) != 1 || listed != nil {
		t.Errorf("uploaded again it is %s, not %s: %v; %d notices", again, n, err, len(notices))
	}

	// What arrived is not what was announced; and after a day nothing is there.
	other, err := c.BeginUpload(ctx, author, int64(len(data)), digestOf([]byte("another")))
	must(t, err)
	_, err = c.AddPiece(ctx, author, other.ID, 0, data)
	must(t, err)
	_, err = c.SubmitUpload(ctx, author, other.ID, read)
	wantCode(t, err, portal.Invalid, "upload-damaged")
	c.now = c.now.Add(dispatch.UploadTime + time.Second)
	_, err = c.Upload(ctx, author, other.ID)
	wantCode(t, err, portal.NotFound, "no-upload")
}

func TestDraftsOfNoticesAreSealedToTheDesk(t *testing.T) {
	c := newCourt(t)
	ctx, author := t.Context(), c.staff(c.author)
	n := crypto.NewNumber(crypto.KindNotice)
	seal := func(to ...*crypto.Key) []byte {
		var staff []*crypto.Staff
		for _, k := range to {
			staff = append(staff, c.staff(k).Staff())
		}
		record, err := crypto.SealNoticeDraft(crypto.NoticeDraft{Draft: n, Revision: 1, Content: []byte(`{"id":"x"}`)}, c.author, staff, c.now)
		must(t, err)
		return record
	}
	save := func(actor portal.Actor, revision int, record []byte) error {
		_, err := c.SaveNoticeDraft(ctx, actor, dispatch.NoticeDraft{Draft: n, Revision: revision, Record: record})
		return err
	}
	sealed := seal(c.author, c.approver)
	wantCode(t, save(c.staff(c.registrar), 1, sealed), portal.Forbidden, "author-only")
	wantCode(t, save(author, 1, []byte("in the clear")), portal.Invalid, "not-sealed")
	wantCode(t, save(author, 1, seal(c.approver)), portal.Invalid, "not-sealed")
	wantCode(t, save(author, 1, seal(c.author, c.registrar)), portal.Invalid, "not-sealed")
	wantCode(t, save(author, 0, sealed), portal.Invalid, "invalid-revision")
	must(t, save(author, 1, sealed))
	c.wantAudited(author, "dispatch.save-draft", string(n))
	_, err := c.NoticeDrafts(ctx, c.people[delegate].Acting())
	wantCode(t, err, portal.Forbidden, "staff-only")
	_, err = c.NoticeDraft(ctx, c.staff(c.auditor), n)
	wantCode(t, err, portal.Forbidden, "author-only")
	d, err := c.NoticeDraft(ctx, c.staff(c.approver), n)
	must(t, err)
	opened, writer, err := c.pin.OpenNoticeDraft(d.Record, n, 1, []*crypto.Key{c.approver}, c.staffCertificates(), c.now)
	must(t, err)
	if string(opened.Content) != `{"id":"x"}` || writer.Certificate().Fingerprint() != c.author.Certificate().Fingerprint() {
		t.Errorf("it opens as %q by %s", opened.Content, writer.Name())
	}
	for _, wrong := range []func() error{
		func() error {
			_, _, err := c.pin.OpenNoticeDraft(d.Record, n, 2, []*crypto.Key{c.approver}, c.staffCertificates(), c.now)
			return err
		},
		func() error {
			_, _, err := c.pin.OpenNoticeDraft(d.Record, crypto.NewNumber(crypto.KindNotice), 1, []*crypto.Key{c.approver}, c.staffCertificates(), c.now)
			return err
		},
	} {
		if wrong() == nil {
			t.Error("one draft passes for another")
		}
	}

	// Its files.
	file, err := crypto.SealNoticeFile([]byte("a file"), n, c.author, []*crypto.Staff{author.Staff(), c.staff(c.approver).Staff()}, c.now)
	must(t, err)
	wantCode(t, c.AttachToDraft(ctx, author, n, digestOf([]byte("x")), file), portal.Invalid, "wrong-digest")
	wantCode(t, c.AttachToDraft(ctx, author, n, digestOf([]byte("a file")), []byte("a file")), portal.Invalid, "not-sealed")
	must(t, c.AttachToDraft(ctx, author, n, digestOf(file), file))
	got, err := c.DraftFile(ctx, c.staff(c.approver), n, digestOf(file))
	must(t, err)
	data, _, err := c.pin.OpenNoticeFile(got, n, []*crypto.Key{c.approver}, c.staffCertificates(), c.now)
	must(t, err)
	if !bytes.Equal(data, []byte("a file")) {
		t.Errorf("the file opens as %q", data)
	}
	if _, _, err := c.pin.OpenNoticeFile(got, crypto.NewNumber(crypto.KindNotice), []*crypto.Key{c.approver}, c.staffCertificates(), c.now); err == nil {
		t.Error("the file of one draft passes for that of another")
	}

	// A submission takes along the revision that its author had, and no other.
	must(t, c.DraftBecame(ctx, author, n, 7))
	if _, err := c.NoticeDraft(ctx, author, n); err != nil {
		t.Errorf("what somebody saved meanwhile is gone: %v", err)
	}
	must(t, c.DraftBecame(ctx, author, n, 1))
	_, err = c.NoticeDraft(ctx, author, n)
	wantCode(t, err, portal.NotFound, "no-draft")
}
