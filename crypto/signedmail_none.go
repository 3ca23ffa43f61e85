//go:build js && !desk

package crypto

func readSignedMail([]byte) (*handSigned, error) { return nil, ErrSignedMail }
