package verdict

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// Status codes of HTTP (RFC 9110); package net/http would be an eighth of what browsers download.
const (
	statusOK       = 200
	statusNotFound = 404
)

// MaxFiles is how many files are judged together.
const MaxFiles = 64

// Answer is what the portal answered to a GET. Status 0 says that it couldn't be reached.
type Answer struct {
	Status int
	Body   []byte
}

// Case is what is to be judged, and with what.
type Case struct {
	Files   []File
	Pin     crypto.Pin        // from paper; zero: nobody has looked yet
	Answers map[string]Answer // by path
	Offline bool              // ask for nothing
	Now     time.Time
}

// judge is one run over a case.
type judge struct {
	Case
	pieces []*piece
	wanted []string
}

// errLater says that the portal must be asked first.
var errLater = errors.New("the portal has to be asked first")

// Judge says what holds, one verdict for each thing among the files; or, instead, which paths of the portal have to be fetched first.
func (c Case) Judge() (verdicts []Verdict, wanted []string) {
	j := &judge{Case: c}
	if len(c.Files) > MaxFiles {
		v := Verdict{Kind: Unknown}
		return []Verdict{v.fails(because("too-many", fmt.Errorf("these are %d files; at most %d are judged together", len(c.Files), MaxFiles)))}, nil
	}
	for _, f := range c.Files {
		j.pieces = append(j.pieces, read(f))
	}
	for _, p := range j.subjects() {
		more, err := j.one(p)
		if err != nil {
			continue // errLater
		}
		verdicts = append(verdicts, more...)
	}
	if len(j.wanted) > 0 {
		slices.Sort(j.wanted)
		return nil, slices.Compact(j.wanted)
	}
	for _, p := range j.pieces {
		if p.kind == Unknown && !p.taken {
			verdicts = append(verdicts, unknown(p))
		}
	}
	return verdicts, nil
}

// subjects are the files that a verdict is about; the others only go with one.
func (j *judge) subjects() []*piece {
	rank := func(k Kind) int {
		switch k {
		case StatementText, Statement, StatementManifest, Receipt, StatementReceipt:
			return 1
		case NoticeManifest, Message:
			return 2
		case Proof, Checkpoint:
			return 3
		case statementSignature:
			return 4
		case Certificates:
			return 5
		case Evidence, Membership:
			return 6
		}
		return 9
	}
	var all []*piece
	for _, p := range j.pieces {
		switch r := rank(p.kind); {
		case r == 9:
		case p.kind == NoticeManifest && j.has(Receipt):
		case p.kind == Proof && j.proofGoesWith() != nil:
		case r >= 4 && slices.ContainsFunc(j.pieces, func(other *piece) bool { return rank(other.kind) < r }):
			// with what it belongs to
		case p.kind == Certificates && p.problem == nil && slices.ContainsFunc(all, func(other *piece) bool { return other.kind == Certificates && other.problem == nil }):
			// all certificates are looked at together: a chain may come in several files
		default:
			all = append(all, p)
		}
	}
	return all
}

func (j *judge) has(k Kind) bool {
	return slices.ContainsFunc(j.pieces, func(p *piece) bool { return p.kind == k })
}

// proofGoesWith is the one thing that the one proof was given with.
func (j *judge) proofGoesWith() *piece {
	if j.companion(Proof) == nil {
		return nil
	}
	var one *piece
	for _, p := range j.pieces {
		switch p.kind {
		case StatementText, Statement, StatementManifest, Receipt, StatementReceipt:
			if one != nil {
				return nil
			}
			one = p
		}
	}
	return one
}

// one judges one thing; certificates may be several. The only error is errLater.
func (j *judge) one(p *piece) ([]Verdict, error) {
	v := Verdict{Kind: p.kind, File: p.Name}
	if p.problem != nil {
		if v.Kind == Certificates {
			v.Kind = Unknown
		}
		return []Verdict{v.fails(because("unreadable", p.problem))}, nil
	}
	switch p.kind {
	case Message:
		return []Verdict{v.misses("sealed", nil)}, nil
	case statementSignature:
		v.Kind = Signatures
		return []Verdict{v.misses("text", nil)}, nil
	case Evidence:
		return []Verdict{v.misses("receipt", nil)}, nil
	case Membership:
		return []Verdict{v.misses("receipt", nil)}, nil
	}
	b, refused, err := j.believe(v)
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return []Verdict{*refused}, nil
	}
	one := func(v Verdict, err error) ([]Verdict, error) { return []Verdict{v}, err }
	switch p.kind {
	case StatementText:
		return one(b.statementText(p))
	case Statement:
		return one(b.statement(p))
	case StatementManifest:
		return one(b.statementManifest(p))
	case Receipt:
		return one(b.receipt(p))
	case StatementReceipt:
		return one(b.statementReceipt(p))
	case NoticeManifest:
		return one(b.noticeManifest(p))
	case Proof:
		return one(b.proof(p))
	case Checkpoint:
		return one(b.checkpoint(p))
	}
	return b.certificates(), nil
}

func unknown(p *piece) Verdict {
	v := Verdict{Kind: Unknown, File: p.Name}
	if p.problem != nil {
		return v.fails(because("unreadable", p.problem))
	}
	return v.misses("kind", nil)
}

// get returns what the portal has at a path, nil when it has nothing or can't be asked. The only error is errLater.
func (j *judge) get(path string) ([]byte, error) {
	a, err := j.ask(path)
	if a.Status != statusOK {
		return nil, err
	}
	return a.Body, err
}

func (j *judge) ask(path string) (Answer, error) {
	if j.Offline {
		return Answer{}, nil
	}
	a, ok := j.Answers[path]
	if !ok {
		j.wanted = append(j.wanted, path)
		return Answer{}, errLater
	}
	return a, nil
}

// InstitutionPath is where the portal says who the institution is.
const InstitutionPath = api.Root + "/institution"

// believing is a judge who knows whom to believe.
type believing struct {
	*judge
	trust     *ceremony.Trust
	base      Verdict  // what all verdicts about the file begin with
	ledgerKey []string // what was shown as the root's word on the ledger, by whomever
}

// believe opens the root. It is looked for at the portal, in evidence, and among the certificates that were given.
func (j *judge) believe(v Verdict) (*believing, *Verdict, error) {
	body, err := j.get(InstitutionPath)
	if err != nil {
		return nil, nil, err
	}
	var shown []api.Institution
	var i api.Institution
	if body != nil && json.Unmarshal(body, &i) == nil && i.Root != "" {
		shown = append(shown, i)
	}
	said := len(shown) // by the portal
	if e := j.companion(Evidence); e != nil && e.evidence.Institution.Root != "" {
		shown = append(shown, e.evidence.Institution)
		if j.Offline { // then it was named in the portal's place
			said = len(shown)
		}
	}
	all := api.Institution{}
	b := &believing{judge: j}
	for _, i := range shown {
		all.Staff = append(all.Staff, i.Staff...)
		if i.LedgerKey != "" {
			b.ledgerKey = append(b.ledgerKey, i.LedgerKey)
		}
	}
	for _, c := range j.given() {
		if _, is := number(c); is {
			continue
		}
		shown = append(shown, api.Institution{Root: c.Armor()})
		all.Staff = append(all.Staff, c.Armor())
	}
	pin := j.Pin
	paper := pin.Fingerprint != ""
	if !paper {
		shown = shown[:said] // what came with the file doesn't speak for itself
	}
	var problem error
	for _, i := range shown {
		if !paper {
			root, err := crypto.ParseCertificate([]byte(i.Root))
			if err != nil {
				problem = err
				continue
			}
			pin = crypto.Pin{Fingerprint: root.Fingerprint()}
		}
		all.Root = i.Root
		if b.trust, err = ceremony.Believe(pin, all); err == nil {
			break
		}
		if problem == nil {
			problem = err
		}
	}
	switch {
	case b.trust == nil && problem != nil:
		v := v.fails(problem)
		return nil, &v, nil
	case b.trust == nil:
		v := v.misses("root", nil)
		return nil, &v, nil
	}
	v.Facts = Facts{Institution: b.trust.Institution(), Root: pin.Fingerprint, Paper: paper}
	if paper {
		v.checked("root")
		if problem != nil && body != nil {
			v.warn("portal-other-root")
		}
	} else {
		v.warn("root")
	}
	v.Checked, v.Warnings = slices.Clip(v.Checked), slices.Clip(v.Warnings) // several verdicts go on from here
	b.base = v
	return b, nil, nil
}

// given are all certificates among the files.
func (j *judge) given() (all []*crypto.Certificate) {
	for _, p := range j.pieces {
		all = append(all, p.certificates...)
	}
	return all
}
