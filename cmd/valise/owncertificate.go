package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/wkd"
)

// ownFlags say which certificate a representative has already.
type ownFlags struct {
	WKD     string `name:"wkd" placeholder:"ADDRESS" help:"They have a certificate of their own: look it up by their e-mail address, in the Web Key Directory of its domain. It is shown, and believed only when you confirm its fingerprint. The domain learns that somebody asks; the portal doesn't."`
	Own     string `name:"own-certificate" type:"existingfile" placeholder:"FILE" help:"The same, with a certificate that they gave you in place of the directory's."`
	Confirm string `placeholder:"FINGERPRINT" help:"With --wkd or --own-certificate: its whole fingerprint, as its owner read it to you. Without it you are asked."`

	directory wkd.Lookup
}

// own returns the fingerprint of the representative's own certificate, once the registrar has confirmed it; "" when they are to have none.
func (f *ownFlags) own(ctx context.Context, p *process) (crypto.Fingerprint, error) {
	if f.WKD == "" && f.Own == "" {
		if f.Confirm != "" {
			return "", usagef("--confirm goes with --wkd or --own-certificate")
		}
		return "", nil
	}
	if f.WKD != "" && f.Own != "" {
		return "", usagef("give --wkd or --own-certificate, not both")
	}
	var confirmed crypto.Fingerprint
	if f.Confirm != "" {
		var err error
		if confirmed, err = crypto.ParseFingerprint(f.Confirm); err != nil {
			return "", usagef("--confirm: %w", err)
		}
	}
	found, err := f.find(ctx, p)
	if err != nil {
		return "", err
	}
	showFound(p, found)
	fingerprint := found.Certificate.Fingerprint()
	switch {
	case found.Refused != nil:
		return "", fmt.Errorf("nothing was issued: this certificate can't be used: %w", found.Refused)
	case confirmed == "" && !p.interactive():
		return "", usagef("nothing was issued: have its owner read you the fingerprint, by a way on which you know them, and give it with --confirm")
	case confirmed == "":
		fmt.Fprintf(p.stderr, "Have its owner read you the fingerprint, by a way on which you know them. Type its last %d digits: ", ceremony.ConfirmDigits)
		typed, err := p.wait(func() (string, error) { return readLine(p.stdin, maxSecretFile) })
		if err != nil {
			return "", err
		}
		if _, err := ceremony.ConfirmOwn(found.Certificate, typed, time.Now()); err != nil {
			return "", fmt.Errorf("nothing was issued: %w", err)
		}
	case confirmed != fingerprint:
		return "", fmt.Errorf("nothing was issued: the certificate has the fingerprint %s, and its owner read %s to you: it is somebody else's", fingerprint.Spaced(), confirmed.Spaced())
	}
	return fingerprint, nil
}

// find looks the certificate up, or reads it.
func (f *ownFlags) find(ctx context.Context, p *process) (*wkd.Found, error) {
	if f.WKD != "" {
		return f.directory.Find(ctx, f.WKD, time.Now())
	}
	c, err := p.readCertificate(f.Own)
	if err != nil {
		return nil, err
	}
	return &wkd.Found{URL: f.Own, Certificate: c, Others: c.UserIDs(), Refused: c.CheckPolicy(time.Now())}, nil
}

// showFound shows a certificate that was found.
func showFound(p *process, found *wkd.Found) {
	kind := "not post-quantum: what is sealed to it can be opened by whoever has a quantum computer later"
	if found.Certificate.PostQuantum() {
		kind = "post-quantum"
	}
	out := []string{
		"", fmt.Sprintf("Found at %s:", clean(found.URL)), "",
		"    fingerprint  " + found.Certificate.Fingerprint().Spaced(),
	}
	if found.Address != "" {
		out = append(out, "    address      "+clean(found.Address))
	}
	for _, id := range found.Others {
		out = append(out, "    names, too   "+clean(id))
	}
	out = append(out, "    made         "+hourUTC(found.Certificate.Created()), "    "+kind, "")
	fmt.Fprintln(p.stderr, strings.Join(out, "\n"))
}
