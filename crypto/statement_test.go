package crypto

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The hours of a statement: published at noon's next day, corrected a day later, and then withdrawn.
var (
	submittedAt = noon.Add(2 * time.Hour)
	endorsedAt  = noon.Add(3 * time.Hour)
	publishedAt = time.Date(2026, 1, 16, 11, 0, 0, 0, time.FixedZone("", 3600))
	correctedAt = publishedAt.Add(24 * time.Hour)
	withdrawnAt = publishedAt.Add(48 * time.Hour)
	readAt      = publishedAt.Add(72 * time.Hour)
)

var forensicReport = []byte("%PDF-1.7 forensic report")

func testStatementDraft() *StatementDraft {
	return &StatementDraft{
		Statement: NewNumber(KindStatement), Revision: 7,
		Topic: "security", Series: NewNumber(KindStatement),
		Languages: []StatementLanguage{
			{Language: "en", Title: "Anomalous activity on our systems", Body: "# What happened\n\n- Activity was detected.\n-----BEGIN PGP SIGNATURE-----\n\nFrom now on, we will report.\n"},
			{Language: "fr", Title: "Activité anormale sur nos systèmes", Body: "# Ce qui s’est passé\r\n\r\nUne activité a été détectée.  \r\n"},
			{Language: "ar", Title: "نشاط غير معتاد", Body: "رُصد نشاط غير معتاد.\n"},
		},
		Attachments: []StatementAttachment{AttachmentOf("Forensic report.pdf", "application/pdf", forensicReport)},
		PublishAt:   publishedAt, Zone: "Europe/Amsterdam",
		Acknowledge: []Kind{KindState, KindOrganisation}, Deadline: publishedAt.Add(240 * time.Hour),
	}
}

func correctionOf(d *StatementDraft) *StatementDraft {
	c := *d
	c.Kind, c.PublishAt, c.Revision = StatementCorrection, correctedAt, d.Revision+1
	c.Languages = slices.Clone(d.Languages)
	for i := range c.Languages {
		c.Languages[i].Reason = "The date was wrong (" + c.Languages[i].Language + ")."
		c.Languages[i].Body += "\nCorrected.\n"
	}
	return &c
}

func withdrawalOf(d *StatementDraft) *StatementDraft {
	w := *correctionOf(d)
	w.Kind, w.PublishAt, w.Attachments, w.Acknowledge, w.Deadline = StatementWithdrawal, withdrawnAt, nil, nil, time.Time{}
	w.Languages = slices.Clone(w.Languages)
	for i := range w.Languages {
		w.Languages[i].Title = "Withdrawn"
		w.Languages[i].Body = ""
	}
	return &w
}

// press is an office that makes statements.
type press struct {
	*office
	pin *Root
}

func newPress(t testing.TB) *press {
	t.Helper()
	o := newOffice(t)
	return &press{o, o.pinned(t)}
}

func (p *press) prepare(t testing.TB, d *StatementDraft, previous *VerifiedStatement, at time.Time) SignedStatement {
	t.Helper()
	s, err := PrepareStatement(p.pin, p.author, d, previous, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *press) endorse(t testing.TB, s SignedStatement, previous *VerifiedStatement, at time.Time) SignedStatement {
	t.Helper()
	submitted, err := p.pin.VerifyStatementSubmission(s, previous, p.staff(), at)
	if err != nil {
		t.Fatal(err)
	}
	approved, err := ApproveStatement(p.pin, p.approver, submitted, at)
	if err != nil {
		t.Fatal(err)
	}
	return approved
}

func (p *press) check(t testing.TB, s SignedStatement, previous *VerifiedStatement) *VerifiedStatement {
	t.Helper()
	v, err := p.pin.VerifyStatement(s, previous, p.staff(), readAt)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (p *press) publish(t testing.TB, d *StatementDraft, previous *VerifiedStatement, at time.Time) *VerifiedStatement {
	t.Helper()
	return p.check(t, p.endorse(t, p.prepare(t, d, previous, at), previous, at.Add(time.Hour)), previous)
}

// history is an original, its correction, and its withdrawal.
func (p *press) history(t testing.TB) (versions []SignedStatement, verified []*VerifiedStatement) {
	t.Helper()
	d := testStatementDraft()
	original := p.publish(t, d, nil, submittedAt)
	correction := p.publish(t, correctionOf(d), original, publishedAt.Add(time.Hour))
	withdrawal := p.publish(t, withdrawalOf(d), correction, correctedAt.Add(time.Hour))
	verified = []*VerifiedStatement{original, correction, withdrawal}
	for _, v := range verified {
		versions = append(versions, v.Signed())
	}
	return versions, verified
}

func TestStatementFromPenToWithdrawal(t *testing.T) {
	p := newPress(t)
	versions, verified := p.history(t)
	again, err := p.pin.VerifyStatementVersions(versions, p.staff(), readAt)
	if err != nil || len(again) != 3 {
		t.Fatal(err)
	}
	for i, v := range again {
		m := v.Manifest()
		if m.Version != i+1 || m.Statement != verified[0].Manifest().Statement || v.SHA256() != verified[i].SHA256() ||
			v.Author().Name() != "Anna Meijer" || v.Approver().Name() != "Benoît Diallo (press)" || !v.ApproverSignature().Made().After(v.AuthorSignature().Made()) {
			t.Errorf("version %d: %+v, by %s and %s", i+1, m, v.Author().Name(), v.Approver().Name())
		}
		if v.Due(m.PublishAt.Add(-time.Second)) || !v.Due(m.PublishAt) {
			t.Errorf("version %d is due at another time than %s", i+1, m.PublishAt)
		}
	}
	original, withdrawal := again[0], again[2]
	if text := original.Text("fr"); text.Authoritative() || text.Title != "Activité anormale sur nos systèmes" || text.Body != "# Ce qui s’est passé\n\nUne activité a été détectée.\n" {
		t.Errorf("French: %+v", text)
	}
	if !original.Texts()[0].Authoritative() || original.Text("de") != nil {
		t.Error("the authoritative language is not the first one")
	}
	if err := original.CheckAttachment("Forensic report.pdf", forensicReport); err != nil {
		t.Error(err)
	}
	wantError(t, original.CheckAttachment("Forensic report.pdf", []byte("another")), "altered")
	wantError(t, original.CheckAttachment("Other.pdf", forensicReport), "no attachment")
	if text := withdrawal.Text("fr"); text.Body != "" || text.Reason == "" || len(withdrawal.Attachments()) != 0 {
		t.Errorf("the tombstone is %+v", text)
	}
	for _, s := range versions {
		encoded, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseSignedStatement(encoded); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("a signed statement comes back as %+v, %v", back, err)
		}
		for i, signed := range s.Texts {
			p.readByItself(t, signed, s.Texts[(i+1)%len(s.Texts)])
		}
	}
}

// readByItself checks the files of one text, as a reader does who has nothing else.
func (p *press) readByItself(t testing.TB, signed, other SignedStatementText) {
	t.Helper()
	txt, err := signed.ClearSigned()
	if err != nil {
		t.Fatal(err)
	}
	asc, err := signed.Detached()
	if err != nil {
		t.Fatal(err)
	}
	for form, txt := range map[string][]byte{"as made": txt, "CR LF": bytes.ReplaceAll(txt, []byte("\n"), []byte("\r\n")), "pasted": []byte("\n" + string(txt) + "\n\n")} {
		v, err := p.pin.VerifyStatementText(txt, p.staff(), readAt)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if text, err := v.Text().Encode(); err != nil || !bytes.Equal(text, signed.Text) || v.SHA256() != sha256Hex(signed.Text) {
			t.Errorf("%s: the text did not come back: %q, %v", form, text, err)
		}
		if v.Author().Name() != "Anna Meijer" || v.Approver().Name() != "Benoît Diallo (press)" {
			t.Errorf("signed by %s and %s", v.Author().Name(), v.Approver().Name())
		}
	}
	v, err := p.pin.VerifyStatementFile(signed.Text, asc, p.staff(), readAt)
	if err != nil || v.ApproverSignature().Purpose() != PurposeStatementApproval {
		t.Fatal(err)
	}
	if _, err := p.pin.VerifyStatementFile(other.Text, asc, p.staff(), readAt); err == nil {
		t.Error("signatures of one language hold for another")
	}
	// One kind of signature is not taken for the other.
	confused := signed
	confused.Author.Clear, confused.Approver.Clear = signed.Author.Detached, signed.Approver.Detached
	if txt, err := confused.ClearSigned(); err == nil {
		if _, err := p.pin.VerifyStatementText(txt, p.staff(), readAt); err == nil {
			t.Error("detached signatures close a clear-signed text")
		}
	}
	onlyAuthor := signed
	onlyAuthor.Approver = TextSignatures{}
	if _, err := onlyAuthor.ClearSigned(); err == nil {
		t.Error("a text without approval is made a file")
	}
}

// With gpg alone: it exits with 0 and finds both signatures good.
func TestGPGVerifiesStatements(t *testing.T) {
	p := newPress(t)
	versions, _ := p.history(t)
	g := newGPG(t)
	for _, k := range []*Key{p.author, p.approver} {
		g.run("--import", g.file("certificate.asc", k.Certificate().Armor()))
	}
	bothGood := func(args ...string) {
		t.Helper()
		status := string(g.run(append([]string{"--status-fd", "1", "--verify"}, args...)...))
		if strings.Count(status, "[GNUPG:] GOODSIG ") != 2 || strings.Count(status, "[GNUPG:] VALIDSIG ") != 2 || strings.Contains(status, "BADSIG") ||
			!strings.Contains(status, string(p.author.certificate.fingerprint)) || !strings.Contains(status, string(p.approver.certificate.fingerprint)) ||
			!strings.Contains(status, "NOTATION_DATA statement-author") || !strings.Contains(status, "NOTATION_DATA statement-approval") {
			t.Errorf("gpg says\n%s", status)
		}
	}
	for _, s := range versions {
		asc, err := s.ManifestSignatures()
		if err != nil {
			t.Fatal(err)
		}
		bothGood(g.file("manifest.txt.asc", string(asc)), g.file("manifest.txt", string(s.Manifest)))
		for _, signed := range s.Texts {
			txt, err := signed.ClearSigned()
			if err != nil {
				t.Fatal(err)
			}
			asc, err := signed.Detached()
			if err != nil {
				t.Fatal(err)
			}
			file := g.file("en.txt", string(txt))
			bothGood(file)
			bothGood(g.file("en.md.asc", string(asc)), g.file("en.md", string(signed.Text)))
			if out := g.run("--decrypt", file); !bytes.Equal(out, signed.Text) {
				t.Errorf("gpg returns\n%s\nfor\n%s", out, signed.Text)
			}
			altered := g.file("en.md", strings.Replace(string(signed.Text), "title: ", "title: Not ", 1))
			if _, _, err := g.try("--verify", g.file("en.md.asc", string(asc)), altered); err == nil {
				t.Error("gpg takes an altered text")
			}
		}
	}
	// The longest line, and a text that is as long as it may be.
	d := testStatementDraft()
	d.Languages = []StatementLanguage{{Language: "en", Title: "Long", Body: strings.Repeat("a", MaxStatementLine) + "\n" + strings.Repeat("- b\n", 7000)}}
	s := p.endorse(t, p.prepare(t, d, nil, submittedAt), nil, endorsedAt)
	txt, err := s.Texts[0].ClearSigned()
	if err != nil {
		t.Fatal(err)
	}
	bothGood(g.file("en.txt", string(txt)))
	if _, err := p.pin.VerifyStatementText(txt, p.staff(), readAt); err != nil {
		t.Error(err)
	}
}

// Every octet of everything that is signed, and of every signature.
func TestEveryChangedOctetOfAStatementIsNoticed(t *testing.T) {
	p := newPress(t)
	d := testStatementDraft()
	d.Languages = d.Languages[:1]
	s := p.publish(t, d, nil, submittedAt).Signed()
	fails := func(what string, at int, s SignedStatement) {
		t.Helper()
		if v, err := p.pin.VerifyStatement(s, nil, p.staff(), readAt); err == nil || v != nil {
			t.Errorf("octet %d of the %s may be changed", at, what)
		}
	}
	flip := func(what string, data []byte, set func(s *SignedStatement, changed []byte)) {
		raw, armored := data, isArmored(data) && !bytes.HasPrefix(data, []byte("valise"))
		if armored {
			var err error
			if raw, err = dearmor(armorSignature, data); err != nil {
				t.Fatal(err)
			}
		}
		for at := range raw {
			changed := bytes.Clone(raw)
			changed[at] ^= 1
			if armored {
				changed = []byte(armor(armorSignature, changed))
			}
			c := s.clone()
			set(&c, changed)
			fails(what, at, c)
		}
	}
	flip("manifest", s.Manifest, func(s *SignedStatement, b []byte) { s.Manifest = b })
	flip("author's signature", s.AuthorSignature, func(s *SignedStatement, b []byte) { s.AuthorSignature = b })
	flip("approver's signature", s.ApproverSignature, func(s *SignedStatement, b []byte) { s.ApproverSignature = b })
	flip("text", s.Texts[0].Text, func(s *SignedStatement, b []byte) { s.Texts[0].Text = b })
	for i, name := range []string{"author's clear signature", "author's detached signature", "approver's clear signature", "approver's detached signature"} {
		of := func(s *SignedStatement) *[]byte {
			t := &s.Texts[0]
			return []*[]byte{&t.Author.Clear, &t.Author.Detached, &t.Approver.Clear, &t.Approver.Detached}[i]
		}
		flip(name, *of(&s), func(s *SignedStatement, b []byte) { *of(s) = b })
	}
}

// What a lying server, or one of the two signers alone, could try.
func TestForgedStatementsAreRefused(t *testing.T) {
	p := newPress(t)
	versions, verified := p.history(t)
	original, correction, withdrawal := versions[0], versions[1], versions[2]
	another := p.publish(t, testStatementDraft(), nil, submittedAt).Signed()
	refuse := func(what string, s SignedStatement, previous *VerifiedStatement, want string) {
		t.Helper()
		v, err := p.pin.VerifyStatement(s, previous, p.staff(), readAt)
		if v != nil {
			t.Errorf("%s: verified", what)
		}
		wantError(t, err, want)
	}
	change := func(s SignedStatement, how func(*SignedStatement)) SignedStatement {
		s = s.clone()
		how(&s)
		return s
	}

	// The approval.
	refuse("not approved", change(original, func(s *SignedStatement) { s.ApproverSignature = nil }), nil, "not been approved")
	refuse("the author's signature as approval", change(original, func(s *SignedStatement) { s.ApproverSignature = s.AuthorSignature }), nil, "another purpose")
	refuse("an approval of the manifest only", change(original, func(s *SignedStatement) { s.Texts[1].Approver = TextSignatures{} }), nil, "over the text in fr")
	refuse("an author of the manifest only", change(original, func(s *SignedStatement) { s.Texts[1].Author = TextSignatures{} }), nil, "over the text in fr")
	refuse("another statement's approval", change(original, func(s *SignedStatement) { s.ApproverSignature = another.ApproverSignature }), nil, "does not hold")
	refuse("another version's approval", change(correction, func(s *SignedStatement) { s.ApproverSignature = original.ApproverSignature }), verified[0], "does not hold")
	refuse("another language's approval", change(original, func(s *SignedStatement) { s.Texts[0].Approver = s.Texts[1].Approver }), nil, "does not hold")
	refuse("another version's approval of a text", change(correction, func(s *SignedStatement) { s.Texts[0].Approver = original.Texts[0].Approver }), verified[0], "does not hold")
	refuse("clear and detached signature exchanged", change(original, func(s *SignedStatement) {
		s.Texts[0].Approver.Clear, s.Texts[0].Approver.Detached = s.Texts[0].Approver.Detached, s.Texts[0].Approver.Clear
	}), nil, "something else was signed")

	// The texts.
	refuse("a language dropped", change(original, func(s *SignedStatement) { s.Texts = s.Texts[:2] }), nil, "the text in ar is missing")
	refuse("a language twice", change(original, func(s *SignedStatement) { s.Texts = append(s.Texts, s.Texts[0]) }), nil, "there are 4 texts")
	refuse("another statement's text", change(original, func(s *SignedStatement) { s.Texts[1] = another.Texts[1] }), nil, "the text in fr is missing, or it is not the one")
	refuse("another version's text", change(correction, func(s *SignedStatement) { s.Texts[1] = original.Texts[1] }), verified[0], "the text in fr is missing")
	if _, err := p.pin.VerifyStatement(change(original, func(s *SignedStatement) { slices.Reverse(s.Texts) }), nil, p.staff(), readAt); err != nil {
		t.Errorf("the order in which texts come matters: %v", err)
	}

	// The versions.
	refuse("a correction alone", correction, nil, "only together with version 1")
	refuse("an original behind another version", original, verified[0], "can't follow another")
	refuse("a version left out", withdrawal, verified[0], "one missing")
	refuse("a version behind itself", correction, verified[1], "one missing, or they are in another order")
	refuse("another statement's version", correction, p.check(t, another, nil), "can't follow one of")
	for _, order := range [][]SignedStatement{nil, {correction}, {correction, original}, {original, withdrawal}, {original, correction, correction}, {original, original}} {
		if v, err := p.pin.VerifyStatementVersions(order, p.staff(), readAt); err == nil || v != nil {
			t.Errorf("%d versions in a wrong order verify", len(order))
		}
	}
	// Two versions 1 of one number: the second can't be what was corrected.
	twin := testStatementDraft()
	twin.Statement = verified[0].Manifest().Statement
	refuse("a correction of another version 1", correction, p.publish(t, twin, nil, submittedAt), "replaces another version 1")

	// Staff and clocks.
	stranger := newPress(t)
	refuse("another institution", stranger.publish(t, testStatementDraft(), nil, submittedAt).Signed(), nil, "another institution")
	if v, err := p.pin.VerifyStatement(original, nil, p.staff()[:1], readAt); err == nil || v != nil {
		t.Error("verified without the approver's certificate")
	}
	if v, err := p.pin.VerifyStatement(original, nil, p.staff(), submittedAt.Add(-time.Hour)); err == nil || v != nil {
		t.Error("verified before it was signed")
	}
}

// Whoever signs a manifest of their own making can't make it bind what doesn't fit.
func TestManifestsThatDoNotFitTheirTextsAreRefused(t *testing.T) {
	p := newPress(t)
	original := p.publish(t, testStatementDraft(), nil, submittedAt)
	m := *original.Manifest()
	for what, test := range map[string]struct {
		manifest func(*StatementManifest)
		text     func(i int, text *StatementText)
		want     string
	}{
		"texts exchanged": {manifest: func(m *StatementManifest) {
			m.Texts[0].SHA256, m.Texts[1].SHA256 = m.Texts[1].SHA256, m.Texts[0].SHA256
			m.Texts[0].Size, m.Texts[1].Size = m.Texts[1].Size, m.Texts[0].Size
		}, want: "exchanged"},
		"languages in another order": {manifest: func(m *StatementManifest) { m.Texts[0], m.Texts[1] = m.Texts[1], m.Texts[0] }, want: "list of languages"},
		"a language left out":        {manifest: func(m *StatementManifest) { m.Texts = m.Texts[:2] }, want: "list of languages"},
		"another time":               {manifest: func(m *StatementManifest) { m.PublishAt = m.PublishAt.Add(time.Minute) }, want: "time of publication"},
		"the same time elsewhere":    {manifest: func(m *StatementManifest) { m.PublishAt = m.PublishAt.UTC() }, want: "time of publication"},
		"another number":             {manifest: func(m *StatementManifest) { m.Statement = NewNumber(KindStatement) }, want: "another number"},
		"another topic":              {text: func(i int, text *StatementText) { text.Topic = []string{"a", "b", "b"}[i] }, want: "another topic"},
		"another series":             {text: func(i int, text *StatementText) { text.Series = []Number{text.Series, "", ""}[i] }, want: "another series"},
		"another salt":               {text: func(i int, text *StatementText) { text.Salt = NewContentSalt() }, want: "another salt"},
		"another attachment":         {text: func(i int, text *StatementText) { text.Attachments = text.Attachments[:min(i, 1)] }, want: "list of attachments"},
		"a version of its own": {text: func(i int, text *StatementText) {
			text.Version, text.Kind, text.Reason, text.ReplacesSHA256 = 2, StatementCorrection, "why", sha256Hex(nil)
		}, want: "another version"},
	} {
		forged := m
		forged.Texts = slices.Clone(m.Texts)
		var texts [][]byte
		for i, text := range original.Texts() {
			changed := *text
			if test.text != nil {
				test.text(i, &changed)
			}
			encoded, err := changed.Encode()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			texts = append(texts, encoded)
			forged.Texts[i].SHA256, forged.Texts[i].Size = sha256Hex(encoded), len(encoded)
		}
		if test.manifest != nil {
			test.manifest(&forged)
		}
		encoded, err := forged.Encode()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		s := SignedStatement{Manifest: encoded}
		var author, approver []TextSignatures
		if s.AuthorSignature, author, err = signStatement(p.author, PurposeStatementAuthor, encoded, texts, submittedAt); err != nil {
			t.Fatal(err)
		}
		if s.ApproverSignature, approver, err = signStatement(p.approver, PurposeStatementApproval, encoded, texts, endorsedAt); err != nil {
			t.Fatal(err)
		}
		for i, text := range texts[:len(forged.Texts)] {
			s.Texts = append(s.Texts, SignedStatementText{text, author[i], approver[i]})
		}
		v, err := p.pin.VerifyStatement(s, nil, p.staff(), readAt)
		if v != nil {
			t.Errorf("%s: verified", what)
		}
		wantError(t, err, test.want)
	}
}

func TestWhoMaySignStatements(t *testing.T) {
	p := newPress(t)
	draft := testStatementDraft()
	s := p.prepare(t, draft, nil, submittedAt)
	submitted, err := p.pin.VerifyStatementSubmission(s, nil, p.staff(), endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	if submitted.Author().Name() != "Anna Meijer" || len(submitted.Texts()) != 3 {
		t.Errorf("submitted by %s", submitted.Author().Name())
	}
	for name, k := range map[string]*Key{"an approver": p.approver, "a registrar": p.registrar, "the root": p.root, "a representative": p.own} {
		if _, err := PrepareStatement(p.pin, k, draft, nil, submittedAt); err == nil {
			t.Errorf("%s writes a statement", name)
		}
	}
	both := p.hire(t, "Dora Both", RoleAuthor, RoleApprover)
	alias := p.hire(t, "dora  BOTH", RoleApprover)
	staff := append(p.staff(), both.Certificate(), alias.Certificate())
	own, err := PrepareStatement(p.pin, both, draft, nil, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	ownSubmitted, err := p.pin.VerifyStatementSubmission(own, nil, staff, endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"its author": both, "its author under another key": alias, "a registrar": p.registrar, "an author": p.author} {
		if _, err := ApproveStatement(p.pin, k, ownSubmitted, endorsedAt); err == nil {
			t.Errorf("%s approves a statement", name)
		}
		// And who signs nevertheless isn't believed.
		forged := own.clone()
		var texts [][]byte
		for _, t := range own.Texts {
			texts = append(texts, t.Text)
		}
		var signatures []TextSignatures
		if forged.ApproverSignature, signatures, err = signStatement(k, PurposeStatementApproval, own.Manifest, texts, endorsedAt); err != nil {
			t.Fatal(err)
		}
		for i := range forged.Texts {
			forged.Texts[i].Approver = signatures[i]
		}
		if v, err := p.pin.VerifyStatement(forged, nil, staff, readAt); err == nil || v != nil {
			t.Errorf("an approval by %s counts", name)
		}
		txt, err := forged.Texts[0].ClearSigned()
		if err != nil {
			t.Fatal(err)
		}
		if v, err := p.pin.VerifyStatementText(txt, staff, readAt); err == nil || v != nil {
			t.Errorf("an approval of a text by %s counts", name)
		}
	}
	if _, err := ApproveStatement(p.pin, p.approver, submitted, submittedAt.Add(-time.Hour)); err == nil {
		t.Error("approved before it was written")
	}
	if _, err := ApproveStatement(p.pin, p.approver, submitted, draft.Deadline); err == nil {
		t.Error("approved after its deadline")
	}
	// Two approvers, one for the manifest, one for a text.
	approved := p.endorse(t, s, nil, endorsedAt)
	second := p.hire(t, "Eva Second", RoleApprover)
	other, err := ApproveStatement(p.pin, second, submitted, endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	approved.Texts[2].Approver = other.Texts[2].Approver
	if _, err := p.pin.VerifyStatement(approved, nil, append(p.staff(), second.Certificate()), readAt); err == nil {
		t.Error("two approvers share one statement")
	}
	if _, err := p.pin.VerifyStatementSubmission(p.endorse(t, s, nil, endorsedAt), nil, p.staff(), readAt); err == nil {
		t.Error("an approved statement is submitted")
	}
	withV6, err := ParseArmoredKey(readVector(t, "rfc9580-v6-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = signStatement(withV6, PurposeStatementAuthor, s.Manifest, nil, submittedAt)
	wantError(t, err, "every GnuPG")
}

func TestDraftsThatCannotBeSubmitted(t *testing.T) {
	p := newPress(t)
	original := p.publish(t, testStatementDraft(), nil, submittedAt)
	withdrawal := p.publish(t, withdrawalOf(testStatementDraftOf(original)), original, publishedAt.Add(time.Hour))
	language := func(change func(*StatementLanguage)) func(*StatementDraft) {
		return func(d *StatementDraft) { change(&d.Languages[1]) }
	}
	for what, test := range map[string]struct {
		change   func(*StatementDraft)
		previous *VerifiedStatement
		want     string
	}{
		"no language":             {change: func(d *StatementDraft) { d.Languages = nil }, want: "1 to 10 languages"},
		"a language twice":        {change: language(func(l *StatementLanguage) { l.Language = "EN" }), want: "occurs twice"},
		"not a language":          {change: language(func(l *StatementLanguage) { l.Language = "French" + "x y" }), want: "tag of a language"},
		"no title":                {change: language(func(l *StatementLanguage) { l.Title = "" }), want: "title in fr"},
		"two lines of title":      {change: language(func(l *StatementLanguage) { l.Title = "a\nb" }), want: "title in fr"},
		"a header in the title":   {change: language(func(l *StatementLanguage) { l.Title = "a\ntopic: b" }), want: "title in fr"},
		"a title turned around":   {change: language(func(l *StatementLanguage) { l.Title = "a\u202eb" }), want: "title in fr"},
		"an invisible title":      {change: language(func(l *StatementLanguage) { l.Title = "a\u200bb" }), want: "title in fr"},
		"a long title":            {change: language(func(l *StatementLanguage) { l.Title = strings.Repeat("é", 201) }), want: "title in fr"},
		"no text":                 {change: language(func(l *StatementLanguage) { l.Body = " \n\n" }), want: "text in fr is missing"},
		"a control character":     {change: language(func(l *StatementLanguage) { l.Body = "a\x00b" }), want: "text in fr"},
		"a text turned around":    {change: language(func(l *StatementLanguage) { l.Body = "a\u202eb" }), want: "text in fr"},
		"a long text":             {change: language(func(l *StatementLanguage) { l.Body = strings.Repeat("a\n", MaxText/2+1) }), want: "text in fr"},
		"many lines":              {change: language(func(l *StatementLanguage) { l.Body = strings.Repeat("a\n", MaxStatementLines) }), want: "lines"},
		"a long line":             {change: language(func(l *StatementLanguage) { l.Body = strings.Repeat("a", MaxStatementLine+1) }), want: "line of 16001 bytes"},
		"not UTF-8":               {change: language(func(l *StatementLanguage) { l.Body = "a\xff" }), want: "text in fr"},
		"a reason for nothing":    {change: language(func(l *StatementLanguage) { l.Reason = "why" }), want: "has no reason"},
		"no topic":                {change: func(d *StatementDraft) { d.Topic = "" }, want: "topic"},
		"a topic of words":        {change: func(d *StatementDraft) { d.Topic = "Press release" }, want: "topic"},
		"a series that is itself": {change: func(d *StatementDraft) { d.Series = d.Statement }, want: "itself"},
		"a series of notices":     {change: func(d *StatementDraft) { d.Series = NewNumber(KindNotice) }, want: "series"},
		"a notice's number":       {change: func(d *StatementDraft) { d.Statement = NewNumber(KindNotice) }, want: "number"},
		"a time that has passed":  {change: func(d *StatementDraft) { d.PublishAt = submittedAt.Add(-time.Minute) }, want: "has passed"},
		"a deadline for nobody":   {change: func(d *StatementDraft) { d.Acknowledge = nil }, want: "asks nobody"},
		"a deadline before":       {change: func(d *StatementDraft) { d.Deadline = publishedAt }, want: "not after the publication"},
		"asking the public":       {change: func(d *StatementDraft) { d.Acknowledge = []Kind{KindStatement} }, want: "States, organisations"},
		"an attachment's name":    {change: func(d *StatementDraft) { d.Attachments[0].Name = "../x" }, want: "attachment"},
		"an attachment's digest":  {change: func(d *StatementDraft) { d.Attachments[0].SHA256 = "x" }, want: "SHA-256"},
		"an attachment's type":    {change: func(d *StatementDraft) { d.Attachments[0].Type = "text/html; x" }, want: "type of the attachment"},
		"an attachment's size":    {change: func(d *StatementDraft) { d.Attachments[0].Size = MaxAttachmentsSize + 1 }, want: "at most 25 MiB"},
		"an attachment twice":     {change: func(d *StatementDraft) { d.Attachments = append(d.Attachments, d.Attachments[0]) }, want: "two attachments"},
		"a correction of nothing": {change: func(d *StatementDraft) { d.Kind = StatementCorrection }, want: "needs the version"},
		"another kind":            {change: func(d *StatementDraft) { d.Kind = "draft" }, want: "needs the version"},

		"an original of what is there":     {previous: original, want: "published already"},
		"a correction of another number":   {change: func(d *StatementDraft) { *d = *correctionOf(d) }, previous: original, want: "can't follow one of"},
		"a correction without a reason":    {change: correcting(original, func(d *StatementDraft) { d.Languages[1].Reason = "" }), previous: original, want: "reason of the correction is missing in fr"},
		"the reason none":                  {change: correcting(original, func(d *StatementDraft) { d.Languages[1].Reason = "none" }), previous: original, want: "reason in fr"},
		"a reason turned around":           {change: correcting(original, func(d *StatementDraft) { d.Languages[1].Reason = "a\u2067b" }), previous: original, want: "reason in fr"},
		"a correction without a language":  {change: correcting(original, func(d *StatementDraft) { d.Languages = d.Languages[:2] }), previous: original, want: "missing in ar"},
		"a correction that comes before":   {change: correcting(original, func(d *StatementDraft) { d.PublishAt = publishedAt.Add(-time.Hour) }), previous: original, want: "before version 1"},
		"a correction of what is no more":  {change: correcting(original, func(d *StatementDraft) { d.PublishAt = readAt; d.Deadline = readAt.Add(time.Hour) }), previous: withdrawal, want: "was withdrawn"},
		"a withdrawal with a text":         {change: correcting(original, func(d *StatementDraft) { *d = *withdrawalOf(d); d.Languages[0].Body = "text" }), previous: original, want: "has no text"},
		"a withdrawal with an attachment":  {change: correcting(original, func(d *StatementDraft) { a := d.Attachments; *d = *withdrawalOf(d); d.Attachments = a }), previous: original, want: "no attachments"},
		"a previous that was not verified": {previous: &VerifiedStatement{}, want: "no verified statement"},
	} {
		d := testStatementDraft()
		if test.change != nil {
			test.change(d)
		}
		s, err := PrepareStatement(p.pin, p.author, d, test.previous, submittedAt)
		if s.Manifest != nil || err == nil {
			t.Errorf("%s: submitted", what)
			continue
		}
		t.Run(what, func(t *testing.T) { wantError(t, err, test.want) })
	}
	// As soon as it is approved, with a number that is drawn.
	d := testStatementDraft()
	d.PublishAt, d.Statement, d.Kind = time.Time{}, "", StatementOriginal
	if v := p.publish(t, d, nil, submittedAt); !v.Manifest().PublishAt.Equal(submittedAt) || v.Manifest().Statement.Kind() != KindStatement {
		t.Errorf("%+v", v.Manifest())
	}
}

// testStatementDraftOf is the draft of a version with the same number.
func testStatementDraftOf(v *VerifiedStatement) *StatementDraft {
	d := testStatementDraft()
	d.Statement = v.Manifest().Statement
	return d
}

func correcting(v *VerifiedStatement, change func(*StatementDraft)) func(*StatementDraft) {
	return func(d *StatementDraft) {
		*d = *correctionOf(testStatementDraftOf(v))
		change(d)
	}
}

func TestStatementsAreAcknowledged(t *testing.T) {
	p := newPress(t)
	v := p.publish(t, testStatementDraft(), nil, submittedAt)
	other := p.publish(t, testStatementDraft(), nil, submittedAt)
	nonce, at := NewNonce(), publishedAt.Add(time.Hour)
	receipt, err := AcknowledgeStatement(v, p.own, p.representative, DecisionAcknowledged, nonce, at)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := VerifyStatementReceipt(receipt, v, p.own.Certificate(), readAt)
	if err != nil {
		t.Fatal(err)
	}
	if a := verified.Acknowledgement(); a.Representative != p.representative || a.SessionNonce != nonce || a.ManifestSHA256 != v.SHA256() || !bytes.Equal(verified.Bytes(), receipt) {
		t.Errorf("%+v", a)
	}
	g := newGPG(t)
	g.run("--import", g.file("own.asc", p.own.Certificate().Armor()))
	g.run("--verify", g.file("receipt.txt", string(receipt)))

	// A text that was signed without a purpose, as gpg --clearsign does.
	if _, err := VerifyStatementReceipt([]byte(mustClearSign(t, p.own, "x\n")), v, p.own.Certificate(), readAt); err == nil {
		t.Error("a log-in is a receipt")
	}
	_, err = VerifyStatementReceipt(receipt, other, p.own.Certificate(), readAt)
	wantError(t, err, "another statement")
	_, err = VerifyStatementReceipt(receipt, v, p.issued.Certificate(), readAt)
	wantError(t, err, "another key")
	_, err = VerifyStatementReceipt(receipt, v, p.own.Certificate(), at.Add(-time.Hour))
	wantError(t, err, "future")
	text, err := ReadClearSigned(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseAcknowledgement(text); err == nil {
		t.Error("it is taken for that of a notice")
	}
	sign := func(change func(*StatementAcknowledgement)) []byte {
		a := *verified.Acknowledgement()
		change(&a)
		text, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := ClearSign(p.own, PurposeStatementAcknowledgement, text, a.Time)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	for what, change := range map[string]func(*StatementAcknowledgement){
		"another institution":     func(a *StatementAcknowledgement) { a.Institution = testFingerprint },
		"version 2":               func(a *StatementAcknowledgement) { a.Version = 2 },
		"another manifest":        func(a *StatementAcknowledgement) { a.ManifestSHA256 = sha256Hex(nil) },
		"names the certificate":   func(a *StatementAcknowledgement) { a.Certificate = testFingerprint },
		"not that of":             func(a *StatementAcknowledgement) { a.Representative.Ordinal++ },
		"before":                  func(a *StatementAcknowledgement) { a.Time = publishedAt.UTC().Add(-time.Hour) },
		"does not ask I-":         func(a *StatementAcknowledgement) { a.Representative.Mailbox = NewNumber(KindIndividual) },
		"is for another statemen": func(a *StatementAcknowledgement) { a.Statement = NewNumber(KindStatement) },
	} {
		r, err := VerifyStatementReceipt(sign(change), v, p.own.Certificate(), readAt)
		if r != nil {
			t.Errorf("%s: a receipt", what)
		}
		wantError(t, err, what)
	}
	for what, test := range map[string]struct {
		v  *VerifiedStatement
		k  *Key
		as Representative
		at time.Time
	}{
		"before it is published": {v, p.own, p.representative, publishedAt.Add(-time.Second)},
		"by an individual":       {v, p.own, Representative{NewNumber(KindIndividual), 1}, at},
		"with another's key":     {v, p.author, p.representative, at},
		"without a key":          {v, nil, p.representative, at},
		"of nothing":             {nil, p.own, p.representative, at},
		"of a zero value":        {&VerifiedStatement{}, p.own, p.representative, at},
	} {
		if _, err := AcknowledgeStatement(test.v, test.k, test.as, DecisionAcknowledged, nonce, test.at); err == nil {
			t.Errorf("acknowledged %s", what)
		}
	}
}

func TestDraftsAreSealedToTheDesk(t *testing.T) {
	p := newPress(t)
	var desk []*Staff
	for _, k := range []*Key{p.author, p.approver} {
		member, err := p.pin.VerifyStaff(k.Certificate(), submittedAt)
		if err != nil {
			t.Fatal(err)
		}
		desk = append(desk, member)
	}
	d := testStatementDraft()
	sealed, err := SealStatementDraft(d, p.author, desk, submittedAt)
	if err != nil || CheckRecord(sealed) != nil {
		t.Fatal(err, CheckRecord(sealed))
	}
	longer := testStatementDraft()
	longer.Languages[0].Body += "A few words more.\n"
	// A number in the signature that happens to begin with zeros is written shorter (RFC 9580, section 3.2).
	const chance = 4
	if another, err := SealStatementDraft(longer, p.author, desk, submittedAt); err != nil || len(another)-len(sealed) > chance || len(sealed)-len(another) > chance {
		t.Errorf("the sealed size tells how much was written: %d, %d, %v", len(sealed), len(another), err)
	}
	for _, k := range []*Key{p.author, p.approver} {
		again, writer, err := p.pin.OpenStatementDraft(sealed, d.Statement, []*Key{k}, p.staff(), submittedAt)
		if err != nil || writer.Name() != "Anna Meijer" || !sameDraft(again, d) {
			t.Errorf("%+v by %v, %v", again, writer, err)
		}
	}
	_, _, err = p.pin.OpenStatementDraft(sealed, NewNumber(KindStatement), []*Key{p.author}, p.staff(), submittedAt)
	wantError(t, err, "mixed them up")
	if _, _, err := p.pin.OpenStatementDraft(sealed, d.Statement, []*Key{p.registrar}, p.staff(), submittedAt); err == nil {
		t.Error("somebody else opens a draft")
	}
	byRegistrar, err := SealStatementDraft(d, p.registrar, desk, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.pin.OpenStatementDraft(byRegistrar, d.Statement, []*Key{p.author}, p.staff(), submittedAt)
	wantError(t, err, "neither author nor approver")
	details, err := SealRecord([]byte("x"), p.author, PurposeDetails, []*Certificate{p.author.Certificate()}, submittedAt)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.pin.OpenStatementDraft(details, d.Statement, []*Key{p.author}, p.staff(), submittedAt)
	wantError(t, err, "another purpose")
}

func sameDraft(a, b *StatementDraft) bool {
	x, err := a.Encode()
	y, err2 := b.Encode()
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

func TestDraftsAreStrict(t *testing.T) {
	encoded, err := testStatementDraft().Encode()
	if err != nil || len(encoded)%draftPadding != 0 {
		t.Fatal(len(encoded), err)
	}
	text := string(encoded)
	pad := func(s string) string {
		s = strings.TrimRight(s, " ")
		return s + strings.Repeat(" ", (draftPadding-len(s)%draftPadding)%draftPadding)
	}
	for what, hostile := range map[string]string{
		"nothing": "", "not padded": strings.TrimRight(text, " "), "padded twice": text + strings.Repeat(" ", draftPadding),
		"an unknown name":  pad(strings.Replace(text, `{"form"`, `{"more":1,"form"`, 1)),
		"a name twice":     pad(strings.Replace(text, `"topic":"security"`, `"topic":"a","topic":"security"`, 1)),
		"another spelling": pad(strings.Replace(text, `"topic":`, `"topic": `, 1)),
		"another version":  pad(strings.Replace(text, "draft v1", "draft v2", 1)),
		"no revision":      pad(strings.Replace(text, `"revision":7`, `"revision":0`, 1)),
		"no time":          pad(strings.Replace(text, "2026-01-16T11:00:00+01:00", "2026-01-16", 1)),
		"asking anybody":   pad(strings.Replace(text, `"states organisations"`, `"organisations states"`, 1)),
		"too large":        strings.Repeat(" ", MaxStatementDraftSize+draftPadding),
	} {
		if hostile == text {
			t.Fatalf("%s: nothing was changed", what)
		}
		if d, err := ParseStatementDraft([]byte(hostile)); err == nil || d != nil {
			t.Errorf("%s: read", what)
		}
	}
	if d, err := ParseStatementDraft(encoded); err != nil || !sameDraft(d, testStatementDraft()) && d.Topic != "security" {
		t.Errorf("%+v, %v", d, err)
	}
	// Hardly begun.
	if encoded, err := (&StatementDraft{Statement: NewNumber(KindStatement), Revision: 1}).Encode(); err != nil || len(encoded) != draftPadding {
		t.Errorf("an empty draft: %d, %v", len(encoded), err)
	}
	d := testStatementDraft()
	d.Languages[0].Body = "\xff"
	if _, err := d.Encode(); err == nil {
		t.Error("JSON replaced something in a draft")
	}
}

// Anything that people may write comes back.
func TestStatementTextsComeBack(t *testing.T) {
	characters := rapid.StringOf(rapid.SampledFrom([]rune("aé漢ع-:=# \t\n\\*\"'<>&\u00a0\u200f\U0001f50f")))
	rapid.Check(t, func(t *rapid.T) {
		body := TidyStatementBody(characters.Draw(t, "body"))
		if TidyStatementBody(body) != body {
			t.Fatalf("%q is tidied to %q", body, TidyStatementBody(body))
		}
		want := &StatementText{
			Institution: testFingerprint, Statement: NewNumber(KindStatement), Version: 1, Kind: StatementOriginal,
			Language: "fr", Languages: []string{"en", "fr"}, Title: strings.Join(strings.Fields("t "+strings.ReplaceAll(characters.Draw(t, "title"), "\u200f", "")), " "),
			Topic: "a-1", PublishAt: noon, Salt: NewContentSalt(), Body: body,
		}
		for range rapid.IntRange(0, 3).Draw(t, "attachments") {
			want.Attachments = append(want.Attachments, AttachmentOf(randomHex(4)+" a b", "text/plain", []byte(body)))
		}
		text, err := want.Encode()
		if body == "" {
			if err == nil {
				t.Fatal("a statement without a text")
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		got, err := ParseStatementText(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("read %+v, written %+v, %v", got, want, err)
		}
		if err := checkSignable(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func testStatementManifest() *StatementManifest {
	return &StatementManifest{
		Institution: testFingerprint, Statement: NewNumber(KindStatement), Version: 2, Kind: StatementCorrection, PreviousSHA256: sha256Hex([]byte("before")),
		Author: testFingerprint, Created: noon, PublishAt: publishedAt, Acknowledge: []Kind{KindState, KindIndividual}, Deadline: readAt,
		Texts: []StatementTextRef{{"en", sha256Hex([]byte("en")), 2000}, {"zh-Hant", sha256Hex([]byte("zh")), 1}},
	}
}

func TestStatementFormatsHaveOneSpelling(t *testing.T) {
	text := &StatementText{
		Institution: testFingerprint, Statement: NewNumber(KindStatement), Version: 2, Kind: StatementCorrection, Language: "fr", Languages: []string{"en", "fr"},
		Title: "T", Topic: "t", Series: NewNumber(KindStatement), PublishAt: publishedAt, Reason: "why", ReplacesSHA256: sha256Hex(nil), Salt: NewContentSalt(),
		Attachments: []StatementAttachment{AttachmentOf("a b.pdf", "application/pdf", nil)}, Body: "body: x\n",
	}
	acknowledgement := &StatementAcknowledgement{
		Institution: testFingerprint, Statement: NewNumber(KindStatement), Version: 1, ManifestSHA256: sha256Hex(nil),
		Representative: Representative{NewNumber(KindState), 1}, Certificate: testFingerprint, Decision: DecisionAcknowledged, Time: noon, SessionNonce: testNonce,
	}
	for _, f := range []aText{
		format("statement", text, (*StatementText).Encode, ParseStatementText, false),
		format("statement's manifest", testStatementManifest(), (*StatementManifest).Encode, ParseStatementManifest, false),
		format("statement's acknowledgement", acknowledgement, (*StatementAcknowledgement).Encode, ParseStatementAcknowledgement, true),
	} {
		t.Run(f.name, func(t *testing.T) {
			_, text, err := f.encode()
			if err != nil {
				t.Fatal(err)
			}
			v, err := f.parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := f.write(v); err != nil || !bytes.Equal(again, text) {
				t.Fatalf("comes back as %q, %v", again, err)
			}
			head, body, _ := strings.Cut(string(text), "\n\n")
			lines := strings.SplitAfter(strings.TrimSuffix(head, "\n"), "\n")
			for i := range lines {
				if strings.HasPrefix(lines[i], "text: ") || strings.HasPrefix(lines[i], "attachment: ") {
					continue // any number of them
				}
				for what, change := range map[string]func(string) string{
					"dropped": func(string) string { return "" }, "twice": func(l string) string { return strings.TrimSuffix(l, "\n") + "\n" + l },
					"an empty line before": func(l string) string { return "\n" + l }, "a space before": func(l string) string { return " " + l },
					"two spaces": func(l string) string { return strings.Replace(l, " ", "  ", 1) }, "capitals": strings.ToUpper,
					"no value": func(l string) string { key, _, _ := strings.Cut(l, ":"); return key + ": \n" },
				} {
					l := slices.Clone(lines)
					l[i] = change(l[i])
					hostile := strings.Join(l, "") + strings.TrimPrefix(string(text), strings.Join(lines, ""))
					if hostile == string(text) || strings.HasPrefix(lines[i], "title: ") && what == "capitals" || strings.HasPrefix(lines[i], "reason: ") && what == "capitals" {
						continue
					}
					if v, err := f.parse([]byte(hostile)); err == nil {
						t.Errorf("line %d %s: read as %+v", i+1, what, v)
					}
				}
			}
			for _, hostile := range []string{"", string(text) + "\n", strings.TrimSuffix(string(text), "\n") + " \n", strings.ReplaceAll(string(text), "\n", "\r\n"), "\ufeff" + string(text), string(text) + "\xff", head + "\n\n\n" + body} {
				if v, err := f.parse([]byte(hostile)); err == nil && !f.byHand {
					t.Errorf("read as %+v:\n%q", v, hostile)
				}
			}
		})
	}
}

func TestNoStatementsGiveErrors(t *testing.T) {
	p := newPress(t)
	d := testStatementDraft()
	s := p.prepare(t, d, nil, submittedAt)
	v := p.check(t, p.endorse(t, s, nil, endorsedAt), nil)
	txt, err := v.Signed().Texts[0].ClearSigned()
	if err != nil {
		t.Fatal(err)
	}
	asc, err := v.Signed().Texts[0].Detached()
	if err != nil {
		t.Fatal(err)
	}
	submitted, err := p.pin.VerifyStatementSubmission(s, nil, p.staff(), endorsedAt)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]func() error{
		"an empty draft":         func() error { _, err := PrepareStatement(p.pin, p.author, &StatementDraft{}, nil, noon); return err },
		"no draft":               func() error { _, err := PrepareStatement(p.pin, p.author, nil, nil, noon); return err },
		"nothing sealed":         func() error { _, err := SealStatementDraft(nil, p.author, nil, noon); return err },
		"no submission":          func() error { _, err := ApproveStatement(p.pin, p.approver, nil, noon); return err },
		"a zero submission":      func() error { _, err := ApproveStatement(p.pin, p.approver, &SubmittedStatement{}, noon); return err },
		"a zero signed":          func() error { _, err := p.pin.VerifyStatement(SignedStatement{}, nil, p.staff(), noon); return err },
		"nothing encoded":        func() error { _, err := SignedStatement{}.Encode(); return err },
		"no file":                func() error { _, err := SignedStatementText{}.ClearSigned(); return err },
		"no detached":            func() error { _, err := SignedStatementText{}.Detached(); return err },
		"no manifest":            func() error { _, err := SignedStatement{}.ManifestSignatures(); return err },
		"a zero text":            func() error { _, err := (&StatementText{}).Encode(); return err },
		"a zero manifest":        func() error { _, err := (&StatementManifest{}).Encode(); return err },
		"a zero acknowledgement": func() error { _, err := (&StatementAcknowledgement{}).Encode(); return err },
		"a zero draft":           func() error { _, err := (&StatementDraft{}).Encode(); return err },
		"no receipt":             func() error { _, err := VerifyStatementReceipt(nil, v, p.own.Certificate(), noon); return err },
		"a receipt of nothing":   func() error { _, err := VerifyStatementReceipt(nil, nil, p.own.Certificate(), noon); return err },
		"by nobody":              func() error { _, err := VerifyStatementReceipt(nil, v, &Certificate{}, noon); return err },
		"an attachment":          func() error { return (&VerifiedStatement{}).CheckAttachment("a", nil) },
		"a text's attachment":    func() error { return (*VerifiedStatementText)(nil).CheckAttachment("a", nil) },
		"staff that is none": func() error {
			_, err := p.pin.VerifyStatement(v.Signed(), nil, []*Certificate{nil, {}}, readAt)
			return err
		},
		"a desk that is none": func() error { _, err := SealStatementDraft(d, p.author, []*Staff{nil, {}}, noon); return err },
		"a writer that is none": func() error {
			_, err := SealStatementDraft(d, &Key{}, nil, noon)
			return err
		},
	} {
		if err() == nil {
			t.Errorf("%s succeeds", name)
		}
	}
	for _, zero := range []*Root{nil, {}} {
		for name, err := range map[string]func() error{
			"VerifyStatement":           func() error { _, err := zero.VerifyStatement(v.Signed(), nil, p.staff(), readAt); return err },
			"VerifyStatementSubmission": func() error { _, err := zero.VerifyStatementSubmission(s, nil, p.staff(), readAt); return err },
			"VerifyStatementText":       func() error { _, err := zero.VerifyStatementText(txt, p.staff(), readAt); return err },
			"VerifyStatementFile":       func() error { _, err := zero.VerifyStatementFile(s.Texts[0].Text, asc, p.staff(), readAt); return err },
			"PrepareStatement":          func() error { _, err := PrepareStatement(zero, p.author, d, nil, noon); return err },
			"ApproveStatement":          func() error { _, err := ApproveStatement(zero, p.approver, submitted, noon); return err },
			"OpenStatementDraft":        func() error { _, _, err := zero.OpenStatementDraft(nil, d.Statement, nil, nil, noon); return err },
		} {
			if err() == nil {
				t.Errorf("%s of no root succeeds", name)
			}
		}
	}
	for _, zero := range []*Key{nil, {}} {
		if _, err := PrepareStatement(p.pin, zero, d, nil, noon); err == nil {
			t.Error("nobody writes a statement")
		}
		if _, err := ApproveStatement(p.pin, zero, submitted, noon); err == nil {
			t.Error("nobody approves a statement")
		}
	}
	if zero := (&VerifiedStatement{}); zero.Due(readAt) || zero.Manifest() != nil || len(zero.Texts()) != 0 || zero.Text("en") != nil || len(zero.Attachments()) != 0 || zero.Approver() != nil {
		t.Error("a zero statement says something")
	}
}
