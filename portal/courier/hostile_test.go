package courier

import (
	"errors"
	"strings"
	"testing"
	"time"

	"valise/portal/courier/route"
)

// TestHostileMailIsLookedAtInTime: three mails are looked at at once, and everybody can send some.
func TestHostileMailIsLookedAtInTime(t *testing.T) {
	const (
		text  = "Content-Type: text/plain\r\n\r\n"
		mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	)
	folded := "Content-Type: text/plain\r\nX: y\r\n" + strings.Repeat(" "+strings.Repeat("z", 60)+"\r\n", 1990) + "\r\nHello\r\n"
	signedPart := "--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nvalise command v1\r\n--c\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--c--\r\n"
	nested := func(depth int, inside string) string {
		for i := range depth {
			b := string(rune('c' + i))
			inside = "Content-Type: multipart/signed; boundary=" + b + "\r\n\r\n--" + b + "\r\n" + inside + "\r\n--" + b + "\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\n\n" + strings.Repeat("AAAA\n", 100_000) + "-----END PGP SIGNATURE-----\r\n--" + b + "--\r\n"
		}
		return inside
	}
	block := "-----BEGIN PGP SIGNED MESSAGE-----\n\nkey: \n" + strings.Repeat("0", 64) + "\n-----END PGP SIGNATURE-----\n"
	for name, mail := range map[string]string{
		"folds":               mixed + strings.Repeat("--b\r\n"+folded, 58) + "--b--\r\n",
		"begins, no ends":     text + strings.Repeat("-----BEGIN PGP SIGNED MESSAGE-----\n", 50_000),
		"blocks too large":    text + "-----BEGIN PGP SIGNED MESSAGE-----\n" + strings.Repeat("a: \n00000000000000000000000000000000\n", 50_000) + "-----END PGP SIGNATURE-----\n",
		"many blocks":         text + strings.Repeat("> "+block, 10_000),
		"flowed":              "Content-Type: text/plain; format=flowed\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\n" + strings.Repeat(" \n", 500_000) + "-----END PGP SIGNATURE-----\n",
		"quotes of quotes":    text + strings.Repeat(">", 1<<20) + "-----BEGIN PGP SIGNED MESSAGE-----\n" + strings.Repeat(strings.Repeat(">", 1000)+"\n", 900) + "-----END PGP SIGNATURE-----\n",
		"signed parts":        mixed + strings.Repeat(signedPart, 14) + "--b--\r\n",
		"signed in signed":    nested(7, text+"valise command v1\r\n"),
		"certificates":        text + strings.Repeat("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", 50_000),
		"tokens":              "Content-Type: text/plain\r\nReferences: " + strings.Repeat(strings.Repeat("0", 32)+" ", 3000) + "\r\n\r\nHello\r\n",
		"armored, not ended":  text + strings.Repeat("-----BEGIN PGP MESSAGE-----\n", 60_000),
		"a report":            "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" + strings.Repeat("Action: failed\n\n", 8000) + "\r\n--b--\r\n",
		"quoted-printable":    "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=\r\n", 600_000),
		"base 64 of nothing":  "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("!\r\n", 600_000),
		"parameters, many":    "Content-Type: text/plain" + strings.Repeat("; a*0=x", 15_000) + "\r\n\r\nHello\r\n",
		"HTML with a message": "Content-Type: text/html\r\n\r\n" + strings.Repeat("-----BEGIN PGP MESSAGE-----", 60_000),
	} {
		begun := time.Now()
		if m, err := parseMail([]byte(mail)); err == nil {
			m.report()
			m.receipts()
			m.signedMails()
			m.certificates()
			m.encryptedMessage()
			m.commanded()
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%s: %v for %d KiB", name, took, len(mail)>>10)
		} else if testing.Verbose() {
			t.Log(name, took)
		}
	}
}

// TestWhoAnswersOnceForDNSEndsNoMail: a forged "there is no such domain" puts a mail off.
func TestWhoAnswersOnceForDNSEndsNoMail(t *testing.T) {
	c := &Courier{config: Config{GiveUp: DefaultGiveUp}, now: time.Now}
	e := &Entry{QueuedAt: time.Now()}
	waited := time.Duration(0)
	for ; e.Attempts < 20; e.Attempts++ {
		s := c.failed(e, noWay(errors.Join(route.ErrNoMail)), false)
		if s.Reason != ReasonNoDomain {
			t.Fatal(s.Reason)
		}
		if s.State == Dead {
			break
		}
		waited += time.Until(s.NextAt)
	}
	if waited < 40*time.Minute || waited > 3*time.Hour {
		t.Errorf("a domain is given up after %v", waited)
	}
}
