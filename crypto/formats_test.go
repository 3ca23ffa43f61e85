package crypto

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// docs/formats.md shows real examples, which lie in docs/example. This test holds
// them, the page and the parsers together, and runs the page's commands.

var update = flag.Bool("update", false, "make the examples of docs/formats.md anew")

const (
	formatsPage   = "../docs/formats.md"
	exampleFolder = "../docs/example"
)

func TestFormatsPage(t *testing.T) {
	if *update {
		makeExamples(t)
	}
	page, err := os.ReadFile(formatsPage)
	if err != nil {
		t.Fatal(err)
	}
	shown := checkShownFiles(t, string(page))
	for _, name := range []string{"login.txt.asc", "audience.txt", "membership.txt", "content.eml", "heading.txt", "personal.eml", "manifest.txt", "notice.txt", "receipt.txt.asc", "bundle.txt", "claim-code.txt",
		"statement-en.txt", "statement-manifest.txt", "statement-receipt.txt.asc", "contact.txt.asc", "contact-note.json"} {
		if !shown[name] {
			t.Errorf("the page does not show %s", name)
		}
	}
	verifyExamples(t)
	runCommands(t, string(page))
}

var shownFile = regexp.MustCompile("(?s)<!-- example/([a-z.-]+) -->\n```[a-z]*\n(.*?)```\n")

// checkShownFiles compares what the page shows with the files.
func checkShownFiles(t *testing.T, page string) map[string]bool {
	t.Helper()
	shown := map[string]bool{}
	for _, match := range shownFile.FindAllStringSubmatch(page, -1) {
		shown[match[1]] = true
		if match[2] != asShown(readExample(t, match[1])) {
			t.Errorf("the page shows another %s than the file: run go test ./crypto -run TestFormatsPage -update", match[1])
		}
	}
	return shown
}

func readExample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(exampleFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// asShown is a file with LF line ends, and with long armor shortened.
func asShown(file []byte) string {
	text := strings.ReplaceAll(string(file), "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	var out strings.Builder
	inArmor := 0
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "-----BEGIN PGP PRIVATE") || strings.HasPrefix(line, "-----BEGIN PGP PUBLIC"):
			inArmor = 1
		case strings.HasPrefix(line, armorEnd):
			inArmor = 0
		case inArmor > 0:
			inArmor++
		}
		switch {
		case inArmor == 4:
			out.WriteString("…\n")
		case inArmor < 4:
			out.WriteString(line)
		}
	}
	return out.String()
}

// verifyExamples does with the files what recipients, and strangers, do.
func verifyExamples(t *testing.T) {
	t.Helper()
	certificate := func(name string) *Certificate { return mustParse(t, readExample(t, name)) }
	now := acknowledgedAt.Add(time.Hour)
	root := certificate("root.asc")
	pinned, err := OpenRoot(Pin{root.Fingerprint()}, root.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	staff := []*Certificate{certificate("author.asc"), certificate("approver.asc"), certificate("registrar.asc")}
	r := Representative{"S-7K2M9QXD", 2}
	recipient, err := pinned.VerifyRepresentative(staff, []*Certificate{certificate("issued.asc"), certificate("own.asc")}, r, now)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ParseSignedManifest(readExample(t, "notice.txt"))
	if err != nil || !bytes.Equal(signed.Manifest, readExample(t, "manifest.txt")) {
		t.Fatalf("notice.txt and manifest.txt: %v", err)
	}
	v, err := pinned.VerifyManifest(signed, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	audience, err := v.CheckAudience(readExample(t, "audience.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shown := readExample(t, "membership.txt")
	if m, err := v.CheckMembership(shown); err != nil || m.Member.Representative != r || m.Member.Certificate != recipient.Certificate().Fingerprint() || !bytes.Equal(shown, mustProve(t, audience, r)) {
		t.Errorf("membership.txt: %+v, %v", m, err)
	}
	own, err := ParseArmoredKey(readExample(t, "own-private-key.asc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	envelope, body, err := SplitMessage(readExample(t, "message.asc"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := OpenNotice(v, envelope, body, []*Key{own})
	if err != nil {
		t.Fatal(err)
	}
	if again := mustEncode(t, o.Content()); !bytes.Equal(again, readExample(t, "content.eml")) {
		t.Error("content.eml is not what message.asc holds")
	}
	h, err := parseHeading(readExample(t, "heading.txt"))
	if err != nil || o.HeadingMatches(h) != nil {
		t.Errorf("heading.txt: %+v, %v", h, err)
	}
	envelope, part, err := SplitMessage(readExample(t, "personal.asc"))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := OpenPersonal(o, shown, envelope, part, []*Key{own}); err != nil || p.Empty() {
		t.Errorf("personal.asc: %+v, %v", p, err)
	}
	if _, err := VerifyReceipt(readExample(t, "receipt.txt.asc"), v, recipient.Certificate(), now); err != nil {
		t.Error(err)
	}
	contact, err := pinned.VerifyContact(readExample(t, "contact.txt.asc"), v, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	if c := contact.Contact(); c.Mailbox != r.Mailbox || c.NoteSHA256 != sha256Hex(bytes.TrimSuffix(readExample(t, "contact-note.json"), []byte("\n"))) {
		t.Errorf("contact.txt.asc: %+v", c)
	}
	text, _, err := VerifyClearSigned(recipient.Certificate(), PurposeLogIn, readExample(t, "login.txt.asc"), now)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := ParseLogIn(text); err != nil || l.As != r.String() {
		t.Errorf("login.txt.asc: %+v, %v", l, err)
	}
	verifyBundle(t, r, pinned)
	verifyStatementExamples(t, pinned, staff, recipient.Certificate(), readAt)
}

// verifyStatementExamples does with the statement's files what readers do.
func verifyStatementExamples(t *testing.T, root *Root, staff []*Certificate, own *Certificate, now time.Time) {
	t.Helper()
	s := SignedStatement{Manifest: readExample(t, "statement-manifest.txt")}
	var err error
	if s.AuthorSignature, s.ApproverSignature, err = SplitStatementSignatures(readExample(t, "statement-manifest.txt.asc")); err != nil {
		t.Fatal(err)
	}
	for _, language := range []string{"en", "fr"} {
		signed, err := ParseStatementFile(readExample(t, "statement-"+language+".txt"))
		if err != nil || !bytes.Equal(signed.Text, readExample(t, "statement-"+language+".md")) {
			t.Fatalf("%s: %v", language, err)
		}
		if signed.Author.Detached, signed.Approver.Detached, err = SplitStatementSignatures(readExample(t, "statement-"+language+".md.asc")); err != nil {
			t.Fatal(err)
		}
		s.Texts = append(s.Texts, signed)
	}
	v, err := root.VerifyStatement(s, nil, staff, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyStatementReceipt(readExample(t, "statement-receipt.txt.asc"), v, own, now); err != nil {
		t.Error(err)
	}
	if err := v.CheckAttachment("report.txt", readExample(t, "report.txt")); err != nil {
		t.Error(err)
	}
}

func verifyBundle(t *testing.T, r Representative, pinned *Root) {
	t.Helper()
	code, err := ParseClaimCode(string(readExample(t, "claim-code.txt")))
	if err != nil {
		t.Fatal(err)
	}
	locked := readExample(t, "bundle.pgp")
	salt, err := BundleSalt(locked)
	if err != nil {
		t.Fatal(err)
	}
	b, err := UnlockBundle(locked, mustSecrets(t, string(code), salt))
	if err != nil {
		t.Fatal(err)
	}
	text, err := b.encode()
	if err != nil || !bytes.Equal(text, readExample(t, "bundle.txt")) || b.Holder != r.String() || b.Pin.Fingerprint != pinned.Fingerprint() {
		t.Errorf("bundle.pgp holds %q, %v", text, err)
	}
}

// runCommands runs the page's commands, in order, on a copy of the examples.
func runCommands(t *testing.T, page string) {
	t.Helper()
	g := newGPG(t)
	g.file("gpg.conf", "batch\nno-tty\n")
	if err := os.CopyFS(filepath.Join(g.home, "example"), os.DirFS(exampleFolder)); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)\n```sh\n(.*?)```\n").FindAllStringSubmatch(page, -1)
	if len(blocks) < 8 {
		t.Errorf("the page has only %d blocks of commands", len(blocks))
	}
	for _, block := range blocks {
		cmd := exec.Command("sh", "-e", "-c", block[1])
		cmd.Dir = filepath.Join(g.home, "example")
		cmd.Env = append(os.Environ(), "GNUPGHOME="+g.home, "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\n%v\n%s", block[1], err, out)
		}
	}
}

// makeExamples writes the files, and the page's copies of them.
func makeExamples(t *testing.T) {
	t.Helper()
	o := newOffice(t)
	d := &dispatched{office: o, pin: o.pinned(t), keys: map[string]*Key{}}
	r := Representative{"S-7K2M9QXD", 2}
	o.representative = r
	o.issued = o.issue(t, o.registrar, ProfilePQ)
	o.own = o.succeed(t, o.issued, ProfileCompat)
	recipient, err := d.pin.VerifyRepresentative(o.staff(), o.chain(), r, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	d.addRecipient(t, Representative{"S-7K2M9QXD", 1}, ProfilePQ)
	d.recipients = append(d.recipients, recipient)
	d.keys[r.String()] = o.own
	draft := testDraft()
	draft.Attachments = []Attachment{{"Note verbale.txt", "text/plain", []byte("The Registry presents its compliments.\n")}}
	draft.Personal = map[Number][]PersonalText{r.Mailbox: {
		{"en", "Of the files of your delegation, **two** were read: NV-2025-114 and NV-2025-131.\n"},
		{"fr", "Parmi les dossiers de votre délégation, **deux** ont été lus : NV-2025-114 et NV-2025-131.\n"},
	}}
	if d.sealed, err = SealNotice(d.pin, o.author, draft, d.recipients, d.desk(t), sealedAt, nil); err != nil {
		t.Fatal(err)
	}
	signed := d.approve(t)
	evidence, err := signed.Encode()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := d.open(d.verify(t, signed), r.String())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := Acknowledge(opened, o.own, r, DecisionAcknowledged, NewNonce(), acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	logIn, err := (&LogIn{Origin: "https://portal.example", As: r.String(), Nonce: NewNonce(), Time: acknowledgedAt}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if logIn, err = ClearSign(o.own, PurposeLogIn, logIn, acknowledgedAt); err != nil {
		t.Fatal(err)
	}
	contact, note := exampleContact(t, d.pin, o, d.verify(t, signed), r.Mailbox)
	code := NewClaimCode()
	bundle := &Bundle{Holder: r.String(), Pin: Pin{d.pin.Fingerprint()}, Key: o.issued}
	bundleText, err := bundle.encode()
	if err != nil {
		t.Fatal(err)
	}
	audience, err := ParseAudience(d.sealed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	membership := mustProve(t, audience, r)
	e := d.envelope(t, r.String())
	part := d.part(t, r.Mailbox, e.Suite)
	session, err := Unwrap(e.Personal, o.own)
	if err != nil {
		t.Fatal(err)
	}
	personal, _, err := session.open(PurposePersonal, o.author.Certificate(), part, acknowledgedAt)
	if err != nil {
		t.Fatal(err)
	}
	files := makeStatementExamples(t, o, d.pin, r)
	maps.Copy(files, map[string][]byte{
		"root.asc": []byte(o.root.Certificate().Armor()), "author.asc": []byte(o.author.Certificate().Armor()),
		"approver.asc": []byte(o.approver.Certificate().Armor()), "registrar.asc": []byte(o.registrar.Certificate().Armor()),
		"issued.asc": []byte(o.issued.Certificate().Armor()), "own.asc": []byte(o.own.Certificate().Armor()),
		"own-private-key.asc": []byte(o.own.Armor()),
		"claim-code.txt":      []byte(code + "\n"), "bundle.txt": bundleText,
		"bundle.pgp":    mustLock(t, bundle, mustSecrets(t, string(code), NewSalt())),
		"login.txt.asc": logIn, "audience.txt": d.sealed.Audience, "membership.txt": membership, "manifest.txt": d.sealed.Manifest, "notice.txt": evidence,
		"message.asc": ArmorMessage(Message(e.Data, d.sealed.Bodies[e.Suite])),
		"content.eml": mustEncode(t, opened.Content()), "heading.txt": opened.Content().heading().encode(),
		"receipt.txt.asc": receipt, "contact.txt.asc": contact, "contact-note.json": note, "personal.eml": personal, "personal.asc": ArmorMessage(Message(e.Personal, part)),
	})
	writeExamples(t, files)
}

// exampleContact is a contact before the acknowledgement, and its note before it was sealed.
func exampleContact(t *testing.T, root *Root, o *office, v *VerifiedManifest, mailbox Number) (contact, note []byte) {
	t.Helper()
	at := time.Date(2026, 1, 15, 17, 20, 0, 0, time.FixedZone("", 3600))
	author, err := root.VerifyStaff(o.author.Certificate(), at)
	if err != nil {
		t.Fatal(err)
	}
	contact, sealed, err := SignContact(v, o.registrar, ContactMade{mailbox, ByTelephone, ContactReached, at, "Ms. Okafor, deputy head of mission; she opens it tonight."}, []*Staff{author}, at.Add(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	note, _, err = OpenRecord(sealed, []*Key{o.author}, []*Certificate{o.registrar.Certificate()}, PurposeContactNote, at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return contact, append(bytes.TrimRight(note, " "), '\n')
}

func makeStatementExamples(t *testing.T, o *office, root *Root, r Representative) map[string][]byte {
	t.Helper()
	p := &press{o, root}
	report := []byte("What the forensic experts found.\n")
	v := p.publish(t, &StatementDraft{
		Topic: "security",
		Languages: []StatementLanguage{
			{Language: "en", Title: "Security incident: what we know", Body: "# What happened\n\nAnomalous activity was detected on our systems.\n\n- The investigation continues.\n"},
			{Language: "fr", Title: "Incident de sécurité : ce que nous savons", Body: "# Ce qui s’est passé\n\nUne activité anormale a été détectée sur nos systèmes.\n\n- L’enquête se poursuit.\n"},
		},
		Attachments: []StatementAttachment{AttachmentOf("report.txt", "text/plain", report)},
		PublishAt:   publishedAt, Acknowledge: []Kind{KindState, KindOrganisation}, Deadline: publishedAt.AddDate(0, 0, 7),
	}, nil, submittedAt)
	receipt, err := AcknowledgeStatement(v, o.own, r, DecisionAcknowledged, NewNonce(), publishedAt.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	s := v.Signed()
	files := map[string][]byte{"report.txt": report, "statement-manifest.txt": s.Manifest, "statement-receipt.txt.asc": receipt}
	if files["statement-manifest.txt.asc"], err = s.ManifestSignatures(); err != nil {
		t.Fatal(err)
	}
	for i, text := range v.Texts() {
		name := "statement-" + text.Language
		files[name+".md"] = s.Texts[i].Text
		if files[name+".txt"], err = s.Texts[i].ClearSigned(); err != nil {
			t.Fatal(err)
		}
		if files[name+".md.asc"], err = s.Texts[i].Detached(); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func writeExamples(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(exampleFolder, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(formatsPage)
	if err != nil {
		t.Fatal(err)
	}
	page = shownFile.ReplaceAllFunc(page, func(block []byte) []byte {
		name := string(shownFile.FindSubmatch(block)[1])
		fence, _, _ := bytes.Cut(block[bytes.Index(block, []byte("```")):], []byte("\n"))
		return []byte("<!-- example/" + name + " -->\n" + string(fence) + "\n" + asShown(files[name]) + "```\n")
	})
	if err := os.WriteFile(formatsPage, page, 0o644); err != nil {
		t.Fatal(err)
	}
}
