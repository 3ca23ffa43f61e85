package registry_test

import (
	"testing"

	"valise/crypto"
	"valise/portal"
)

func TestGroups(t *testing.T) {
	c := newCourt(t)
	ctx := t.Context()
	registrar, author, auditor := c.staff(t, c.registrar), c.staff(t, c.author), c.staff(t, c.auditor)
	n := crypto.NewNumber(crypto.KindGroup)
	sealed := func(to ...*crypto.Key) []byte {
		var certificates []*crypto.Certificate
		for _, k := range to {
			certificates = append(certificates, k.Certificate())
		}
		record, err := crypto.SealRecord([]byte("a group"), c.registrar, crypto.PurposeDetails, certificates, c.now)
		must(t, err)
		return record
	}
	record := sealed(c.registrar, c.author, c.approver)
	wantCode(t, c.SaveGroup(ctx, author, n, 1, record), portal.Forbidden, "registrar-only")
	wantCode(t, c.SaveGroup(ctx, registrar, crypto.NewNumber(crypto.KindState), 1, record), portal.Invalid, "invalid-number")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 0, record), portal.Invalid, "invalid-revision")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, []byte("G and who is in it")), portal.Invalid, "invalid-group")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, sealed(c.registrar, c.stranger)), portal.Invalid, "invalid-group")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, sealed(c.registrar, c.auditor)), portal.Invalid, "invalid-group")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, sealed(c.author)), portal.Invalid, "invalid-group")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, make([]byte, 1<<20+1)), portal.TooLarge, "too-large")
	wantCode(t, c.SaveGroup(ctx, registrar, n, 2, record), portal.Conflict, "group-changed")
	must(t, c.SaveGroup(ctx, registrar, n, 1, record))
	wantCode(t, c.SaveGroup(ctx, registrar, n, 1, record), portal.Conflict, "group-changed")
	must(t, c.SaveGroup(ctx, c.staff(t, c.secondRegistrar), n, 2, sealed(c.secondRegistrar, c.registrar)))
	c.wantAudited(t, registrar, "registry.save-group", string(n))

	groups, err := c.Groups(ctx, author)
	must(t, err)
	if len(groups) != 1 || groups[0].Revision != 2 || groups[0].SavedBy != c.staff(t, c.secondRegistrar).Holder() {
		t.Errorf("the groups are %+v", groups)
	}
	revisions, err := c.GroupRevisions(ctx, c.staff(t, c.approver), n)
	must(t, err)
	if len(revisions) != 2 || string(revisions[0].Record) != string(record) {
		t.Errorf("the revisions are %+v", revisions)
	}
	_, err = c.GroupRevisions(ctx, author, crypto.NewNumber(crypto.KindGroup))
	wantCode(t, err, portal.NotFound, "no-group")
	_, err = c.Groups(ctx, auditor)
	wantCode(t, err, portal.Forbidden, "author-only")
	_, err = c.GroupRevisions(ctx, portal.Actor{}, n)
	wantCode(t, err, portal.Unauthenticated, "no-session")
}
