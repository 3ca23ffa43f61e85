package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/dispatch"
)

func wireUpload(u dispatch.Upload) api.Upload {
	return api.Upload{Upload: u.ID, Offset: u.Received, Size: u.Size, Expires: wireTime(u.BegunAt.Add(dispatch.UploadTime)), Notice: u.Notice}
}

// postUploads announces a large notice.
func (s *server) postUploads(w http.ResponseWriter, r *http.Request) error {
	var request api.BeginUpload
	if err := decode(w, r, &request); err != nil {
		return err
	}
	u, err := s.Dispatch.BeginUpload(r.Context(), visitOf(r).actor, request.Size, request.SHA256)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, wireUpload(u))
}

func (s *server) getUpload(w http.ResponseWriter, r *http.Request) error {
	u, err := s.Dispatch.Upload(r.Context(), visitOf(r).actor, r.PathValue("upload"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireUpload(u))
}

// putUpload takes the next piece, as it is. What it confirms is on disk.
func (s *server) putUpload(w http.ResponseWriter, r *http.Request) error {
	if err := checkOctets(r, "piece"); err != nil {
		return err
	}
	offset, err := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
	if err != nil {
		return portal.Errorf(portal.Invalid, "invalid-offset", "The query must say which byte the piece begins with: ?offset=1048576.")
	}
	piece, err := readBody(w, r)
	if err != nil {
		return err
	}
	u, err := s.Dispatch.AddPiece(r.Context(), visitOf(r).actor, r.PathValue("upload"), offset, piece)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireUpload(u))
}

func (s *server) deleteUpload(w http.ResponseWriter, r *http.Request) error {
	if err := s.Dispatch.DropUpload(r.Context(), visitOf(r).actor, r.PathValue("upload")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// postUploadNotice submits what was uploaded. Each takes memory for its largest body several times over, so only a few go at a time.
func (s *server) postUploadNotice(w http.ResponseWriter, r *http.Request) error {
	select {
	case s.submitting <- struct{}{}:
		defer func() { <-s.submitting }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	n, err := s.Dispatch.SubmitUpload(r.Context(), visitOf(r).actor, r.PathValue("upload"), readSubmission)
	if err != nil {
		return err
	}
	s.draftBecame(r)
	return writeJSON(w, http.StatusCreated, api.Submitted{Notice: n})
}

// maxSubmitting is how many uploads are submitted at a time.
const maxSubmitting = 2

const (
	// maxEnvelopes and maxPersonalParts are how many elements the lists of a submission have at most. Three bytes of JSON become a hundred in memory, so a small account could else fill
	// it with a list of nothing.
	maxEnvelopes     = crypto.MaxAudience + 1000
	maxPersonalParts = 2 * crypto.MaxAudience
	// maxValue is how many bytes one value of its JSON has at most: a body, in base64. The decoder keeps a value whole.
	maxValue = crypto.MaxBodySize/3*4 + 64<<10
)

// readSubmission reads an api.Submission field by field, so that never the whole of its JSON is in memory. Like decode it refuses fields that it doesn't know; a field
// that stands there twice, too; and portal.TooLarge what no notice has.
func readSubmission(r io.Reader) (*crypto.SealedNotice, error) {
	values := &valueReader{reader: r}
	d := json.NewDecoder(values)
	values.taken = d.InputOffset
	d.DisallowUnknownFields()
	var s api.Submission
	fields := map[string]func() error{
		"manifest":         func() error { return d.Decode(&s.Manifest) },
		"author_signature": func() error { return d.Decode(&s.AuthorSignature) },
		"audience":         func() error { return d.Decode(&s.Audience) },
		"headings":         func() error { return readSuites(d, &s.Headings) },
		"bodies":           func() error { return readSuites(d, &s.Bodies) },
		"envelopes":        func() error { return readArray(d, &s.Envelopes, maxEnvelopes) },
		"personal_key":     func() error { return d.Decode(&s.PersonalKey) },
		"personal_parts":   func() error { return readArray(d, &s.PersonalParts.PersonalParts, maxPersonalParts) },
	}
	err := readObject(d, func(name string) error {
		read := fields[name]
		if read == nil {
			return errors.New("json: a field is unknown, or stands there twice: " + strconv.Quote(name))
		}
		delete(fields, name)
		return read()
	})
	if err == nil {
		_, err = d.Token()
		if err == nil {
			return nil, portal.Errorf(portal.Invalid, "invalid-json", "The notice goes on after its JSON object; it is exactly one.")
		}
		if err == io.EOF {
			return sealedNotice(s), nil
		}
	}
	var refused *portal.Error
	if errors.As(err, &refused) { // the database, not what was uploaded; or too large
		return nil, err
	}
	return nil, invalidJSON(err)
}

// valueReader reads for a decoder, which says how much it has taken, and ends when one value has more than maxValue bytes.
type valueReader struct {
	reader io.Reader
	read   int64
	taken  func() int64
}

func (v *valueReader) Read(into []byte) (int, error) {
	if v.read-v.taken() > maxValue {
		return 0, portal.Errorf(portal.TooLarge, "too-large", "Something in the notice has more than %d MiB. Make the attachments smaller.", maxValue>>20)
	}
	n, err := v.reader.Read(into[:min(len(into), 1<<20)])
	v.read += int64(n)
	return n, err
}

// readSuites reads what there is of each suite.
func readSuites(d *json.Decoder, into *map[crypto.Suite][]byte) error {
	*into = map[crypto.Suite][]byte{}
	return readObject(d, func(name string) error {
		suite := crypto.Suite(name)
		if suite != crypto.SuitePQ && suite != crypto.SuiteCompat {
			return errors.New("json: no suite: " + strconv.Quote(name))
		}
		var part []byte
		err := d.Decode(&part)
		(*into)[suite] = part
		return err
	})
}

// readObject reads an object; read reads the value of each field.
func readObject(d *json.Decoder, read func(name string) error) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		if err := read(name.(string)); err != nil { // a key is a string, or Token fails
			return err
		}
	}
	return delimiter(d, '}')
}

// readArray reads an array of at most so many elements, one at a time.
func readArray[T any](d *json.Decoder, into *[]T, most int) error {
	if err := delimiter(d, '['); err != nil {
		return err
	}
	for d.More() {
		if len(*into) == most {
			return portal.Errorf(portal.TooLarge, "too-large", "A list in the notice has more than %d elements, which no notice has.", most)
		}
		var element T
		if err := d.Decode(&element); err != nil {
			return err
		}
		*into = append(*into, element)
	}
	return delimiter(d, ']')
}

func delimiter(d *json.Decoder, want json.Delim) error {
	got, err := d.Token()
	if err == nil && got != want {
		err = errors.New("json: expected " + want.String())
	}
	return err
}
