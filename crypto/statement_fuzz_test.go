package crypto

import (
	"bytes"
	"slices"
	"testing"
)

func FuzzParseStatementText(f *testing.F) {
	k := newPress(f)
	versions, _ := k.history(f)
	for _, s := range versions {
		f.Add(s.Texts[0].Text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseStatementText(text)
		if (s == nil) != (err != nil) {
			t.Fatalf("%v, %v", s, err)
		}
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q became %q, %v", text, again, err)
		}
		if err := checkSignable(text); err != nil {
			t.Errorf("%q can't be clear-signed: %v", text, err)
		}
		if len(s.Languages) == 0 || !slices.Contains(s.Languages, s.Language) || s.Statement.Kind() != KindStatement || (s.Kind == StatementOriginal) != (s.Reason == "") {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzParseStatementManifest(f *testing.F) {
	text, err := testStatementManifest().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseStatementManifest(text)
		if (m == nil) != (err != nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q became %q, %v", text, again, err)
		}
		if len(m.Texts) == 0 || m.PublishAt.Before(m.Created) || (m.Version == 1) != (m.PreviousSHA256 == "") {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzParseStatementDraft(f *testing.F) {
	encoded, err := testStatementDraft().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		d, err := ParseStatementDraft(encoded)
		if (d == nil) != (err != nil) {
			t.Fatalf("%v, %v", d, err)
		}
		if err != nil {
			return
		}
		if again, err := d.Encode(); err != nil || !bytes.Equal(again, encoded) {
			t.Errorf("%q became %q, %v", encoded, again, err)
		}
	})
}

// Whatever is done to a signed text, what verifies is the text that was signed.
func FuzzVerifyStatementText(f *testing.F) {
	p := newPress(f)
	signed := p.publish(f, testStatementDraft(), nil, submittedAt).Signed()
	txt, err := signed.Texts[0].ClearSigned()
	if err != nil {
		f.Fatal(err)
	}
	asc, err := signed.Texts[0].Detached()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(txt)
	f.Add(asc)
	f.Fuzz(func(t *testing.T, file []byte) {
		v, err := p.pin.VerifyStatementText(file, p.staff(), readAt)
		if (v == nil) != (err != nil) {
			t.Fatalf("%v, %v", v, err)
		}
		if err == nil && v.SHA256() != sha256Hex(signed.Texts[0].Text) {
			t.Error("a forgery")
		}
		v, err = p.pin.VerifyStatementFile(signed.Texts[0].Text, file, p.staff(), readAt)
		if (v == nil) != (err != nil) {
			t.Fatalf("%v, %v", v, err)
		}
		if _, err := p.pin.VerifyStatementFile(signed.Texts[1].Text, file, p.staff(), readAt); err == nil {
			t.Error("a forgery")
		}
	})
}

func FuzzParseSignedStatement(f *testing.F) {
	p := newPress(f)
	d := testStatementDraft()
	d.Languages = d.Languages[:1]
	encoded, err := p.publish(f, d, nil, submittedAt).Signed().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		s, err := ParseSignedStatement(encoded)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, encoded) {
			t.Errorf("%q became %q, %v", encoded, again, err)
		}
		if _, err := p.pin.VerifyStatement(s, nil, p.staff(), readAt); err == nil && s.Manifest == nil {
			t.Error("nothing verifies")
		}
	})
}
