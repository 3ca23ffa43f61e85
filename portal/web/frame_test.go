package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"valise/portal"
	"valise/portal/api"
)

// framed serves one handler in the frame and returns what a client and the log get to see.
func framed(t *testing.T, handle handler) (*http.Response, string, map[string]any) {
	t.Helper()
	var log bytes.Buffer
	s := &server{Portal: Portal{Log: slog.New(slog.NewJSONHandler(&log, nil)), Origin: "https://portal.example"}}
	site := s.observe(s.securityHeaders(s.serve(route{pattern: "GET /api/v1/things/{thing}", access: anyone, handle: handle})))
	listener := httptest.NewServer(site)
	t.Cleanup(listener.Close)
	request, _ := http.NewRequest("GET", listener.URL+"/api/v1/things/S-7K2M9QXC", nil)
	request.Header.Set("User-Agent", "Browser of Jane Doe")
	response, err := http.DefaultClient.Do(request)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(response.Body)
		response.Body.Close()
	}
	listener.Close() // waits for the log line
	if err != nil {
		response = nil // cut short
	}
	if strings.Contains(log.String(), "7K2M9QXC") || strings.Contains(log.String(), "Jane") || strings.Contains(log.String(), "127.0.0.1") {
		t.Errorf("the log identifies: %s", log.String())
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("the log is not one line of JSON: %s", log.String())
	}
	if line["route"] != "GET /api/v1/things/{thing}" || line["method"] != "GET" {
		t.Errorf("the log says %v", line)
	}
	return response, string(body), line
}

func wantFailure(t *testing.T, response *http.Response, body string, status int, code string) api.FailureDetail {
	t.Helper()
	var failure api.Failure
	if err := json.Unmarshal([]byte(body), &failure); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if response.StatusCode != status || failure.Error.Code != code || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s %s, want %d %s", response.StatusCode, response.Header.Get("Content-Type"), body, status, code)
	}
	return failure.Error
}

func TestAPanicIsOurFault(t *testing.T) {
	response, body, line := framed(t, func(w http.ResponseWriter, r *http.Request) error {
		panic("index of S-7K2M9QXC/2 from 127.0.0.1")
	})
	failure := wantFailure(t, response, body, 500, "internal")
	if failure.Reference == "" || line["reference"] != failure.Reference || line["level"] != "ERROR" {
		t.Errorf("the reference %q is not in %v", failure.Reference, line)
	}
	if stack, _ := line["stack"].(string); !strings.Contains(stack, "frame_test.go") {
		t.Error("the log doesn't say where it was")
	}
	if strings.Contains(body, "index") {
		t.Errorf("the client sees the panic: %s", body)
	}
}

func TestAnErrorAfterTheBodyBreaksTheAnswer(t *testing.T) {
	response, _, line := framed(t, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half of")
		return errors.New("lost it")
	})
	if response != nil {
		t.Error("the client takes half of an answer for the whole")
	}
	if line["code"] != "internal" || line["cause"] != "lost it" {
		t.Errorf("%v", line)
	}
}

func TestUnavailableSaysWhenToComeBack(t *testing.T) {
	response, body, line := framed(t, func(w http.ResponseWriter, r *http.Request) error {
		return portal.Errorf(portal.Unavailable, "sessions-unavailable", "Come back.").Because(errors.New("dial tcp 127.0.0.1:6379: connection refused"))
	})
	failure := wantFailure(t, response, body, 503, "sessions-unavailable")
	if response.Header.Get("Retry-After") != "10" || line["reference"] != failure.Reference {
		t.Errorf("Retry-After %q, %v", response.Header.Get("Retry-After"), line)
	}
	if cause, _ := line["cause"].(string); !strings.Contains(cause, "connection refused") {
		t.Errorf("the log doesn't say why: %v", line)
	}
}

func TestALineForEachRequest(t *testing.T) {
	response, body, line := framed(t, func(w http.ResponseWriter, r *http.Request) error {
		return writeJSON(w, http.StatusCreated, api.Nonce{Nonce: "x"})
	})
	if response.StatusCode != 201 || body != `{"nonce":"x"}` || line["status"] != 201.0 || line["bytes"] != 13.0 || line["level"] != "INFO" {
		t.Errorf("%d %s %v", response.StatusCode, body, line)
	}
	for name := range line {
		switch name {
		case "time", "level", "msg", "method", "route", "status", "ms", "bytes":
		default:
			t.Errorf("the log says %s, too", name)
		}
	}
}
