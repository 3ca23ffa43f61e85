package verdict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ledger"
)

// MaxFile is the size in bytes of the largest file judged: an armored message.
const MaxFile = 80 << 20

// File is something that somebody has in hand. Its name only tells which of several files belong together.
type File struct {
	Name string
	Data []byte
}

// SavedEvidence is what 'valise verify --save' writes: what a portal said. Nothing in it is believed for standing there.
type SavedEvidence struct {
	Format      string          `json:"format"` // EvidenceFormat
	Institution api.Institution `json:"institution"`
	Evidence    *api.Evidence   `json:"evidence,omitempty"` // of a receipt
}

// EvidenceFormat is the first field of saved evidence.
const EvidenceFormat = "valise evidence v1"

// piece is a file of which it is known what it seems to be.
type piece struct {
	File
	kind  Kind
	taken bool // it went with another

	certificates []*crypto.Certificate
	evidence     *SavedEvidence
	proof        *ledger.Proof
	problem      error // why it can't be read, although it begins like one of the kind
}

// read finds out what a file is. It verifies nothing.
func read(f File) *piece {
	p := &piece{File: f, kind: Unknown}
	if len(f.Data) > MaxFile {
		p.problem = fmt.Errorf("the file has %d MiB; at most %d are read", len(f.Data)>>20, MaxFile>>20)
		return p
	}
	start := bytes.TrimLeft(f.Data, "\ufeff \t\r\n")
	begins := func(with string) bool { return bytes.HasPrefix(start, []byte(with)) }
	switch {
	case begins("-----BEGIN PGP SIGNED MESSAGE-----"), begins("MIME-Version: 1.0\r\nContent-Type: multipart/signed;"), begins("MIME-Version: 1.0\nContent-Type: multipart/signed;"):
		p.readClearSigned()
	case begins("-----BEGIN PGP MESSAGE-----"):
		p.kind = Message
	case begins("-----BEGIN PGP PUBLIC KEY BLOCK-----"):
		p.readCertificates()
	case begins("-----BEGIN PGP SIGNATURE-----"):
		p.kind = statementSignature
	case begins("valise statement v1"):
		p.kind = StatementText
	case begins("valise statement manifest v1"):
		p.kind = StatementManifest
	case begins("valise manifest v1"):
		p.kind = NoticeManifest
	case begins("valise membership v1"):
		p.kind = Membership
	case begins("c2sp.org/tlog-proof@"):
		p.kind = Proof
		p.proof, p.problem = ledger.ParseProof(f.Data)
	case begins(`{"form":"valise signed statement v1"`):
		p.kind = Statement
	case begins("{"):
		e := new(SavedEvidence)
		if json.Unmarshal(start, e) == nil && e.Format == EvidenceFormat {
			p.kind, p.evidence = Evidence, e
		}
	case isCheckpoint(f.Data):
		p.kind = Checkpoint
	default:
		p.readBinary()
	}
	return p
}

// readClearSigned tells the texts that people sign apart by their first line.
func (p *piece) readClearSigned() {
	text, err := crypto.ReadHandSigned(p.Data)
	first, _, _ := strings.Cut(string(text), "\n")
	switch strings.TrimSpace(first) {
	case "valise statement v1":
		p.kind = StatementText
	case "valise acknowledgement v1":
		p.kind = Receipt
	case "valise statement acknowledgement v1":
		p.kind = StatementReceipt
	default:
		p.problem = err
		if err != nil && bytes.Contains(p.Data, []byte("valise statement v1")) {
			p.kind = StatementText
		} else if err != nil && bytes.Contains(p.Data, []byte("acknowledgement v1")) {
			p.kind = Receipt
		}
	}
}

func (p *piece) readCertificates() {
	const end = "-----END PGP PUBLIC KEY BLOCK-----"
	p.kind = Certificates
	for block := range strings.SplitAfterSeq(string(p.Data), end) {
		if strings.TrimSpace(block) == "" {
			continue
		}
		c, err := crypto.ParseCertificate([]byte(block))
		if err != nil {
			p.problem = err
			return
		}
		p.certificates = append(p.certificates, c)
	}
}

func (p *piece) readBinary() {
	if _, _, err := crypto.SplitMessage(p.Data); err == nil {
		p.kind = Message
	} else if c, err := crypto.ParseCertificate(p.Data); err == nil {
		p.kind, p.certificates = Certificates, []*crypto.Certificate{c}
	}
}

// isCheckpoint says whether a file is a signed note whose text is that of a checkpoint.
func isCheckpoint(data []byte) bool {
	if len(data) > ledger.MaxCheckpointSize {
		return false
	}
	text, signatures, ok := strings.Cut(string(data), "\n\n")
	if !ok || !strings.HasPrefix(signatures, "— ") {
		return false
	}
	_, err := ledger.ParseCheckpoint(text + "\n")
	return err == nil
}

// number says whose representative's certificate it is, if it is one.
func number(c *crypto.Certificate) (of crypto.Representative, is bool) {
	ids := c.UserIDs()
	if len(ids) != 1 {
		return of, false
	}
	of, err := crypto.ParseRepresentative(ids[0])
	return of, err == nil && of.String() == ids[0]
}

// signaturesOf takes the file of signatures that goes with a text: by its name, or because there is only one.
func (j *judge) signaturesOf(p *piece) *piece {
	var all []*piece
	for _, other := range j.pieces {
		if other.kind == statementSignature && !other.taken {
			all = append(all, other)
		}
	}
	i := slices.IndexFunc(all, func(other *piece) bool { return other.Name == p.Name+".asc" || other.Name == p.Name+".sig" })
	if i < 0 && len(all) == 1 {
		i = 0
	}
	if i < 0 {
		return nil
	}
	all[i].taken = true
	return all[i]
}

// companion takes a file of a kind that goes with another; nil when there is none, or it isn't clear which.
func (j *judge) companion(kind Kind) *piece {
	var one *piece
	for _, p := range j.pieces {
		if p.kind == kind && p.problem == nil {
			if one != nil {
				return nil
			}
			one = p
		}
	}
	return one
}

// File is the evidence as one of the files of a Case.
func (e *SavedEvidence) File() File {
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // texts, numbers and times, which can always be written
	}
	return File{Name: "evidence.json", Data: data}
}

// FindReceipt returns the one receipt among files; nil when there is none, or several.
func FindReceipt(files []File) (receipt []byte) {
	for _, f := range files {
		if k := read(f).kind; k == Receipt || k == StatementReceipt {
			if receipt != nil {
				return nil
			}
			receipt = f.Data
		}
	}
	return receipt
}

// FindMessage returns the first sealed message among files, nil when there is none.
func FindMessage(files []File) []byte {
	for _, f := range files {
		if read(f).kind == Message {
			return f.Data
		}
	}
	return nil
}

// HasSignaturesBeside says whether a file is a text whose signatures stand in a file of their own.
func HasSignaturesBeside(f File) bool {
	return bytes.HasPrefix(f.Data, []byte("valise statement v1\n")) || bytes.HasPrefix(f.Data, []byte("valise statement manifest v1\n"))
}

// IsStatement says whether a file seems to be a statement, in any form.
func IsStatement(f File) bool {
	k := read(f).kind
	return k == StatementText || k == Statement || k == StatementManifest
}

// Known says whether a file seems to be something that can be judged, alone or with others.
func Known(f File) bool {
	p := read(f)
	return p.kind != Unknown || p.problem != nil
}
