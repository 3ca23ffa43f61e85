package dispatch

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"valise/crypto"
	"valise/portal"
)

// manifests remembers approved manifests that verified: thousands of mailboxes acknowledge the same notice within an hour. What verified
// once does so for ever, as signatures are judged at the time when they were made, unless the staff's certificates change; so
// those are part of what is remembered. The zero value is ready.
type manifests struct {
	mu       sync.Mutex
	verified map[[sha256.Size]byte]*crypto.VerifiedManifest
}

// maxManifests of some kilobytes each are remembered.
const maxManifests = 256

// verifyManifest is Root.VerifyManifest for a released notice.
func (d *Dispatch) verifyManifest(signed crypto.SignedManifest, staff []*crypto.Certificate) (*crypto.VerifiedManifest, error) {
	key := digestOf(signed, staff)
	d.manifests.mu.Lock()
	known := d.manifests.verified[key]
	d.manifests.mu.Unlock()
	if known != nil {
		return known, nil
	}
	v, err := d.root.VerifyManifest(signed, staff, d.now())
	if err != nil {
		return nil, portal.Errorf(portal.Conflict, "notice-invalid", "The notice's own signatures no longer hold, so it can't be acknowledged. Ask the institution. %s", portal.Sentence(err))
	}
	d.manifests.mu.Lock()
	defer d.manifests.mu.Unlock()
	if d.manifests.verified == nil || len(d.manifests.verified) >= maxManifests {
		d.manifests.verified = make(map[[sha256.Size]byte]*crypto.VerifiedManifest)
	}
	d.manifests.verified[key] = v
	return v, nil
}

// digestOf is over everything that VerifyManifest looks at, each part with its length.
func digestOf(signed crypto.SignedManifest, staff []*crypto.Certificate) (key [sha256.Size]byte) {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	part(signed.Manifest)
	part(signed.AuthorSignature)
	part(signed.ApproverSignature)
	for _, c := range staff {
		part(c.Bytes())
	}
	h.Sum(key[:0])
	return key
}
