// Package witness speaks the protocol between a ledger and its witnesses over HTTP (C2SP
// tlog-witness): [Handler] for whoever runs a witness, [Client] and [Gather] for the process
// that signs checkpoints. What is checked and kept is in package ledger; this is apart so that
// clients in a browser, which verify proofs, need no HTTP server.
package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"valise/portal/ledger"
)

const (
	plainText = "text/plain; charset=utf-8"
	sizeText  = "text/x.tlog.size"
)

// Handler serves a witness:
//
//	POST /add-checkpoint           a ledger.Request; answers with a line, or 400, 403, 404, 409, 413, 422
//	GET  /{digest}/checkpoint      the last checkpoint cosigned; digest is the SHA-256 of the log's name
//
// 409 carries the size that was cosigned last. failed is told of the witness's own trouble,
// such as a full disk; those who ask get 500 without it.
func Handler(w *ledger.Witness, failed func(error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, ledger.MaxRequestSize))
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			answer(rw, http.StatusRequestEntityTooLarge, plainText, fmt.Appendf(nil, "a request has at most %d bytes\n", large.Limit))
			return
		}
		if err != nil {
			answer(rw, http.StatusBadRequest, plainText, []byte("the request was cut off\n"))
			return
		}
		line, err := w.AddCheckpoint(body)
		if err != nil {
			refuse(rw, err, failed)
			return
		}
		answer(rw, http.StatusOK, plainText, line)
	})
	mux.HandleFunc("GET /{log}/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		checkpoint, err := w.Latest(r.PathValue("log"))
		if err != nil {
			refuse(rw, err, failed)
			return
		}
		answer(rw, http.StatusOK, plainText, checkpoint)
	})
	return mux
}

func refuse(rw http.ResponseWriter, err error, failed func(error)) {
	var refusal *ledger.Refusal
	switch {
	case !errors.As(err, &refusal):
		failed(err)
		answer(rw, http.StatusInternalServerError, plainText, []byte("this witness has trouble of its own; try again later\n"))
	case refusal.Status == http.StatusConflict:
		answer(rw, refusal.Status, sizeText, fmt.Appendf(nil, "%d\n", refusal.Size))
	default:
		answer(rw, refusal.Status, plainText, []byte(refusal.Text+"\n"))
	}
}

func answer(rw http.ResponseWriter, status int, contentType string, body []byte) {
	rw.Header().Set("Content-Type", contentType)
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	rw.Write(body)
}

// Client asks one witness. Its methods may be called by many goroutines.
type Client struct {
	address string
	key     note.Verifier
	http    *http.Client

	mutex sync.Mutex
	known int64 // the size that the witness is thought to have cosigned last
}

// NewClient returns a client for the witness with this address and verifier key
// (ledger.ParseWitnessVerifier). Give http a timeout.
func NewClient(address string, key note.Verifier, http *http.Client) *Client {
	return &Client{address: strings.TrimSuffix(address, "/"), key: key, http: http}
}

// Name returns the witness's name.
func (c *Client) Name() string { return c.key.Name() }

// Cosign returns the checkpoint with the witness's cosignature, which was verified. r is the
// log, for the proof that it only grew. When the witness has seen another history, the error
// is a ledger.Alarm.
func (c *Client) Cosign(ctx context.Context, r ledger.Reader, checkpoint *ledger.SignedCheckpoint) (*ledger.SignedCheckpoint, error) {
	lines, err := c.ask(ctx, r, checkpoint)
	if err != nil {
		return nil, fmt.Errorf("the witness %s did not cosign: %w", c.Name(), err)
	}
	return checkpoint.Cosigned(lines, c.key)
}

func (c *Client) ask(ctx context.Context, r ledger.Reader, checkpoint *ledger.SignedCheckpoint) ([]byte, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	old := min(c.known, checkpoint.Size)
	for range 3 { // others may ask for the same log, so the size can change in between
		proof, err := ledger.ConsistencyProof(ctx, r, old, checkpoint.Size)
		if err != nil {
			return nil, err
		}
		request := &ledger.Request{Old: old, Proof: proof, Checkpoint: checkpoint.Bytes()}
		status, body, err := c.post(ctx, request.Bytes())
		if err != nil {
			return nil, err
		}
		switch status {
		case http.StatusOK:
			c.known = checkpoint.Size
			return body, nil
		case http.StatusConflict:
			if old, err = conflict(body, checkpoint); err != nil {
				return nil, err
			}
		default:
			return nil, refusal(status, body, checkpoint)
		}
	}
	return nil, errors.New("it names another size each time it is asked")
}

func (c *Client) post(ctx context.Context, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", plainText)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, ledger.MaxCheckpointSize))
	return response.StatusCode, answer, err
}

// conflict returns the size that the witness has cosigned last.
func conflict(body []byte, checkpoint *ledger.SignedCheckpoint) (int64, error) {
	size, err := strconv.ParseInt(strings.TrimSuffix(string(body), "\n"), 10, 64)
	switch {
	case err != nil || size < 0:
		return 0, errors.New("it answered 409 without the size that it knows")
	case size > checkpoint.Size:
		return 0, &ledger.Alarm{
			Trouble: ledger.Shrunk,
			Text:    fmt.Sprintf("it has cosigned %d leaves of %s already, more than the %d of this checkpoint: an older copy of the signer's file was put back, or somebody else signs with the log's key", size, checkpoint.Origin, checkpoint.Size),
			Now:     checkpoint.Bytes(),
		}
	}
	return size, nil
}

func refusal(status int, body []byte, checkpoint *ledger.SignedCheckpoint) error {
	said := strings.TrimSpace(string(body[:min(len(body), 500)]))
	switch status {
	case http.StatusNotFound:
		return fmt.Errorf("it doesn't know the log %s; give whoever runs it the log's name and verifier key (it said: %.500q)", checkpoint.Origin, said)
	case http.StatusForbidden:
		return fmt.Errorf("it doesn't know the key that signed; give whoever runs it the log's new verifier key (it said: %.500q)", said)
	case http.StatusUnprocessableEntity:
		return &ledger.Alarm{
			Trouble: ledger.Rewritten,
			Text:    fmt.Sprintf("it has cosigned another history of %s than this one: two trees were signed with the log's key (it said: %.500q)", checkpoint.Origin, said),
			Now:     checkpoint.Bytes(),
		}
	}
	return fmt.Errorf("it answered with status %d (%.500q)", status, said)
}

// Gather asks all witnesses at once and returns the checkpoint with the cosignatures that
// came before ctx ended; failures says what the others said. It is never nil: a
// log goes on when a witness doesn't, and readers see who has cosigned.
func Gather(ctx context.Context, clients []*Client, r ledger.Reader, checkpoint *ledger.SignedCheckpoint) (cosigned *ledger.SignedCheckpoint, failures []error) {
	lines, errs := make([][]byte, len(clients)), make([]error, len(clients))
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() { lines[i], errs[i] = c.ask(ctx, r, checkpoint) })
	}
	group.Wait()
	cosigned = checkpoint
	for i, c := range clients {
		added, err := cosigned, errs[i]
		if err == nil {
			added, err = cosigned.Cosigned(lines[i], c.key)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("the witness %s did not cosign: %w", c.Name(), err))
			continue
		}
		cosigned = added
	}
	return cosigned, failures
}
