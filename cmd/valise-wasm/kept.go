package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"valise/crypto"
	"valise/portal/api"
)

// The unlocked key lies in the tab's session storage between two pages, encrypted with AES-256-GCM. The key for it comes, by HKDF-SHA256, from the
// session's share, which the server gives only to that session and forgets with it. So neither what a browser left on
// a disk, nor what the server holds, opens it; a script on our own origin with a running session could, which is what the
// content security policy is for.

const (
	keptLabel = "valise kept key v1"
	keptSalt  = 16
	shareSize = 32
)

// kept is the JSON in the session storage.
type kept struct {
	Salt []byte `json:"salt"`
	Data []byte `json:"data"` // nonce, ciphertext, tag
}

// keptBundle is what is encrypted.
type keptBundle struct {
	Holder string             `json:"holder"` // the bundle's own: of staff a name
	Pin    crypto.Fingerprint `json:"pin"`
	Key    string             `json:"key"`
	Past   []string           `json:"past,omitempty"`
}

var errNotKept = &refusal{"not-kept", errors.New("this tab's key belongs to another session; unlock it with your passphrase")}

// sealKept encrypts a bundle under the share of a session of holder's.
func sealKept(b *crypto.Bundle, holder string, share []byte) (kept, error) {
	plain := keptBundle{Holder: b.Holder, Pin: b.Pin.Fingerprint, Key: b.Key.Armor()}
	for _, k := range b.Past {
		plain.Past = append(plain.Past, k.Armor())
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return kept{}, err
	}
	k := kept{Salt: make([]byte, keptSalt)}
	rand.Read(k.Salt)
	aead, err := keptCipher(share, k.Salt)
	if err != nil {
		return kept{}, err
	}
	k.Data = aead.Seal(nil, nil, text, keptFor(holder))
	return k, nil
}

// openKept is the reverse, for the holder that the session belongs to.
func openKept(k kept, holder string, share []byte) (*crypto.Bundle, error) {
	aead, err := keptCipher(share, k.Salt)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, k.Data, keptFor(holder))
	if err != nil {
		return nil, errNotKept
	}
	var plain keptBundle
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, errNotKept
	}
	b := &crypto.Bundle{Holder: plain.Holder, Pin: crypto.Pin{Fingerprint: plain.Pin}}
	if b.Key, err = crypto.ParseArmoredKey([]byte(plain.Key), nil); err != nil {
		return nil, err
	}
	for _, armored := range plain.Past {
		past, err := crypto.ParseArmoredKey([]byte(armored), nil)
		if err != nil {
			return nil, err
		}
		b.Past = append(b.Past, past)
	}
	return b, nil
}

func keptCipher(share, salt []byte) (cipher.AEAD, error) {
	if len(share) != shareSize || len(salt) != keptSalt {
		return nil, errNotKept
	}
	key, err := hkdf.Key(sha256.New, share, salt, keptLabel, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func keptFor(holder string) []byte { return []byte(keptLabel + "\n" + holder) }

type keeping struct {
	Share []byte `json:"share"`
}

// keep returns what to put into the session storage.
func (e *engine) keep(p keeping) (kept, error) {
	if e.bundle == nil {
		return kept{}, errLocked
	}
	return sealKept(e.bundle, e.holder(), p.Share)
}

type restoring struct {
	Kept        kept            `json:"kept"`
	Session     api.Session     `json:"session"`
	Institution api.Institution `json:"institution"`
}

// restore takes the key back from the session storage.
func (e *engine) restore(p restoring) (identity, error) {
	b, err := openKept(p.Kept, p.Session.Holder, p.Session.Share)
	if err != nil {
		return identity{}, err
	}
	i, err := e.take(b, p.Institution)
	i.State = string(p.Session.State)
	return i, err
}
