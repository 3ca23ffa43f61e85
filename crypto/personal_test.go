package crypto

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// whatConcerns is what the tests tell one mailbox.
func whatConcerns(mailbox Number) []PersonalText {
	var texts []PersonalText
	for _, l := range testContent().Languages {
		texts = append(texts, PersonalText{l.Language, fmt.Sprintf("For %s (%s): your file **%s-7** was read.\n", mailbox, l.Language, mailbox)})
	}
	return texts
}

// newPersonal is newDispatched with a personal part for a State of which representatives open both suites, and for nobody else.
func newPersonal(t testing.TB, o *office) (d *dispatched, state, organisation Number) {
	t.Helper()
	d = &dispatched{office: o, pin: o.pinned(t), keys: map[string]*Key{}}
	state, organisation = NewNumber(KindState), NewNumber(KindOrganisation)
	d.addRecipient(t, Representative{state, 2}, ProfilePQ)
	d.addRecipient(t, Representative{state, 3}, ProfileCompat)
	d.addRecipient(t, Representative{organisation, 1}, ProfileCompat)
	d.addRecipient(t, Representative{state, 1}, ProfilePQ)
	draft := testDraft()
	draft.Personal = map[Number][]PersonalText{state: whatConcerns(state)}
	var err error
	if d.sealed, err = SealNotice(d.pin, d.author, draft, d.recipients, d.desk(t), sealedAt, nil); err != nil {
		t.Fatal(err)
	}
	return d, state, organisation
}

func (d *dispatched) audience(t testing.TB) *Audience {
	t.Helper()
	a, err := ParseAudience(d.sealed.Audience)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (d *dispatched) part(t testing.TB, mailbox Number, suite Suite) []byte {
	t.Helper()
	for _, p := range d.sealed.PersonalParts {
		if p.Mailbox == mailbox && p.Suite == suite {
			return p.Data
		}
	}
	t.Fatalf("there is no part for %s in %s", mailbox, suite)
	return nil
}

func (d *dispatched) openPersonal(t testing.TB, v *VerifiedManifest, r Representative) (*Personal, error) {
	t.Helper()
	o, err := d.open(v, r.String())
	if err != nil {
		t.Fatal(err)
	}
	e := d.envelope(t, r.String())
	return OpenPersonal(o, mustProve(t, d.audience(t), r), e.Personal, d.part(t, r.Mailbox, e.Suite), []*Key{d.keys[r.String()]})
}

func (d *dispatched) openAll(t testing.TB, with *Key) ([]*Personal, error) {
	t.Helper()
	return OpenAllPersonal(d.examine(t, with), d.sealed.Audience, d.sealed.PersonalKey, d.sealed.PersonalParts, []*Key{with}, nil)
}

func TestAPersonalPartReachesItsMailboxAndTheDesk(t *testing.T) {
	d, state, organisation := newPersonal(t, newOffice(t))
	v := d.verify(t, d.approve(t))
	if err := CheckAllPersonal(d.audience(t), d.sealed.PersonalKey, d.sealed.PersonalParts); err != nil {
		t.Fatal(err)
	}
	for _, ordinal := range []int{1, 2, 3} {
		p, err := d.openPersonal(t, v, Representative{state, ordinal})
		if err != nil || p.Empty() || p.Mailbox() != state {
			t.Fatalf("%d: %+v, %v", ordinal, p, err)
		}
		for i, l := range p.Languages() {
			if want := whatConcerns(state)[i]; l.Language != want.Language || l.Text != want.Text || l.Subject != testDraft().Languages[i].Subject {
				t.Errorf("%d: %+v", ordinal, l)
			}
		}
	}
	if p, err := d.openPersonal(t, v, Representative{organisation, 1}); err != nil || !p.Empty() || p.Mailbox() != organisation {
		t.Errorf("who is told nothing in particular: %+v, %v", p, err)
	}
	for name, k := range map[string]*Key{"author": d.author, "approver": d.approver} {
		all, err := d.openAll(t, k)
		if err != nil || len(all) != 2 {
			t.Fatalf("the %s opens %d parts: %v", name, len(all), err)
		}
		for _, p := range all {
			if p.Empty() != (p.Mailbox() == organisation) {
				t.Errorf("the %s sees of %s: %+v", name, p.Mailbox(), p.Languages())
			}
		}
	}
}

// Neither what is stored nor what travels shows who is told something in particular.
func TestAllPersonalPartsLookAlike(t *testing.T) {
	d, _, _ := newPersonal(t, newOffice(t))
	for _, suite := range suites {
		var sizes []int
		for _, p := range d.sealed.PersonalParts {
			if p.Suite == suite {
				sizes = append(sizes, len(p.Data))
			}
		}
		if len(sizes) == 0 || slices.Max(sizes)-slices.Min(sizes) > personalSizeSpread {
			t.Errorf("%s: %v", suite, sizes)
		}
	}
	for _, p := range d.sealed.PersonalParts {
		if bytes.Contains(p.Data, []byte(p.Mailbox)) {
			t.Errorf("the sealed part names %s", p.Mailbox)
		}
	}
}

func TestANoticeWithoutPersonalPartsHasNone(t *testing.T) {
	d := newDispatched(t, newOffice(t))
	if d.sealed.PersonalKey != nil || d.sealed.PersonalParts != nil || slices.ContainsFunc(d.sealed.Envelopes, func(e Envelope) bool { return e.Personal != nil }) {
		t.Error("there are personal parts that nobody wrote")
	}
	if all, err := d.openAll(t, d.approver); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	v := d.verify(t, d.approve(t))
	r := d.recipients[0].representative
	o, err := d.open(v, r.String())
	if err != nil {
		t.Fatal(err)
	}
	if p, err := OpenPersonal(o, mustProve(t, d.audience(t), r), nil, nil, nil); p != nil || err != nil {
		t.Error(p, err)
	}
	other, state, _ := newPersonal(t, d.office)
	if p, err := OpenPersonal(o, mustProve(t, d.audience(t), r), other.envelope(t, state.First()).Personal, other.part(t, state, SuitePQ), []*Key{other.keys[state.First()]}); p != nil || err == nil {
		t.Error("a part was shown that nobody signed:", p, err)
	}
}

// First is the name of a mailbox's first representative.
func (n Number) First() string { return Representative{n, 1}.String() }

func TestWhoTampersWithPersonalPartsIsCaught(t *testing.T) {
	o := newOffice(t)
	d, state, organisation := newPersonal(t, o)
	other, otherState, _ := newPersonal(t, o)
	v := d.verify(t, d.approve(t))
	a := d.audience(t)
	first, org := Representative{state, 1}, Representative{organisation, 1}
	opened, err := d.open(v, first.String())
	if err != nil {
		t.Fatal(err)
	}
	keys := []*Key{d.keys[first.String()]}
	mine, part, shown := d.envelope(t, first.String()).Personal, d.part(t, state, SuitePQ), mustProve(t, a, first)
	flipped := bytes.Clone(part)
	flipped[len(flipped)/2] ^= 1
	elsewhere, err := d.openOther(t, other)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (*Personal, error){
		"withheld":            func() (*Personal, error) { return OpenPersonal(opened, shown, mine, nil, keys) },
		"without envelope":    func() (*Personal, error) { return OpenPersonal(opened, shown, nil, part, keys) },
		"altogether withheld": func() (*Personal, error) { return OpenPersonal(opened, shown, nil, nil, keys) },
		"of another suite": func() (*Personal, error) {
			return OpenPersonal(opened, shown, mine, d.part(t, state, SuiteCompat), keys)
		},
		"altered": func() (*Personal, error) { return OpenPersonal(opened, shown, mine, flipped, keys) },
		"cut off": func() (*Personal, error) { return OpenPersonal(opened, shown, mine, part[:len(part)-1], keys) },
		"the body's envelope": func() (*Personal, error) {
			return OpenPersonal(opened, shown, d.envelope(t, first.String()).Data, part, keys)
		},
		"the body instead": func() (*Personal, error) {
			return OpenPersonal(opened, shown, d.envelope(t, first.String()).Data, d.sealed.Bodies[SuitePQ], keys)
		},
		"somebody else's envelope": func() (*Personal, error) {
			return OpenPersonal(opened, shown, d.envelope(t, org.String()).Personal, part, keys)
		},
		"another mailbox's part": func() (*Personal, error) {
			return OpenPersonal(opened, shown, mine, d.part(t, organisation, SuiteCompat), keys)
		},
		"another notice's part": func() (*Personal, error) {
			return OpenPersonal(opened, shown, other.envelope(t, otherState.First()).Personal, other.part(t, otherState, SuitePQ), []*Key{other.keys[otherState.First()]})
		},
		"another's membership": func() (*Personal, error) { return OpenPersonal(opened, mustProve(t, a, org), mine, part, keys) },
		"another notice's membership": func() (*Personal, error) {
			return OpenPersonal(opened, mustProve(t, other.audience(t), Representative{otherState, 1}), mine, part, keys)
		},
		"another notice": func() (*Personal, error) { return OpenPersonal(elsewhere, shown, mine, part, keys) },
		"nothing opened": func() (*Personal, error) { return OpenPersonal(&OpenedNotice{}, shown, mine, part, keys) },
		"nil":            func() (*Personal, error) { return OpenPersonal(nil, shown, mine, part, keys) },
		"a membership that says none": func() (*Personal, error) {
			m, _ := ParseMembership(shown)
			m.Member.Personal = PersonalDigests{}
			return OpenPersonal(opened, m.text(), nil, nil, keys)
		},
	} {
		if p, err := try(); p != nil || err == nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func (d *dispatched) openOther(t testing.TB, other *dispatched) (*OpenedNotice, error) {
	t.Helper()
	return other.open(other.verify(t, other.approve(t)), other.recipients[0].representative.String())
}

func TestTheDeskSeesEveryPartOrNone(t *testing.T) {
	o := newOffice(t)
	d, state, organisation := newPersonal(t, o)
	other, _, _ := newPersonal(t, o)
	parts := d.sealed.PersonalParts
	swapped := slices.Clone(parts)
	var compat []int
	for i, p := range parts {
		if p.Suite == SuiteCompat {
			compat = append(compat, i)
		}
	}
	swapped[compat[0]].Data, swapped[compat[1]].Data = parts[compat[1]].Data, parts[compat[0]].Data
	altered := slices.Clone(parts)
	altered[0].Data = flip(parts[0].Data, len(parts[0].Data)/2)
	renamed := slices.Clone(parts)
	renamed[0].Mailbox = NewNumber(KindState)
	for name, try := range map[string]struct {
		key   []byte
		parts []SealedPersonal
	}{
		"one dropped":     {d.sealed.PersonalKey, parts[1:]},
		"all dropped":     {d.sealed.PersonalKey, nil},
		"one twice":       {d.sealed.PersonalKey, append(slices.Clone(parts), parts[0])},
		"two exchanged":   {d.sealed.PersonalKey, swapped},
		"one altered":     {d.sealed.PersonalKey, altered},
		"of a stranger":   {d.sealed.PersonalKey, renamed},
		"no key":          {nil, parts},
		"another's key":   {other.sealed.PersonalKey, parts},
		"another's parts": {d.sealed.PersonalKey, other.sealed.PersonalParts},
	} {
		if all, err := OpenAllPersonal(d.examine(t, d.approver), d.sealed.Audience, try.key, try.parts, []*Key{d.approver}, nil); all != nil || err == nil {
			t.Errorf("%s: %d parts, %v", name, len(all), err)
		}
		if name == "another's key" {
			continue // which the server can't tell
		}
		if err := CheckAllPersonal(d.audience(t), try.key, try.parts); err == nil {
			t.Errorf("the server takes %s", name)
		}
	}
	if all, err := OpenAllPersonal(d.examine(t, d.approver), other.sealed.Audience, d.sealed.PersonalKey, parts, []*Key{d.approver}, nil); all != nil || err == nil {
		t.Errorf("under another audience: %v", err)
	}
	if all, err := OpenAllPersonal(&OpenedNotice{}, d.sealed.Audience, d.sealed.PersonalKey, parts, []*Key{d.approver}, nil); all != nil || err == nil {
		t.Error("without a notice")
	}
	// The key of the parts is for the desk alone.
	if all, err := OpenAllPersonal(d.examine(t, d.approver), d.sealed.Audience, d.sealed.PersonalKey, parts, []*Key{d.keys[state.First()], d.keys[organisation.First()]}, nil); all != nil || err == nil {
		t.Error("a recipient opens the desk's key of all parts")
	}
}

func TestAnAuthorCantShowTheApproverAnotherPart(t *testing.T) {
	o := newOffice(t)
	for name, forged := range map[string]func(p *personalPart, state Number){
		"for another mailbox":    func(p *personalPart, _ Number) { p.mailbox = NewNumber(KindState) },
		"for another notice":     func(p *personalPart, _ Number) { p.notice = NewNumber(KindNotice) },
		"from another":           func(p *personalPart, _ Number) { p.from = "Somebody Else" },
		"another subject":        func(p *personalPart, _ Number) { p.texts[0].Subject = "All clear" },
		"languages in disorder":  func(p *personalPart, _ Number) { slices.Reverse(p.texts) },
		"a language of its own":  func(p *personalPart, _ Number) { p.texts = append(p.texts, LanguageVersion{"de", "Betreff", "Text"}) },
		"of another time":        func(p *personalPart, _ Number) { p.created = p.created.Add(1e9) },
		"nothing at all instead": func(p *personalPart, _ Number) { p.texts = []LanguageVersion{{"", "", ""}} },
	} {
		d, state, _ := newPersonal(t, o)
		d.sealForged(t, func(dispatch *personalDispatch) {
			p := &personalPart{from: testDraft().From, notice: dispatch.keys.notice, mailbox: state, created: sealedAt, salt: NewContentSalt()}
			var err error
			if p.texts, err = inOrder(state, whatConcerns(state), testDraft().Languages); err != nil {
				t.Fatal(err)
			}
			forged(p, state)
			dispatch.replace(t, d.author, state, paddedPersonal(p.mime()))
		})
		if all, err := d.openAll(t, d.approver); all != nil || err == nil {
			t.Errorf("%s: the approver is shown %d parts", name, len(all))
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	// What is signed by nobody, or for another purpose.
	for name, seal := range map[string]func(k *SessionKey, mime []byte) ([]byte, error){
		"signed by the approver": func(k *SessionKey, mime []byte) ([]byte, error) {
			return k.seal(PurposePersonal, o.approver, mime, sealedAt)
		},
		"signed for another purpose": func(k *SessionKey, mime []byte) ([]byte, error) {
			return k.seal(PurposeContent, o.author, mime, sealedAt)
		},
		"signed at another time": func(k *SessionKey, mime []byte) ([]byte, error) {
			return k.seal(PurposePersonal, o.author, mime, sealedAt.Add(-time.Hour))
		},
		"not signed": func(k *SessionKey, mime []byte) ([]byte, error) {
			return k.encrypt(appendPacket(nil, packetLiteral, append([]byte{literalBinary, 0, 0, 0, 0, 0}, mime...)))
		},
	} {
		d, state, _ := newPersonal(t, o)
		d.sealForged(t, func(dispatch *personalDispatch) {
			for i, p := range dispatch.parts {
				if p.Mailbox != state {
					continue
				}
				key, err := dispatch.keys.of(state, p.Suite)
				if err != nil {
					t.Fatal(err)
				}
				mime, err := key.decrypt(p.Data)
				if err != nil {
					t.Fatal(err)
				}
				packets, err := insidePackets(mime)
				if err != nil {
					t.Fatal(err)
				}
				content, err := literalContent(packets[1])
				if err != nil {
					t.Fatal(err)
				}
				if dispatch.parts[i].Data, err = seal(key, content); err != nil {
					t.Fatal(err)
				}
				dispatch.digests[personalPlace{state, p.Suite}] = PersonalDigests{sha256Hex(dispatch.parts[i].Data), sha256Hex(content)}
			}
		})
		if all, err := d.openAll(t, d.approver); all != nil || err == nil {
			t.Errorf("%s: the approver is shown %d parts", name, len(all))
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// Two ciphertexts of one mailbox with different contents, or one digest for what opens to another: the audience itself is refused, or the part.
func TestAllOfAMailboxAreToldTheSame(t *testing.T) {
	d, state, organisation := newPersonal(t, newOffice(t))
	for name, change := range map[string]func(*AudienceMember){
		"another content": func(m *AudienceMember) { m.Personal.ContentSHA256 = sha256Hex([]byte("another")) },
		"none":            func(m *AudienceMember) { m.Personal = PersonalDigests{} },
		"of another mailbox": func(m *AudienceMember) {
			m.Personal = d.audience(t).Members[slices.IndexFunc(d.audience(t).Members, func(m AudienceMember) bool { return m.Representative.Mailbox == organisation })].Personal
		},
		"another sealed part": func(m *AudienceMember) { m.Personal.SealedSHA256 = sha256Hex([]byte("another")) },
	} {
		a := d.audience(t)
		i := slices.IndexFunc(a.Members, func(m AudienceMember) bool { return m.Representative == Representative{state, 1} })
		change(&a.Members[i])
		if text, err := a.Encode(); err == nil {
			t.Errorf("%s: an audience was written:\n%s", name, text)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	// A digest of content that is not what the sealed part holds: another key could open it to that.
	d.sealForged(t, func(dispatch *personalDispatch) {
		for place, p := range dispatch.digests {
			if place.mailbox == state {
				p.ContentSHA256 = sha256Hex([]byte("what only the recipients' key would show"))
				dispatch.digests[place] = p
			}
		}
	})
	if all, err := d.openAll(t, d.approver); all != nil || err == nil {
		t.Error("the approver is shown what was not signed")
	}
}

func TestPersonalDraftsThatAreRefused(t *testing.T) {
	o := newOffice(t)
	d, state, _ := newPersonal(t, o)
	long := strings.Repeat("A line of the longest part.\n", MaxPersonalText/28+1)
	for name, personal := range map[string]map[Number][]PersonalText{
		"of a stranger":    {NewNumber(KindState): whatConcerns(state)},
		"another language": {state: {{"de", "Text"}}},
		"twice a language": {state: {{"en", "One"}, {"en", "Two"}}},
		"an empty text":    {state: {{"en", ""}}},
		"too long":         {state: {{"en", long}}},
		"control":          {state: {{"en", "a\x00b"}}},
	} {
		draft := testDraft()
		draft.Personal = personal
		if s, err := SealNotice(d.pin, d.author, draft, d.recipients, d.desk(t), sealedAt, nil); s != nil || err == nil {
			t.Errorf("%s was sealed", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
	draft := testDraft()
	draft.Personal = map[Number][]PersonalText{state: {{"en", strings.Repeat("é", MaxPersonalText/2)}}} // the longest, on one line
	if _, err := SealNotice(d.pin, d.author, draft, d.recipients, d.desk(t), sealedAt, nil); err != nil {
		t.Error(err)
	}
}

// A claim and a new key carry the personal envelope along.
func TestAPersonalEnvelopeIsRewrapped(t *testing.T) {
	d, state, _ := newPersonal(t, newOffice(t))
	r := Representative{state, 1}
	o := *d.office
	o.representative = r
	own := o.succeed(t, d.keys[r.String()], ProfileCompat)
	v := d.verify(t, d.approve(t))
	opened, err := d.open(v, r.String())
	if err != nil {
		t.Fatal(err)
	}
	e, err := Rewrap(d.envelope(t, r.String()).Personal, []*Key{d.keys[r.String()]}, own.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckEnvelopeFor(SuitePQ, e, own.Certificate()); err != nil {
		t.Error(err)
	}
	p, err := OpenPersonal(opened, mustProve(t, d.audience(t), r), e, d.part(t, state, SuitePQ), []*Key{own})
	if err != nil || p.Empty() {
		t.Error(p, err)
	}
}

func paddedPersonal(mime []byte) []byte {
	return padPersonal(mime, (len(mime)+personalStep-1)/personalStep*personalStep)
}

// replace seals another content for a mailbox.
func (d *personalDispatch) replace(t testing.TB, author *Key, mailbox Number, mime []byte) {
	t.Helper()
	for i, p := range d.parts {
		if p.Mailbox != mailbox {
			continue
		}
		key, err := d.keys.of(mailbox, p.Suite)
		if err != nil {
			t.Fatal(err)
		}
		if d.parts[i].Data, err = key.seal(PurposePersonal, author, mime, sealedAt); err != nil {
			t.Fatal(err)
		}
		d.digests[personalPlace{mailbox, p.Suite}] = PersonalDigests{sha256Hex(d.parts[i].Data), sha256Hex(mime)}
	}
}

// sealForged seals the notice anew as an author would who signs what the program would not.
func (d *dispatched) sealForged(t testing.TB, change func(*personalDispatch)) {
	t.Helper()
	members := make([]AudienceMember, len(d.recipients))
	for i, r := range d.recipients {
		members[i] = r.Member()
	}
	slices.SortFunc(members, compareMembers)
	var mailbox Number
	for _, m := range members {
		if m.Representative.Mailbox.Kind() == KindState {
			mailbox = m.Representative.Mailbox
		}
	}
	draft := testDraft()
	draft.Personal = map[Number][]PersonalText{mailbox: whatConcerns(mailbox)}
	audience, err := audienceOf(members)
	if err != nil {
		t.Fatal(err)
	}
	notice := NewNumber(KindNotice)
	personal, err := preparePersonal(draft, notice, sealedAt, members)
	if err == nil {
		err = personal.seal(d.author, len(personal.places), sealedAt)
	}
	if err != nil {
		t.Fatal(err)
	}
	change(personal)
	desk, err := sortDesk(d.desk(t))
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := beginSealing(d.pin, d.author, draft, notice, audience, personal, desk, sealedAt)
	if err != nil {
		t.Fatal(err)
	}
	sorted := slices.SortedFunc(slices.Values(d.recipients), func(a, b *Recipient) int { return compareRepresentatives(a.representative, b.representative) })
	if err := sealing.wrapAll(sorted, nil); err != nil {
		t.Fatal(err)
	}
	if d.sealed, err = sealing.Finish(); err != nil {
		t.Fatal(err)
	}
}
