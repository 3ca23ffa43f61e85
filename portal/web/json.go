package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"valise/portal"
	"valise/portal/api"
)

// maxDepth is how deep arrays and objects may lie in each other; the deepest request of the API has three.
const maxDepth = 8

// decode reads a request's JSON into a type of package api. Anything but exactly one object of the known fields is refused.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := readJSON(w, r)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalidJSON(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return portal.Errorf(portal.Invalid, "invalid-json", "The request goes on after its JSON object; send exactly one.")
	}
	return nil
}

// readJSON reads a request's body that is said to be JSON, and looks at what no decoder should be given.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := parameters["charset"]
	if err != nil || mediaType != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", "Send JSON in UTF-8, with the header Content-Type: application/json.")
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, portal.Errorf(portal.Invalid, "invalid-json", "The request is not UTF-8.")
	}
	if tooDeep(body) {
		return nil, portal.Errorf(portal.Invalid, "invalid-json", "The request nests deeper than %d levels.", maxDepth)
	}
	return body, nil
}

// checkOctets refuses a body that is not said to be octets; what names it: "sealed file".
func checkOctets(r *http.Request, what string) error {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/octet-stream" {
		return refuse(http.StatusUnsupportedMediaType, "unsupported-media-type", "Send the %s as it is, with the header Content-Type: application/octet-stream.", what)
	}
	return nil
}

// readSealedFile reads a sealed file, which is a request's body as it is.
func readSealedFile(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if err := checkOctets(r, "sealed file"); err != nil {
		return nil, err
	}
	return readBody(w, r)
}

// readBody reads what is left of a request's body, within the route's limit and a time that fits its size.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	connection := http.NewResponseController(w) // without a connection, in a test, there are no deadlines either
	allowed := timeFor(readTimeout, r.ContentLength)
	_ = connection.SetReadDeadline(time.Now().Add(allowed))
	var body bytes.Buffer
	if r.ContentLength > 0 { // what was only announced gets no memory beyond a little
		body.Grow(int(min(r.ContentLength, api.MaxRequest)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(r.Body)
	if err == nil {
		// Nothing more is to come, and net/http takes a deadline that passes while it waits for the next request as a lost client.
		_ = connection.SetReadDeadline(time.Time{})
	}
	var larger *http.MaxBytesError
	switch {
	case err == nil:
		return body.Bytes(), nil
	case errors.As(err, &larger):
		return nil, tooLarge(larger.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refuse(http.StatusRequestTimeout, "too-slow", "The request did not arrive in %d seconds. Try again, on a better line if you can.", int(allowed.Seconds()))
	}
	return nil, portal.Errorf(portal.Invalid, "invalid-body", "The request did not arrive whole; send it again.")
}

// tooDeep looks at brackets outside strings; whether the text is JSON at all is for the decoder to say.
func tooDeep(text []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// invalidJSON says in words what the decoder found. Only whoever sent the request sees it.
func invalidJSON(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return portal.Errorf(portal.Invalid, "invalid-json", "The request is not JSON: %v, at byte %d.", syntax, syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return portal.Errorf(portal.Invalid, "invalid-json", "Field %q must not be a JSON %s.", kind.Field, kind.Value)
	case errors.As(err, &kind):
		return portal.Errorf(portal.Invalid, "invalid-json", "The request must be a JSON object.")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return portal.Errorf(portal.Invalid, "invalid-json", "The request ends before its JSON does.")
	}
	// An unknown field, or a value that its type refuses ("illegal base64 data").
	return portal.Errorf(portal.Invalid, "invalid-json", "The request can't be read: %s.", strings.TrimPrefix(err.Error(), "json: "))
}

// writeJSON answers with a type of package api.
func writeJSON(w http.ResponseWriter, status int, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	writeBytes(w, status, "application/json", body)
	return nil
}

// writeBytes answers with a whole body, so that a client sees when it is cut short.
func writeBytes(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // who is gone can't be told
}
