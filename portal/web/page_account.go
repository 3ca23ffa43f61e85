package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/session"
)

type accountPage struct {
	File        string // the representative's number, as in paths
	Profile     crypto.Profile
	Own         bool
	Fingerprint []string // in groups of four
	Sessions    []session.Info
	MailSince   time.Time             // since when e-mail goes to them; zero: none does
	Individual  bool                  // gets none unless they asked for it
	Commands    []portal.TakenCommand // by signed mail, in the name of a representative of the mailbox
}

func (s *server) getAccount(w http.ResponseWriter, r *http.Request) error {
	me, err := s.Registry.Me(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	current, err := crypto.ParseCertificate(me.Chain[len(me.Chain)-1])
	if err != nil {
		return err
	}
	commands, err := s.Registry.CommandsSeen(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	mail, err := s.Registry.MailSince(r.Context(), visitOf(r).actor)
	if err != nil {
		return err
	}
	lines, err := s.Sessions.Lines(r)
	if err != nil {
		return err
	}
	for i := range lines {
		lines[i].Created, lines[i].Seen = wireTime(lines[i].Created), wireTime(lines[i].Seen)
	}
	return s.pages.render(w, r, http.StatusOK, "account", accountPage{
		File: fileOf(me.Representative), Profile: me.Profile, Own: me.Profile == crypto.ProfileOwn, Fingerprint: strings.Fields(current.Fingerprint().Spaced()), Sessions: lines, Commands: commands,
		MailSince: mail.UTC(), Individual: me.Representative.Mailbox.Kind() == crypto.KindIndividual,
	})
}

// getCertificateFile gives the current certificate of a representative of one's own mailbox as a file: it verifies their receipts.
func (s *server) getCertificateFile(w http.ResponseWriter, r *http.Request) error {
	return s.writeChain(w, r, "", func(chain []string) ([]string, error) { return chain[len(chain)-1:], nil })
}

// getChainFile gives all of their certificates, and what those stand on: staff and root.
func (s *server) getChainFile(w http.ResponseWriter, r *http.Request) error {
	return s.writeChain(w, r, "-chain", func(chain []string) ([]string, error) {
		staff, err := s.Registry.Staff(r.Context())
		if err != nil {
			return nil, err
		}
		return slices.Concat(chain, armorAll(staff), []string{s.Root.Certificate().Armor()}), nil
	})
}

func (s *server) writeChain(w http.ResponseWriter, r *http.Request, suffix string, pick func([]string) ([]string, error)) error {
	of, err := pathRepresentative(r)
	if err != nil {
		return err
	}
	chain, err := s.Registry.Chain(r.Context(), visitOf(r).actor, of)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return fmt.Errorf("a representative without certificate")
	}
	picked, err := pick(wireChain(chain))
	if err != nil {
		return err
	}
	writeFile(w, fileOf(of)+suffix+".asc", "application/pgp-keys", []byte(strings.Join(picked, "\n")))
	return nil
}

// fileOf spells a representative's number as paths and file names have it.
func fileOf(r crypto.Representative) string { return strings.Replace(r.String(), "/", ".", 1) }
