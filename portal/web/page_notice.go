package web

import (
	"net/http"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
)

type noticePage struct {
	noticeLine
	Version     int
	Acknowledge bool // is demanded
	Overdue     bool
	Own         bool
	Personal    bool // the notice has personal parts; whether the mailbox's says anything, only who opens it knows
	Receipt     string
	ReceiptBy   string // sentence
	Me          string // whose page it is, as in paths
	Signer      string // whose certificate verifies the receipt, as in paths
	Files       receiptFiles
}

// receiptFiles are what checking a receipt takes, beside certificates.
type receiptFiles struct {
	About           string // "notice" or "statement"
	Receipt         string // address
	Proof           string // address of its proof in the ledger
	Name            string // under which it is saved, without ending
	Manifest        string // address
	ManifestName    string
	ManifestCommand string // prints the manifest's digest
}

// getNoticePage shows a notice as far as the server knows it. It opens nothing: the script does, or who downloads the message.
func (s *server) getNoticePage(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	actor := visitOf(r).actor
	d, err := s.Dispatch.Peek(r.Context(), actor, n)
	if err != nil {
		return err
	}
	page, err := s.noticePage(r, d)
	if err != nil {
		return err
	}
	me, err := s.Registry.Me(r.Context(), actor)
	if err != nil {
		return err
	}
	page.Own, page.Me = me.Profile == crypto.ProfileOwn, fileOf(me.Representative)
	page.Signer = page.Me
	if a := d.Acknowledgement; a != nil {
		kept, err := s.Dispatch.Receipt(r.Context(), actor, n, me.Representative.Mailbox)
		if err != nil {
			return err
		}
		page.Receipt = string(kept.Receipt)
		page.Signer = fileOf(a.Representative)
		if page.ReceiptBy, err = receiptSentence(s.pages.languages.pick(w, r, s.pages.secure), a.Decision, a.Representative, a.ReceivedAt); err != nil {
			return err
		}
	}
	return s.pages.render(w, r, http.StatusOK, "notice", page)
}

func (s *server) noticePage(r *http.Request, d portal.Delivery) (noticePage, error) {
	line, err := s.noticeLine(d)
	if err != nil {
		return noticePage{}, err
	}
	m, err := crypto.ParseManifest(d.Notice.Signed.Manifest)
	if err != nil {
		return noticePage{}, err
	}
	n := string(line.Number)
	membership, err := crypto.ParseMembership(d.Membership)
	return noticePage{
		noticeLine: line, Personal: err == nil && !membership.Member.Personal.IsZero(), Version: m.Version, Acknowledge: m.Acknowledge, Overdue: line.State == "overdue",
		Files: receiptFiles{
			About: "notice", Receipt: api.Root + "/notices/" + n + "/acknowledgement", Proof: api.Root + "/notices/" + n + "/acknowledgement/proof", Name: n + "-acknowledgement", Manifest: "/notices/" + n + "/manifest.asc", ManifestName: n + "-manifest.asc",
			ManifestCommand: "sed '/^-----BEGIN/,$d' " + n + "-manifest.asc | sha256sum",
		},
	}, nil
}

// receiptSentence says who acknowledged and when, in the words that the script has for it.
func receiptSentence(l *spoken, decision crypto.Decision, by crypto.Representative, received time.Time) (string, error) {
	key := scriptPrefix + "acknowledged-by"
	if decision == crypto.DecisionRefused {
		key = scriptPrefix + "refused-by"
	}
	form, err := l.say(key, nil, nil)
	if err != nil {
		return "", err
	}
	when, err := l.Time(received.UTC())
	if err != nil {
		return "", err
	}
	return strings.NewReplacer("{by}", by.String(), "{time}", when).Replace(form), nil
}

// getManifestFile gives what author and approver signed, with their signatures, as one file.
func (s *server) getManifestFile(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	signed, err := s.Dispatch.Manifest(r.Context(), visitOf(r).actor, n)
	if err != nil {
		return err
	}
	file, err := signed.Encode()
	if err != nil {
		return err
	}
	writeFile(w, string(n)+"-manifest.asc", "text/plain; charset=utf-8", file)
	return nil
}
