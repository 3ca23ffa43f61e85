package ceremony

import (
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/api"
)

// HeadedNotice is a notice in a list of the staff's.
type HeadedNotice struct {
	Notice   crypto.Number
	Subjects []crypto.LanguageSubject // the authoritative one first; nil with a Problem
	Problem  error
}

// NoticeHeadings verifies and opens the headings of notices, before their release and after it, for the staff member who holds keys: the author's signature stands over each. One
// that doesn't hold doesn't hide the others.
func NoticeHeadings(t *Trust, keys []*crypto.Key, notices []api.StaffNotice, now time.Time) ([]HeadedNotice, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	headed := make([]HeadedNotice, len(notices))
	for i, n := range notices {
		headed[i].Notice = n.Notice
		headed[i].Subjects, headed[i].Problem = noticeSubjects(t, keys, n, now)
	}
	return headed, nil
}

func noticeSubjects(t *Trust, keys []*crypto.Key, n api.StaffNotice, now time.Time) ([]crypto.LanguageSubject, error) {
	v, err := t.root.VerifySubmission(crypto.SignedManifest{Manifest: []byte(n.Manifest), AuthorSignature: []byte(n.AuthorSignature)}, t.staff, now)
	if err != nil {
		return nil, err
	}
	if got := v.Manifest().Notice; got != n.Notice {
		return nil, fmt.Errorf("the portal shows %s as %s", got, n.Notice)
	}
	h, err := crypto.OpenHeading(v, n.Envelope, n.Headings[n.Suite], keys)
	if err != nil {
		return nil, err
	}
	return h.Subjects, nil
}
