package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"valise/portal/api"
)

// uploadFrom is the size in bytes from which on a notice is uploaded in pieces: a broken line costs one of them.
const uploadFrom = 4 << 20

// Submit hands in a sealed notice. A large one goes in pieces; sending the same notice again changes nothing. progress, which may be nil, is told of bytes that the portal has
// confirmed.
func (c *Client) Submit(ctx context.Context, s *api.Submission, progress func(done, total int)) (api.Submitted, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return api.Submitted{}, err
	}
	if len(body) < uploadFrom {
		return ask[api.Submitted](ctx, c, call{method: http.MethodPost, path: "/notices", body: json.RawMessage(body), maxRequest: api.MaxNoticeRequest, repeatable: true})
	}
	if len(body) > api.MaxUpload {
		return api.Submitted{}, fmt.Errorf("this would be a notice of %.1f MiB; the portal takes at most %.1f MiB: make the attachments smaller, or the audience", mib(len(body)), mib(api.MaxUpload))
	}
	// The portal may forget an upload, or have another idea of how far it is; then it is begun once more, from where the portal says.
	for attempt := 1; ; attempt++ {
		submitted, err := c.upload(ctx, body, progress)
		if err == nil || attempt == attempts || !IsCode(err, "no-upload", "upload-offset", "upload-incomplete") {
			return submitted, err
		}
	}
}

func (c *Client) upload(ctx context.Context, body []byte, progress func(done, total int)) (api.Submitted, error) {
	digest := sha256.Sum256(body)
	u, err := ask[api.Upload](ctx, c, call{method: http.MethodPost, path: "/uploads", body: api.BeginUpload{Size: int64(len(body)), SHA256: hex.EncodeToString(digest[:])}, repeatable: true})
	if err != nil {
		return api.Submitted{}, err
	}
	own := "/uploads/" + url.PathEscape(u.Upload)
	for offset := u.Offset; u.Notice == "" && offset < int64(len(body)); {
		if offset < 0 {
			return api.Submitted{}, fmt.Errorf("the portal's answer makes no sense: it has %d bytes", offset)
		}
		piece := body[offset:min(offset+api.MaxUploadPiece, int64(len(body)))]
		next, err := ask[api.Upload](ctx, c, call{method: http.MethodPut, path: own + "?offset=" + strconv.FormatInt(offset, 10), octets: piece, maxRequest: api.MaxUploadPiece, repeatable: true})
		if err != nil {
			return api.Submitted{}, err
		}
		if next.Offset <= offset {
			return api.Submitted{}, fmt.Errorf("the portal took a piece of the notice, and has no more of it than before")
		}
		if offset = next.Offset; progress != nil {
			progress(int(min(offset, int64(len(body)))), len(body))
		}
	}
	return ask[api.Submitted](ctx, c, call{method: http.MethodPost, path: own + "/notice", repeatable: true})
}
