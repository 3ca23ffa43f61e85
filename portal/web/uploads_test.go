package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
)

// asSubmission is a sealed notice as clients send it.
func asSubmission(t *testing.T, s *crypto.SealedNotice) []byte {
	t.Helper()
	wire := api.Submission{
		Manifest: string(s.Manifest), AuthorSignature: string(s.AuthorSignature), Audience: string(s.Audience), Headings: s.Headings, Bodies: s.Bodies,
	}
	for _, e := range s.Envelopes {
		wire.Envelopes = append(wire.Envelopes, api.Envelope{Holder: e.Holder, Certificate: e.Certificate, Suite: e.Suite, Data: e.Data})
	}
	text, err := json.Marshal(wire)
	must(t, err)
	return text
}

// begins announces an upload.
func (v *visitor) begins(data []byte) (u api.Upload) {
	v.t.Helper()
	sum := sha256.Sum256(data)
	v.post("/uploads", api.BeginUpload{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}).into(v.t, 201, &u)
	return u
}

func (v *visitor) sendsPiece(u api.Upload, data []byte, offset int64) answer {
	v.t.Helper()
	piece := data[offset:min(offset+api.MaxUploadPiece, int64(len(data)))]
	return v.doTyped("PUT", fmt.Sprintf("%s/uploads/%s?offset=%d", api.Root, u.Upload, offset), "application/octet-stream", bytes.NewReader(piece))
}

// uploads sends all of it, the pieces in turns to the visitors, who may be at several nodes.
func uploads(t *testing.T, data []byte, visitors ...*visitor) api.Upload {
	t.Helper()
	u := visitors[0].begins(data)
	for i := 0; u.Offset < u.Size; i++ {
		visitors[i%len(visitors)].sendsPiece(u, data, u.Offset).into(t, 200, &u)
	}
	return u
}

// TestALargeNoticeArrivesAtTwoNodes uploads 25 MiB of attachments in both suites, its pieces in turns to two nodes, and looks at what it costs them in memory.
func TestALargeNoticeArrivesAtTwoNodes(t *testing.T) {
	options := live.Options{Database: portaltest.PostgreSQL(t), Redis: portaltest.Redis(t)}
	one, other := live.Portal(t, options), live.Portal(t, options)
	state, office := one.Issue(crypto.KindState, crypto.ProfilePQ), one.Issue(crypto.KindOrganisation, crypto.ProfileCompat)
	draft := one.Draft()
	file := make([]byte, crypto.MaxAttachmentsSize)
	random := rand.NewChaCha8([32]byte{})
	random.Read(file)
	draft.Attachments = []crypto.Attachment{{Name: "evidence.bin", Type: "application/octet-stream", Data: file}}
	data := asSubmission(t, one.Seal(draft, state, office))
	draft.Attachments, file = nil, nil

	here, there := newVisitor(t, one), newVisitor(t, other)
	here.logIn(fingerprint(one.Author), one.Author)
	there.logIn(fingerprint(one.Author), one.Author)
	memory := watchMemory()
	u := uploads(t, data, here, there)
	there.sendsPiece(u, data, 0).into(t, 200, &u) // its answer got lost, long ago
	if u.Offset != int64(len(data)) {
		t.Errorf("it goes on at %d of %d", u.Offset, len(data))
	}
	t.Logf("%d MiB in pieces: the heap grew by at most %d MiB", len(data)>>20, memory())

	memory = watchMemory()
	var submitted, again api.Submitted
	here.post("/uploads/"+u.Upload+"/notice", nil).into(t, 201, &submitted)
	if grown := memory(); grown > 400 {
		t.Errorf("submitting %d MiB took %d MiB of memory", len(data)>>20, grown)
	} else {
		t.Logf("submitting: at most %d MiB", grown)
	}
	there.post("/uploads/"+u.Upload+"/notice", nil).into(t, 201, &again)
	if again != submitted {
		t.Errorf("first it is %s, then %s", submitted.Notice, again.Notice)
	}
	there.get("/uploads/"+u.Upload).into(t, 200, &u)
	if u.Notice != submitted.Notice {
		t.Errorf("the upload became %q", u.Notice)
	}

	// Nobody else's.
	stranger := newVisitor(t, other)
	stranger.logIn(fingerprint(one.Approver), one.Approver)
	stranger.get("/uploads/"+u.Upload).wantFailure(t, 403, "author-only")
	here.do("DELETE", api.Root+"/uploads/"+u.Upload, nil).want(t, 204)
	here.get("/uploads/"+u.Upload).wantFailure(t, 404, "no-upload")
}

func TestWhatIsNoSubmissionIsRefused(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	whole := string(asSubmission(t, p.Seal(p.Draft(), p.Issue(crypto.KindState, crypto.ProfilePQ))))
	for what, text := range map[string]string{
		"nothing of it":       "no JSON",
		"an array":            "[]",
		"cut off":             whole[:len(whole)-20],
		"an unknown field":    whole[:len(whole)-1] + `,"more":1}`,
		"a field twice":       whole[:len(whole)-1] + `,"audience":""}`,
		"something behind":    whole + "{}",
		"a field of envelope": strings.Replace(whole, `"holder":`, `"held":1,"holder":`, 1),
		"no base64":           strings.Replace(whole, `"bodies":{"pq":"`, `"bodies":{"pq":"!`, 1),
	} {
		u := uploads(t, []byte(text), v)
		if a := v.post("/uploads/"+u.Upload+"/notice", nil); a.StatusCode != 400 || !strings.Contains(string(a.body), "invalid-json") {
			t.Errorf("%s: %d %s", what, a.StatusCode, a.body)
		}
	}
	for what, text := range map[string]string{
		"a suite that is none": `{"bodies":{"pq":"","other":""}}`, "a heading of one": `{"headings":{"":""}}`,
	} {
		if a := v.post("/uploads/"+uploads(t, []byte(text), v).Upload+"/notice", nil); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", what, a.StatusCode, a.body)
		}
	}
	u := uploads(t, []byte("{}"), v)
	v.post("/uploads/"+u.Upload+"/notice", nil).want(t, 400)
	v.post("/uploads", api.BeginUpload{Size: api.MaxUpload + 1, SHA256: u.Upload + u.Upload}).wantFailure(t, 413, "too-large")
	v.doTyped("PUT", api.Root+"/uploads/"+u.Upload, "application/octet-stream", strings.NewReader("x")).wantFailure(t, 400, "invalid-offset")
	v.doTyped("PUT", api.Root+"/uploads/"+u.Upload+"?offset=0", "application/json", strings.NewReader("x")).wantFailure(t, 415, "unsupported-media-type")
	v.doTyped("PUT", api.Root+"/uploads/"+u.Upload+"?offset=0", "application/octet-stream", bytes.NewReader(make([]byte, api.MaxUploadPiece+1))).wantFailure(t, 413, "too-large")
}

// TestAListOfNothingFillsNoMemory: a stolen account must not stop the server with what is small on the way and large in memory.
func TestAListOfNothingFillsNoMemory(t *testing.T) {
	p := live.Portal(t, live.Options{})
	v := newVisitor(t, p)
	v.logIn(fingerprint(p.Author), p.Author)
	nothing := []byte(`{"envelopes":[` + strings.Repeat("{},", 6<<20) + `{}]}`)
	parts := bytes.Replace(nothing, []byte("envelopes"), []byte("personal_parts"), 1)
	memory := watchMemory()
	for _, text := range [][]byte{nothing, parts} {
		v.post("/notices", json.RawMessage(text)).wantFailure(t, 413, "too-large")
		v.post("/uploads/"+uploads(t, text, v).Upload+"/notice", nil).wantFailure(t, 413, "too-large")
	}
	if grown := memory(); grown > 350 {
		t.Errorf("it took %d MiB", grown)
	}
	long := append([]byte(`{"manifest":"`), bytes.Repeat([]byte("m"), 70<<20)...)
	v.post("/uploads/"+uploads(t, long, v).Upload+"/notice", nil).wantFailure(t, 413, "too-large")
}
