package portaltest_test

import (
	"bytes"
	"strings"
	"testing"

	"valise/portal/portaltest"
)

func TestTwoPeopleWithGPG(t *testing.T) {
	sender, recipient := portaltest.GPG(t), portaltest.GPG(t)
	author := sender.GenerateKey("Author <author@example.org>")
	reader := recipient.GenerateKey("Reader <reader@example.org>")
	sender.Import(recipient.Export(reader))
	recipient.Import(sender.Export(author))

	if got := recipient.Decrypt(sender.Encrypt([]byte("a notice"), reader)); string(got) != "a notice" {
		t.Errorf("opened %q", got)
	}
	if _, _, err := sender.Try(sender.Encrypt([]byte("a notice"), reader), "--decrypt"); err == nil {
		t.Error("someone without the key opened it")
	}

	signed := sender.ClearSign(author, "I have read it.\n")
	text, signer, err := recipient.Verify(signed)
	if err != nil || signer != author || string(text) != "I have read it.\n" {
		t.Errorf("verified %q by %s: %v; want the signed text by %s", text, signer, err, author)
	}
	if _, _, err := recipient.Verify(bytes.Replace(signed, []byte("read"), []byte("lost"), 1)); err == nil {
		t.Error("an altered text verified")
	}

	signature := sender.Sign(author, []byte("data"))
	if signer, err := recipient.VerifyDetached(signature, []byte("data")); err != nil || signer != author {
		t.Errorf("detached: by %s, %v", signer, err)
	}
	if _, err := recipient.VerifyDetached(signature, []byte("other data")); err == nil {
		t.Error("a signature verified over other data")
	}
	if !strings.Contains(string(sender.ExportPrivate(author)), "PRIVATE KEY BLOCK") {
		t.Error("the private key was not exported")
	}
}
