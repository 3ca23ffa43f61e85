package crypto

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// NoticeEnd is how a notice ended that was submitted and never released.
type NoticeEnd string

// The ends of a notice before its release.
const (
	NoticeReturned NoticeEnd = "returned" // an approver sent it back
	NoticeRecalled NoticeEnd = "recalled" // its author, or an approver, took it back
)

// NoticeReason says why a submitted notice was sent back or recalled. Nobody outside the desk can read it.
type NoticeReason struct {
	Notice Number
	// ManifestSHA256 is the digest of the manifest that was looked at, 64 small hexadecimal digits.
	ManifestSHA256 string
	End            NoticeEnd
	// Reason is UTF-8 of 1 to MaxReturnReason bytes.
	Reason string
}

const noticeReasonForm = "valise notice reason v1"

type noticeReasonJSON struct {
	Form           string    `json:"form"`
	Notice         Number    `json:"notice"`
	ManifestSHA256 string    `json:"manifest-sha256"`
	End            NoticeEnd `json:"end"`
	Reason         string    `json:"reason"`
}

func (j *noticeReasonJSON) check() error {
	switch {
	case j.Form != noticeReasonForm:
		return fmt.Errorf("this is not %q; a newer version of Valise may read it", noticeReasonForm)
	case !isNumberOf(j.Notice, KindNotice):
		return errors.New("what it is about has no number of a notice")
	case !isHex(j.ManifestSHA256, 32):
		return errors.New("the notice is not named by its manifest's digest")
	case j.End != NoticeReturned && j.End != NoticeRecalled:
		return errors.New("it says neither that the notice was sent back nor that it was recalled")
	case j.Reason == "" || len(j.Reason) > MaxReturnReason || !utf8.ValidString(j.Reason):
		return fmt.Errorf("say why, in 1 to %d KiB of text", MaxReturnReason>>10)
	}
	return nil
}

// SealNoticeReason seals a reason to the desk, signed inside by who gives it, and padded with spaces to a multiple of 4 KiB.
func SealNoticeReason(n NoticeReason, by *Key, desk []*Staff, now time.Time) ([]byte, error) {
	j := noticeReasonJSON{noticeReasonForm, n.Notice, n.ManifestSHA256, n.End, n.Reason}
	if err := j.check(); err != nil {
		return nil, err
	}
	encoded, err := encodeJSON(j)
	if err != nil {
		return nil, err
	}
	return sealPadded(encoded, by, PurposeNoticeReason, desk, now)
}

// OpenNoticeReason opens a reason, and returns it and who gave it: for sending back, somebody who had RoleApprover then; for recalling, RoleAuthor or
// RoleApprover. notice is the number under which it was kept: a server can't pass off the reason of one as that of another.
func (r *Root) OpenNoticeReason(sealed []byte, notice Number, keys []*Key, staff []*Certificate, now time.Time) (NoticeReason, *Staff, error) {
	encoded, by, err := r.openPadded(sealed, PurposeNoticeReason, keys, staff, []Role{RoleAuthor, RoleApprover}, now)
	if err != nil {
		return NoticeReason{}, nil, fmt.Errorf("why %s was sent back or recalled: %w", notice, err)
	}
	var j noticeReasonJSON
	if err := parseJSON(encoded, &j, "reason"); err != nil {
		return NoticeReason{}, nil, err
	}
	if err := j.check(); err != nil {
		return NoticeReason{}, nil, err
	}
	if j.Notice != notice {
		return NoticeReason{}, nil, fmt.Errorf("this is a reason about %s, not %s: the portal has mixed them up", j.Notice, notice)
	}
	if j.End == NoticeReturned && !by.Has(RoleApprover) {
		return NoticeReason{}, nil, fmt.Errorf("%s sent %s back, and is no approver: the portal should not have taken that", by.Name(), notice)
	}
	return NoticeReason{j.Notice, j.ManifestSHA256, j.End, j.Reason}, by, nil
}
