package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/ledger"
)

// What the portal gives browsers to run is listed in a manifest that two of the staff sign, each from a program that they built, and that is entered in the ledger
// (docs/verify.md, "What your browser runs"). The server doesn't make itself believed by it: it hands out what was signed, and whoever compares does so with a program of their own.

const (
	clientPath = "/client-manifest/"
	// What is signed of the client that this server serves; others are called by the digests of their texts.
	clientCurrent = "current"
	clientFileEnd = ".asc"
)

// Client lists what this program gives browsers to run, without institution and time: what a person signs who built it, or compares with.
// built is false when it was built without the browser's half or the offline reader.
func Client() (m crypto.ClientManifest, built bool, err error) {
	all, err := readAssets()
	if err != nil {
		return m, false, err
	}
	m, err = all.client()
	return m, all[wasmAsset] != nil && all[deskAsset] != nil && all.reader() != nil, err
}

func (all assets) client() (crypto.ClientManifest, error) {
	m := crypto.ClientManifest{PagePolicy: pagePolicy, WorkerPolicy: workerPolicy, HelperPolicy: helperPolicy, ReaderPolicy: "none"}
	for name, a := range all {
		address, err := all.address(name)
		if err != nil {
			return m, err
		}
		if name == readerAsset {
			address = readerPath
			if f := all.reader(); f != nil {
				m.ReaderPolicy = f.policy
			}
		}
		m.Files = append(m.Files, crypto.ClientFile{Path: address, SHA256: ledger.Digest(a.sum).String(), Size: int64(len(a.data))})
	}
	return m, nil
}

// PublicPages are the addresses without a number in them at which everybody is given a page that runs scripts, or is led to one; with the interface languages in front where they have an address of their own.
func PublicPages() []string {
	paths := []string{"/login", "/claim", deskLogIn}
	for _, path := range []string{"", "/statements", "/certificates", "/verify"} {
		for _, tag := range catalogueTags() {
			paths = append(paths, "/"+tag+path)
		}
	}
	return paths
}

// postClientManifest takes a signed manifest from anyone: what counts is who signed it.
func (s *server) postClientManifest(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressStaff); err != nil {
		return err
	}
	var request api.ClientManifest
	if err := decode(w, r, &request); err != nil {
		return err
	}
	v, err := s.Registry.AddClientManifest(r.Context(), []byte(request.Signed))
	if err != nil {
		return err
	}
	digest := v.SHA256()
	answer := api.EnteredClientManifest{SHA256: ledger.Digest(digest).String(), Files: len(v.Manifest().Files), Served: v.Manifest().ClientSHA256() == s.pages.client}
	for _, m := range v.Signers() {
		answer.Signers = append(answer.Signers, api.StaffMember{Fingerprint: m.Certificate().Fingerprint(), Name: m.Name(), Roles: m.Roles()})
	}
	return writeJSON(w, http.StatusCreated, answer)
}

// getClientManifest serves what was signed, "current.asc" of what this server serves or "SHA256.asc", and its proof in the ledger, with the ending .tlog-proof.
func (s *server) getClientManifest(w http.ResponseWriter, r *http.Request) error {
	name, proof := strings.CutSuffix(r.PathValue("file"), proofEnd)
	if !proof {
		var ok bool
		if name, ok = strings.CutSuffix(name, clientFileEnd); !ok {
			return notFound(w, r)
		}
	}
	find := func() (string, []byte, error) {
		if name == clientCurrent {
			m, err := s.Registry.NewestClientManifest(r.Context(), s.pages.client)
			return m.SHA256, m.Signed, err
		}
		m, err := s.Registry.ClientManifest(r.Context(), name)
		return m.SHA256, m.Signed, err
	}
	sum, signed, err := find()
	if err != nil {
		return err
	}
	if proof {
		digest, err := ledger.ParseDigest(sum)
		if err != nil {
			return err
		}
		if signed, err = s.Ledger.ClientManifestProof(r.Context(), digest); err != nil {
			return err
		}
	}
	openToAll(w)
	writePublic(w, r, "text/plain; charset=utf-8", signed)
	return nil
}

// clientLine is what the certificates page says of the manifest of what is served.
type clientLine struct {
	SHA256  []string // in groups; none: nobody signed what this server serves
	Link    string
	Proof   string // that it is in the ledger; "" before the first checkpoint
	Signers []string
	Entered time.Time
	Files   int
	Newer   bool // another client was entered later
}

// clientLine reads it; nil when no client was ever signed.
func (s *server) clientLine(ctx context.Context) (*clientLine, error) {
	newest, err := s.Registry.NewestClientManifest(ctx, "")
	if portal.KindOf(err) == portal.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	line := &clientLine{Link: clientPath + clientCurrent + clientFileEnd}
	m, err := s.Registry.NewestClientManifest(ctx, s.pages.client)
	if portal.KindOf(err) == portal.NotFound {
		return line, nil
	}
	if err != nil {
		return nil, err
	}
	staff, err := s.Registry.Staff(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.Root.VerifyClientManifest(m.Signed, staff, s.Now())
	if err != nil { // only what verifies stands on the page
		return line, nil
	}
	for _, signer := range v.Signers() {
		line.Signers = append(line.Signers, signer.Name())
	}
	line.SHA256, line.Entered, line.Files, line.Newer = inGroups(m.SHA256), m.Entered, len(v.Manifest().Files), newest.SHA256 != m.SHA256
	return line, nil
}
