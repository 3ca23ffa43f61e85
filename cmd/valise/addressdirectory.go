package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"valise/crypto"
	"valise/portal/wkd"
)

// directoryFlags say whether a directory is asked about an address. Nothing hangs on its answer: it is shown.
type directoryFlags struct {
	WKD bool `name:"wkd" help:"Ask the Web Key Directory of the address's domain, too, whether it has the certificate that this representative's messages are sealed to. It is shown; nothing is changed or sealed by it. The domain learns that somebody asks, so not for individuals."`

	directory wkd.Lookup
}

// directoryAnswer is what a directory has for an address.
type directoryAnswer struct {
	Found       bool               `json:"found"`
	URL         string             `json:"url,omitempty"`
	Fingerprint crypto.Fingerprint `json:"fingerprint,omitempty"`
	Same        bool               `json:"same"` // as messages are sealed to
}

// lookUp asks for an address, when that is wanted, and shows what is found beside the certificate that messages are sealed to. Before anything is changed, so that who mistyped an address can see it.
func (f *directoryFlags) lookUp(ctx context.Context, p *process, o *officer, of crypto.Representative, email string) (*directoryAnswer, error) {
	if !f.WKD {
		return nil, nil
	}
	shown, err := o.client.Chain(ctx, of)
	if err != nil {
		return nil, err
	}
	sealedTo, err := o.trust.VerifyChain(shown.Chain, of, time.Now())
	if err != nil {
		return nil, fmt.Errorf("the certificate of %s: %w", of, err)
	}
	found, err := f.directory.Find(ctx, email, time.Now())
	if errors.Is(err, wkd.ErrNone) {
		fmt.Fprintf(p.stderr, "\nThe Web Key Directory of the domain has no certificate for %s.\n\n", clean(email))
		return &directoryAnswer{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("nothing was changed: %w; without --wkd it isn't asked", err)
	}
	showFound(p, found)
	fingerprint, is := found.Certificate.Fingerprint(), sealedTo.Certificate().Fingerprint()
	switch {
	case fingerprint == is:
		fmt.Fprintf(p.stderr, "It is the certificate that messages for %s are sealed to.\n\n", of)
	case len(shown.Chain) == 1:
		fmt.Fprintf(p.stderr, "Messages for %s are sealed to the key of their letter, until they take the mailbox up.\n\n", of)
	default:
		fmt.Fprintf(p.stderr, "It is NOT the one that messages for %s are sealed to, and stay sealed to:\n\n    fingerprint  %s\n\nA mail program that has only the other's key opens none of them. Ask the person, by a way on which you know them, which is theirs, and whether the address is.\n\n", of, is.Spaced())
	}
	return &directoryAnswer{Found: true, URL: found.URL, Fingerprint: fingerprint, Same: fingerprint == is}, nil
}

// notForIndividuals refuses to ask for one: whoever watches the domain, or the line, would see the institution's machine ask for them.
func notForIndividuals(of crypto.Kind, instead string) error {
	if of != crypto.KindIndividual {
		return nil
	}
	return usagef("an individual is not looked up: the domain of their address, and whoever watches it or the line, would see that this machine asks for them; %s", instead)
}
