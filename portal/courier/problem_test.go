package courier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"valise/crypto"
	"valise/portal"
	"valise/portal/courier"
	"valise/portal/portaltest"
	"valise/portal/portaltest/live"
	"valise/portal/store"
)

// telling is a database whose errors say whom they are about, and where it lies.
type telling struct {
	*store.DB
	err error
}

func (s telling) Letters(context.Context, []courier.Entry) ([]*courier.Letter, error) {
	return nil, s.err
}

// TestALogNamesNobodyWhenTheDatabaseFails: of an error the log holds its kind, in the courier's own words.
func TestALogNamesNobodyWhenTheDatabaseFails(t *testing.T) {
	p := newPost(t, live.Options{}, portaltest.MailSinkOptions{})
	person := p.claimed(crypto.KindState, crypto.ProfileCompat)
	p.address(person, nil)
	notice := p.Release(atOnce(p.Server), person)
	text := fmt.Sprintf("%s of %s <somebody@mission.example> at postgres://valise:secret@10.1.2.3/valise", notice, person.Number)
	for want, err := range map[string]error{
		"an error of the kind *errors.errorString": errors.New(text),
		"it took too long":                         fmt.Errorf("%s: %w", text, context.DeadlineExceeded),
		"the database can't be reached":            portal.Errorf(portal.Unavailable, "", "%s", text).Because(&net.OpError{Op: "dial", Err: errors.New(text)}),
	} {
		log := new(live.Log)
		c, newErr := courier.New(telling{p.Store, err}, p.Portal.Root, p.key, nil, p.config(), slog.New(slog.NewJSONHandler(log, nil)), p.now)
		must(t, newErr)
		p.until(c, "the log says: "+want, func() bool { return strings.Contains(log.String(), want) })
		p.pass(p.config().Lease) // the entry comes again
		for _, name := range []string{string(notice), string(person.Number.Mailbox), "mission.example", "10.1.2.3", "secret"} {
			if strings.Contains(log.String(), name) {
				t.Errorf("the log names %s: %s", name, log)
			}
		}
	}
}
