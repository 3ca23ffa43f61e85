package registry

import (
	"context"
	"encoding/hex"
	"time"

	"valise/crypto"
	"valise/portal"
)

// ClientManifest is what is kept of a crypto.VerifiedClientManifest.
type ClientManifest struct {
	SHA256  string    // of the text, 64 small hexadecimal digits
	Client  string    // crypto.ClientManifest.ClientSHA256
	Signed  []byte    // clear-signed, as it is handed out
	Made    time.Time // by its first signer's clock
	Entered time.Time
}

// AddClientManifest keeps a signed manifest of the client, from anyone, because two of the staff signed it, and enters it in the ledger. Both must be of the staff
// now, too: a signature of who has left is no reason to begin anything. One that is there already changes nothing and succeeds; another one must be newer than all (portal.Conflict,
// "client-manifest-older"), so that nobody brings an old client back without signatures of today.
func (g *Registry) AddClientManifest(ctx context.Context, signed []byte) (*crypto.VerifiedClientManifest, error) {
	staff, err := g.staff(ctx)
	if err != nil {
		return nil, err
	}
	v, err := g.root.VerifyClientManifest(signed, staff, g.now())
	if err != nil {
		return nil, refusedClient(err)
	}
	for _, s := range v.Signers() {
		if _, err := g.root.VerifyStaff(s.Certificate(), g.now()); err != nil {
			return nil, refusedClient(err)
		}
	}
	digest := v.SHA256()
	m := ClientManifest{
		SHA256: hex.EncodeToString(digest[:]), Client: v.Manifest().ClientSHA256(), Signed: v.Bytes(), Made: v.Manifest().Time, Entered: g.now(),
	}
	switch _, err := g.store.ClientManifest(ctx, m.SHA256); {
	case err == nil:
		return v, nil
	case portal.KindOf(err) != portal.NotFound:
		return nil, err
	}
	// Nobody has to log in for that, so the entry names no actor; but it names who signed first.
	if err := g.audit(ctx, portal.Actor{}, "registry.add-client-manifest", portal.StaffHolder(v.Signers()[0].Certificate().Fingerprint())); err != nil {
		return nil, err
	}
	return v, g.store.AddClientManifest(ctx, m)
}

func refusedClient(err error) error {
	return portal.Errorf(portal.Invalid, "invalid-client-manifest", "%s", portal.Sentence(err))
}

// ClientManifest returns one by the SHA-256 of its text, for everybody; portal.NotFound.
func (g *Registry) ClientManifest(ctx context.Context, sha256 string) (ClientManifest, error) {
	return g.store.ClientManifest(ctx, sha256)
}

// NewestClientManifest returns the newest one of a client; of any client when it is "". For everybody; portal.NotFound.
func (g *Registry) NewestClientManifest(ctx context.Context, client string) (ClientManifest, error) {
	return g.store.NewestClientManifest(ctx, client)
}
