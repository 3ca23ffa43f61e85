package ceremony

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

// ReturnNotice seals to the desk why a notice that was examined is sent back. It may have Problems: that is a reason.
func ReturnNotice(t *Trust, approver *crypto.Key, e *Examined, reason string, now time.Time) (api.NoticeReason, error) {
	if e == nil || e.Opened == nil {
		return api.NoticeReason{}, errors.New("only a notice that was examined can be sent back")
	}
	return sealNoticeReason(t, approver, e.Opened.Verified(), e.manifest, crypto.NoticeReturned, reason, now, crypto.RoleApprover)
}

// RecallNotice seals to the desk why a notice is taken back before its release; "" for no reason. n needs no more than manifest and author's signature.
func RecallNotice(t *Trust, by *crypto.Key, want crypto.Number, n api.SignedManifest, reason string, now time.Time) (api.NoticeReason, error) {
	if err := t.exists(); err != nil {
		return api.NoticeReason{}, err
	}
	v, err := t.root.VerifySubmission(crypto.SignedManifest{Manifest: []byte(n.Manifest), AuthorSignature: []byte(n.AuthorSignature)}, t.staff, now)
	if err != nil {
		return api.NoticeReason{}, err
	}
	if got := v.Manifest().Notice; got != want {
		return api.NoticeReason{}, fmt.Errorf("the portal shows %s as %s: tell the administrators", got, want)
	}
	if reason == "" {
		return api.NoticeReason{}, nil
	}
	return sealNoticeReason(t, by, v, []byte(n.Manifest), crypto.NoticeRecalled, reason, now, crypto.RoleAuthor, crypto.RoleApprover)
}

func sealNoticeReason(t *Trust, by *crypto.Key, v *crypto.VerifiedManifest, manifest []byte, end crypto.NoticeEnd, reason string, now time.Time, roles ...crypto.Role) (api.NoticeReason, error) {
	if err := t.exists(); err != nil {
		return api.NoticeReason{}, err
	}
	by, _, err := t.StaffKey(by, now, roles...)
	if err != nil {
		return api.NoticeReason{}, err
	}
	sealed, err := crypto.SealNoticeReason(crypto.NoticeReason{
		Notice: v.Manifest().Notice, ManifestSHA256: manifestDigest(manifest), End: end, Reason: reason,
	}, by, t.Staff(now, crypto.RoleAuthor, crypto.RoleApprover), now)
	return api.NoticeReason{Reason: sealed}, err
}

func manifestDigest(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:])
}

// NoticeEnded is how a notice ended before its release, as far as signatures vouch for it.
type NoticeEnded struct {
	State  portal.NoticeState
	At     time.Time // the portal's word
	By     string    // name; the portal's word when no reason was given
	Reason string    // "": none was given
}

// OpenNoticeEnd opens why a notice was returned or recalled. nil: it was neither. That the portal says it was returned must be vouched for by a reason
// that an approver signed for that very manifest; who recalled without a reason is the portal's word.
func OpenNoticeEnd(t *Trust, keys []*crypto.Key, n api.StaffNotice, now time.Time) (*NoticeEnded, error) {
	if err := t.exists(); err != nil {
		return nil, err
	}
	if n.State != portal.Returned && n.State != portal.Recalled {
		return nil, nil
	}
	ended := &NoticeEnded{State: n.State, By: t.NameOf(n.EndedBy, now)}
	if n.Ended != nil {
		ended.At = *n.Ended
	}
	if len(n.Reason) == 0 {
		if n.State == portal.Returned {
			return nil, fmt.Errorf("the portal says that %s was sent back, and shows nobody's reason", n.Notice)
		}
		return ended, nil
	}
	reason, by, err := t.root.OpenNoticeReason(n.Reason, n.Notice, keys, t.staff, now)
	switch {
	case err != nil:
		return nil, err
	case string(reason.End) != string(n.State) || reason.ManifestSHA256 != manifestDigest([]byte(n.Manifest)) || crypto.StaffHolder(by.Certificate().Fingerprint()) != n.EndedBy:
		return nil, fmt.Errorf("the reason that the portal shows for %s is about something else", n.Notice)
	}
	ended.By, ended.Reason = by.Name(), reason.Reason
	return ended, nil
}
