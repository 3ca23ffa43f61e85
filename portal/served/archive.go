package served

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// MaxArchive is the size in bytes of the largest HTTP archive that is read.
const MaxArchive = 512 << 20

// Archive is what a browser wrote down of what it was answered (HTTP Archive 1.2, "HAR"), as developer tools save it.
type Archive struct {
	Answers   []Answer
	Elsewhere []string // addresses of other hosts that the browser asked
	Unread    []string // paths of answers whose content the browser did not write down
}

// archiveJSON is the part of an archive that is read.
type archiveJSON struct {
	Log *struct {
		Entries []struct {
			Request struct {
				Method string `json:"method"`
				URL    string `json:"url"`
			} `json:"request"`
			Response struct {
				Status  int `json:"status"`
				Headers []struct {
					Name  string `json:"name"`
					Value string `json:"value"`
				} `json:"headers"`
				Content struct {
					Size     int64   `json:"size"`
					Text     *string `json:"text"`
					Encoding string  `json:"encoding"`
				} `json:"content"`
			} `json:"response"`
		} `json:"entries"`
	} `json:"log"`
}

// ReadArchive reads an archive, of which the answers to GET and POST of one origin are kept.
func ReadArchive(data []byte, origin string) (*Archive, error) {
	if len(data) > MaxArchive {
		return nil, fmt.Errorf("the recording has more than %d MiB: record less, only opening the portal's pages", MaxArchive>>20)
	}
	var file archiveJSON
	if err := json.Unmarshal(data, &file); err != nil || file.Log == nil {
		return nil, fmt.Errorf("this is not what a browser records (HTTP archive, .har): in its developer tools, under Network, choose to save all as HAR with content (%v)", err)
	}
	a := new(Archive)
	for _, e := range file.Log.Entries {
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "wss" && u.Scheme != "ws" {
			continue // data: and blob:, which are made of what was judged
		}
		if u.Scheme+"://"+u.Host != origin {
			a.Elsewhere = append(a.Elsewhere, e.Request.URL)
			continue
		}
		if e.Request.Method != http.MethodGet && e.Request.Method != http.MethodPost || e.Response.Status == 0 { // a form, too, leads to a page
			continue
		}
		answer := Answer{Path: u.EscapedPath(), Status: e.Response.Status, Header: make(http.Header)}
		if answer.Status == http.StatusNotModified { // it ran what it had kept, and that is not here
			a.Unread = append(a.Unread, answer.Path)
			continue
		}
		for _, h := range e.Response.Headers {
			answer.Header.Add(h.Name, h.Value)
		}
		if text := e.Response.Content.Text; text == nil {
			if answer.Status == http.StatusOK && e.Response.Content.Size != 0 {
				a.Unread = append(a.Unread, answer.Path)
				continue
			}
		} else if answer.Body = []byte(*text); e.Response.Content.Encoding == "base64" {
			if answer.Body, err = base64.StdEncoding.DecodeString(*text); err != nil {
				return nil, fmt.Errorf("what was recorded of %s can't be read: %w", answer.Path, err)
			}
		}
		a.Answers = append(a.Answers, answer)
	}
	return a, nil
}
