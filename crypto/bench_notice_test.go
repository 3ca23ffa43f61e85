package crypto

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/mlkem_ecdh"
	"github.com/cloudflare/circl/dh/x25519"
	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

// recipients returns audience different representatives of o's institution, verified.
func (o *office) recipients(b *testing.B, profile Profile) []*Recipient {
	b.Helper()
	root := o.pinned(b)
	all := make([]*Recipient, audience)
	bareOnAllCores(len(all), func(i int) {
		representative := Representative{NewNumber(KindState), 1}
		key, err := GenerateKey(profile, representative.String(), noon)
		if err != nil {
			b.Error(err)
			return
		}
		certificate, err := CertifyIssued(o.registrar, key.Certificate(), representative, noon)
		if err != nil {
			b.Error(err)
			return
		}
		if all[i], err = root.VerifyRepresentative(o.staff(), []*Certificate{certificate}, representative, noon); err != nil {
			b.Error(err)
		}
	})
	if b.Failed() {
		b.FailNow()
	}
	return all
}

// sealNotice seals one notice of 4 KiB, with everything that an author's client computes once it knows the recipients: content, bodies, headings,
// envelopes, audience, manifest, signatures.
func (o *office) sealNotice(b *testing.B, root *Root, to []*Recipient) {
	var desk []*Staff
	for _, c := range o.staff() {
		member, err := root.VerifyStaff(c, noon)
		if err != nil {
			b.Fatal(err)
		}
		desk = append(desk, member)
	}
	draft := &Draft{
		From:        "International Court",
		Languages:   []LanguageVersion{{Language: "en", Subject: "Findings that concern you", Text: strings.Repeat("What you entrusted to us may have been read.\n", 90)}},
		Acknowledge: true, Deadline: noon.Add(48 * time.Hour),
	}
	if _, err := SealNotice(root, o.author, draft, to, desk, noon, nil); err != nil {
		b.Fatal(err)
	}
}

// A notice end to end, to 10,000 post-quantum representatives, against as many bare encapsulations. What BenchmarkSealPQ leaves out (audience,
// policy of each certificate, manifest) is in it.
func BenchmarkSealNoticePQ(b *testing.B) {
	o := newOffice(b)
	root, to := o.pinned(b), o.recipients(b, ProfilePQ)
	points, mlkems := make([][]byte, len(to)), make([]kem.PublicKey, len(to))
	for i, r := range to {
		public := r.certificate.encryption.PublicKey.PublicKey.(*mlkem_ecdh.PublicKey)
		points[i], mlkems[i] = public.PublicPoint, public.PublicMlkem
	}
	compareWithBare(b, func() { o.sealNotice(b, root, to) }, func() {
		bareOnAllCores(len(to), func(i int) {
			bareX25519(b, points[i])
			if _, _, err := mlkem768.Scheme().Encapsulate(mlkems[i]); err != nil {
				b.Error(err)
			}
		})
	})
}

// The same to 10,000 of the compatible suite, against bare X25519.
func BenchmarkSealNoticeCompat(b *testing.B) {
	o := newOffice(b)
	root, to := o.pinned(b), o.recipients(b, ProfileCompat)
	points := randomPoints(len(to))
	compareWithBare(b, func() { o.sealNotice(b, root, to) }, func() {
		bareOnAllCores(len(to), func(i int) { bareX25519(b, points[i]) })
	})
}

func randomPoints(n int) [][]byte {
	points := make([][]byte, n)
	for i := range points {
		var secret, public x25519.Key
		rand.Read(secret[:])
		x25519.KeyGen(&public, &secret)
		points[i] = public[:]
	}
	return points
}

// Personal parts of 10,000 mailboxes: sealed with the notice, and all of them opened by an approver.
func BenchmarkPersonalParts(b *testing.B) {
	o := newOffice(b)
	root, to := o.pinned(b), o.recipients(b, ProfilePQ)
	draft := &Draft{
		From: "International Court", Languages: []LanguageVersion{{Language: "en", Subject: "Findings that concern you", Text: "What you entrusted to us may have been read.\n"}},
		Personal: map[Number][]PersonalText{},
	}
	for _, r := range to[:len(to)/2] {
		draft.Personal[r.Representative().Mailbox] = []PersonalText{{"en", "Your file " + string(r.Representative().Mailbox) + " was read.\n"}}
	}
	var desk []*Staff
	for _, c := range o.staff() {
		member, err := root.VerifyStaff(c, noon)
		if err != nil {
			b.Fatal(err)
		}
		desk = append(desk, member)
	}
	seal := func() *SealedNotice {
		sealed, err := SealNotice(root, o.author, draft, to, desk, noon, nil)
		if err != nil {
			b.Fatal(err)
		}
		return sealed
	}
	sealed := seal()
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			seal()
		}
	})
	v, err := root.VerifySubmission(sealed.Signed(), o.staff(), noon)
	if err != nil {
		b.Fatal(err)
	}
	e := sealed.Envelopes[len(sealed.Envelopes)-1]
	opened, err := OpenNotice(v, e.Data, sealed.Bodies[e.Suite], []*Key{o.author, o.approver, o.registrar})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("open all", func(b *testing.B) {
		for b.Loop() {
			if all, err := OpenAllPersonal(opened, sealed.Audience, sealed.PersonalKey, sealed.PersonalParts, []*Key{o.author, o.approver}, nil); err != nil || len(all) != len(to) {
				b.Fatal(len(all), err)
			}
		}
	})
	b.Run("check", func(b *testing.B) { // what the server does
		a, err := v.CheckAudience(sealed.Audience)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := CheckAllPersonal(a, sealed.PersonalKey, sealed.PersonalParts); err != nil {
				b.Fatal(err)
			}
		}
	})
}
