package ceremony_test

import (
	"testing"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

// What an author waits for before sealing, and a representative before their list
// shows: per mailbox and per notice.
func BenchmarkDirectory(b *testing.B) {
	court := newInstitution(b)
	court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	trust := court.trust()
	for b.Loop() {
		d, err := ceremony.ReadDirectory(trust, []*crypto.Key{court.author}, court.mailboxes, court.now, nil)
		if err != nil || d.Mailboxes[0].Name == "" || d.Mailboxes[0].Representatives[0].Recipient == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	court := newInstitution(b)
	state := court.issue(crypto.KindState, crypto.ProfilePQ, "Republic of Elbonia", "Ama Mensah")
	s, n := court.submitted()
	notices := []api.Notice{delivered(b, s, n, court.approve(n), state)}
	self, trust := selfOf(b, court.unlock(state)), court.trust()
	for b.Loop() {
		if l := ceremony.List(trust, self, notices, court.now); l[0].Problem != nil {
			b.Fatal(l[0].Problem)
		}
	}
}
