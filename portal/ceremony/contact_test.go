package ceremony_test

import (
	"strings"
	"testing"
	"time"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

func TestAContactIsToldToWhoMayKnow(t *testing.T) {
	i := newInstitution(t)
	state := i.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	auditor := i.hire("Emil Sato", crypto.RoleAuditor)
	_, n := i.submitted()
	signed := api.SignedManifest{Manifest: n.Manifest, AuthorSignature: n.AuthorSignature}
	made := crypto.ContactMade{Mailbox: state.Mailbox, Way: crypto.ByTelephone, Outcome: crypto.ContactReached, Time: i.now, Note: "Spoke with Ama Mensah."}
	if _, err := ceremony.RecordContact(i.trust(), i.registrar, n.Notice, signed, made, i.now); err == nil {
		t.Error("somebody was told of a notice that is not approved")
	}
	signed.ApproverSignature = i.approve(n)
	for name, key := range map[string]*crypto.Key{"author": i.author, "approver": i.approver, "registrar": i.registrar} {
		request, err := ceremony.RecordContact(i.trust(), key, n.Notice, signed, made, i.now)
		must(t, err)
		if strings.Contains(request.Contact, "Mensah") {
			t.Error("the signed text says whom they spoke with")
		}
		wire := api.Contact{Mailbox: state.Mailbox, Contact: request.Contact, Note: request.Note, Received: i.now}
		read := func(keys []*crypto.Key, c api.Contact) ceremony.ContactRead {
			t.Helper()
			all, err := ceremony.ReadContacts(i.trust(), keys, n.Notice, signed, []api.Contact{c}, i.now.Add(time.Minute))
			must(t, err)
			return all[0]
		}
		if got := read([]*crypto.Key{i.approver}, wire); got.Problem != nil || got.NoteProblem != nil || got.Note != made.Note || got.Way != made.Way || got.Outcome != made.Outcome || got.By == "" {
			t.Errorf("%s: %+v", name, got)
		}
		if got := read([]*crypto.Key{auditor}, wire); got.Problem != nil || got.NoteProblem == nil || got.Note != "" || got.Outcome != made.Outcome {
			t.Errorf("%s, for an auditor: %+v", name, got)
		}
		without := wire
		without.Note = nil
		if got := read([]*crypto.Key{i.approver}, without); got.NoteProblem == nil {
			t.Error("a note that was kept back is not missed")
		}
		elsewhere := wire
		elsewhere.Mailbox = crypto.NewNumber(crypto.KindState)
		if got := read([]*crypto.Key{i.approver}, elsewhere); got.Problem == nil || got.Note != "" || got.Outcome != "" {
			t.Errorf("a contact with one mailbox is shown for another: %+v", got)
		}
		broken := wire
		broken.Contact = strings.Replace(wire.Contact, "reached", "refused", 1)
		if got := read([]*crypto.Key{i.approver}, broken); got.Problem == nil {
			t.Error("an altered contact is believed")
		}
	}
	silent := made
	silent.Note = ""
	request, err := ceremony.RecordContact(i.trust(), i.author, n.Notice, signed, silent, i.now)
	must(t, err)
	all, err := ceremony.ReadContacts(i.trust(), nil, n.Notice, signed, []api.Contact{{Mailbox: state.Mailbox, Contact: request.Contact, Note: []byte("x")}}, i.now)
	must(t, err)
	if request.Note != nil || all[0].NoteProblem == nil {
		t.Errorf("a note where none was signed: %+v", all[0])
	}
	if _, err := ceremony.RecordContact(i.trust(), auditor, n.Notice, signed, made, i.now); err == nil {
		t.Error("an auditor records a contact")
	}
	if _, err := ceremony.RecordContact(i.trust(), i.author, crypto.NewNumber(crypto.KindNotice), signed, made, i.now); err == nil {
		t.Error("another notice was told of")
	}
	if _, err := ceremony.ReadContacts(nil, nil, n.Notice, signed, nil, i.now); err == nil {
		t.Error("nobody's trust reads contacts")
	}
}
