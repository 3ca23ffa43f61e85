package courier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"valise/crypto"
)

// Papers are what a mail program has no use for and the offline reader does: with them a mail is verified as fully as on the portal, and its receipt signed, while the portal can't be
// reached. The names are those of GET /notices/{notice}.
type Papers struct {
	Notice            crypto.Number `json:"notice"`
	Manifest          string        `json:"manifest"`
	AuthorSignature   string        `json:"author_signature"`
	ApproverSignature string        `json:"approver_signature"`
	Membership        string        `json:"membership"`
	Suite             crypto.Suite  `json:"suite"`
	Heading           []byte        `json:"heading"`
	Nonce             string        `json:"nonce"`
}

// receiptForm returns what goes with a notice, sealed to one representative and signed by the courier: the papers that show the rest; and, when the notice asks for a receipt, exactly what to
// sign to acknowledge by e-mail. It goes with every notice, so whoever watches does not see which ask for an answer. The nonce in it is made of the entry with the courier's key, so
// nobody knows it but who opens this.
func (c *Courier) receiptForm(ctx context.Context, e *Entry, l *Letter, m *crypto.Manifest) ([]byte, error) {
	staff, err := c.staffCertificates(ctx)
	if err != nil {
		return nil, err
	}
	chain, err := c.verified.ParseAll(l.Chain)
	if err != nil {
		return nil, err
	}
	now := c.now()
	recipient, err := c.root.VerifyRepresentative(staff, chain, e.Representative, now)
	if err != nil {
		return nil, nil // a receipt of that key would not be taken; the notice itself still goes out
	}
	form := mailForm{notice: m.Notice, key: recipient.Certificate().Fingerprint()}
	nonce := ""
	if m.Acknowledge {
		digest := sha256.Sum256(l.Signed.Manifest)
		nonce = c.receiptNonce(e.Notice, e.Representative)
		form.receipt, err = (&crypto.Acknowledgement{
			Institution: m.Institution, Notice: m.Notice, Version: m.Version, ManifestSHA256: hex.EncodeToString(digest[:]),
			Representative: e.Representative, Certificate: form.key, Decision: crypto.DecisionAcknowledged, Time: now.UTC().Truncate(time.Second), SessionNonce: nonce,
		}).Form()
		if err != nil {
			return nil, err
		}
	}
	form.command, err = (&crypto.Command{
		Institution: m.Institution, Representative: e.Representative, Certificate: form.key, Kind: crypto.CommandResend, About: string(e.Notice), Time: now.UTC().Truncate(time.Second), Nonce: c.commandNonce(e.Representative),
	}).Encode()
	if err != nil {
		return nil, err
	}
	if form.papers, err = json.Marshal(papersOf(e, l, nonce)); err != nil {
		return nil, err
	}
	return crypto.SealRecord(form.write(), c.keys[0], crypto.PurposeReceiptForm, []*crypto.Certificate{recipient.Certificate()}, now)
}

func papersOf(e *Entry, l *Letter, nonce string) Papers {
	return Papers{
		Notice: e.Notice, Manifest: string(l.Signed.Manifest), AuthorSignature: string(l.Signed.AuthorSignature), ApproverSignature: string(l.Signed.ApproverSignature),
		Membership: string(l.Membership), Suite: l.Suite, Heading: l.Heading, Nonce: nonce,
	}
}

// receiptNonce is what stands in the place of a session's nonce in receipts by e-mail: 16 bytes, always the same for an entry.
func (c *Courier) receiptNonce(n crypto.Number, r crypto.Representative) string {
	return c.tokens.of("receipt", n, r)
}

const (
	formBoundary = "=_form"
	formBegin    = "---- from here ----"
	formEnd      = "---- to here ----"
)

// mailForm is what goes with a notice.
type mailForm struct {
	notice  crypto.Number
	key     crypto.Fingerprint // of who gets it
	receipt []byte             // to sign, "opening" empty; nil: none is asked for
	command []byte             // to sign, to have the notice sent again
	papers  []byte             // JSON
}

// write makes the MIME entity that is sealed. It is read by people with gpg and a mail program, so there are no long lines but those of the text to sign.
func (f *mailForm) write() []byte {
	var b bytes.Buffer
	b.Grow(8 << 10)
	subject := "Papers of "
	if f.receipt != nil {
		subject = "To acknowledge "
	}
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%q; protected-headers=\"v1\"\nSubject: %s%s\nMIME-Version: 1.0\n\n--%s\n", formBoundary, subject, f.notice, formBoundary)
	b.WriteString("Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\nContent-Disposition: inline\n\n")
	if f.receipt != nil {
		f.writeReceipt(&b)
	} else {
		fmt.Fprintf(&b, `This goes with the notice %s, which asks for no acknowledgement. There is
nothing to do. What is attached shows that two people signed the notice, and
that it was meant for you: should the portal be out of reach, save this mail
and the notice's, and open both in the offline reader (reader.html, saved from
the portal), or with: valise open.

Ceci accompagne la notification %s, qui ne demande pas d’accusé de réception.
Il n’y a rien à faire. La pièce jointe montre que deux personnes ont signé la
notification et qu’elle vous était destinée : si le portail est inaccessible,
enregistrez ce message et celui de la notification, et ouvrez-les tous deux dans
le lecteur hors ligne (reader.html, enregistré depuis le portail).

`, f.notice, f.notice)
	}
	f.writeCommands(&b)
	fmt.Fprintf(&b, "\n--%s\nContent-Type: application/json; name=\"papers.json\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"papers.json\"\n\n", formBoundary)
	text := bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n"))
	const line = 76 // characters
	all := slices.Grow(text, base64.StdEncoding.EncodedLen(len(f.papers))*(line+2)/line+32)
	for papers := range slices.Chunk(f.papers, line/4*3) {
		all = append(base64.StdEncoding.AppendEncode(all, papers), "\r\n"...)
	}
	return append(all, "--"+formBoundary+"--\r\n"...)
}

func (f *mailForm) writeReceipt(b *bytes.Buffer) {
	fmt.Fprintf(b, `To acknowledge the notice %s, or to decline to, sign the text below with
your own key, and send it back in answer to this mail. You need not log in
anywhere.

1. Copy the lines between "%s" and "%s" into a file,
   receipt.txt.
2. Open the notice itself, which comes with this or in another mail. At the
   end of its text stands a line that starts with "opening: ". Put it in the
   place of the empty one.
3. To decline, write "refused" in place of "acknowledged".
4. Sign it within a day of the time in it; later, put the time now (UTC, in
   the same form) there first.
5. gpg --local-user %s --clearsign receipt.txt
6. Send what is in receipt.txt.asc, as text or as a file. Don't encrypt that mail:
   nobody who could take the receipt from it could open it.

Or, in place of 5 and 6, in a mail program that signs with OpenPGP: write a mail
that says the text and nothing else, as plain text, and sign it without
encrypting it (programs may encrypt what answers an encrypted mail).

Without gpg: save this mail and the notice's, and open both in the offline
reader (reader.html, saved from the portal), which signs for you. Or use the
portal.

`, f.notice, formBegin, formEnd, f.key)
	fmt.Fprintf(b, `Pour accuser réception de la notification %s (ou refuser de le faire :
« refused » au lieu de « acknowledged »), copiez dans un fichier les lignes entre
« %s » et « %s », complétez la ligne « opening: » avec
celle qui se trouve à la fin du texte de la notification, signez le fichier avec
votre clé (gpg --clearsign, dans la journée qui suit l’heure indiquée, ou bien
mettez l’heure actuelle, UTC) et renvoyez le résultat en réponse à ce message.
Ou bien, avec un logiciel de messagerie qui signe avec OpenPGP : envoyez un
message qui contient ce texte seul, en texte brut, et signez-le. Ne chiffrez pas
ce message : ce qui est chiffré ne peut valoir accusé de réception.
Sans gpg : enregistrez ce message et celui de la notification, et ouvrez-les
tous deux dans le lecteur hors ligne (reader.html, enregistré depuis le portail),
qui signe pour vous ; ou bien utilisez le portail.

%s
%s%s
`, f.notice, formBegin, formEnd, formBegin, strings.ReplaceAll(string(f.receipt), " \n", "\n"), formEnd)
}

const (
	commandBegin = "---- command, from here ----"
	commandEnd   = "---- command, to here ----"
)

func (f *mailForm) writeCommands(b *bytes.Buffer) {
	fmt.Fprintf(b, `
BY SIGNED MAIL you can have three things done, should you not reach the portal.
Copy the lines between "%[1]s" and
"%[2]s", put the time now (UTC) and what you want:

  command: resend             this notice, by e-mail once more
  about: %[3]s
  command: resend             all that nobody of the mailbox has opened
  about: everything
  command: stop-email         no e-mail any more, until the institution is told
  about: everything
  command: new-certificate    in the place of the key that signs this, if it is
  about: ITS FINGERPRINT      a key of your own that the portal never had

Sign them as a receipt (gpg --local-user %[4]s
--clearsign), and send them alone, not encrypted. A new certificate goes with them, as a file or
below, with your number as its only user ID and certified by the old key:
gpg --local-user OLD --cert-notation chain@valise.invalid=successor
--quick-sign-key NEW. Nobody answers; who reads that mail reads what you want.
'valise command' writes all this, too.

PAR MESSAGE SIGNÉ, vous pouvez faire faire trois choses : copiez les lignes
ci-dessous, mettez l’heure actuelle (UTC) et ce que vous voulez (« resend » et le
numéro de la notification : l’envoyer de nouveau ; « resend » et « everything » :
tout ce qui n’a pas été ouvert ; « stop-email » et « everything » : plus aucun
courriel ; « new-certificate » et son empreinte : un nouveau certificat, certifié
par l’ancienne clé et joint), signez-les comme un accusé de réception et
envoyez-les seules, sans chiffrer. Personne ne répond.

%[1]s
%[5]s%[2]s
`, commandBegin, commandEnd, f.notice, f.key, f.command)
}
