package web

import (
	"time"

	"valise/portal/session"
)

// maxStaffRequest is the largest body of POST /staff: one armored certificate (crypto.MaxCertificateSize before armor). It is small because
// anybody may send one.
const maxStaffRequest = 128 << 10

// How often what costs us something, or could be guessed at, may be asked for: so many at once, then one per period.
//
// Only unlocking is counted per representative: it is the one place where a guess (of a passphrase) can be tried, at the price of an Argon2id
// run each. Logging in proves a key, where nothing can be guessed, and a count per representative there would only let an
// attacker lock people out. An embassy, a Tor exit or the portal's own onion service is one address for many people, and all of them may come at once, when a notice
// has gone out to thousands: so the counts per address are generous. They hold a flood off the database; guesses are held off per representative, and by Argon2id.
var (
	perAddressLogInStart = session.Rule{Name: "login-start", Burst: 1200, Every: 50 * time.Millisecond}
	perAddressLogIn      = session.Rule{Name: "login", Burst: 1200, Every: 50 * time.Millisecond}
	perAddressFactor     = session.Rule{Name: "factor", Burst: 120, Every: 500 * time.Millisecond} // each refusal is written down
	perAddressUnlock     = session.Rule{Name: "unlock", Burst: 240, Every: 250 * time.Millisecond}
	perHolderUnlock      = session.Rule{Name: "unlock-holder", Burst: 60, Every: 5 * time.Second}
	perAddressStaff      = session.Rule{Name: "staff", Burst: 30, Every: 2 * time.Second}
	perAddressEvidence   = session.Rule{Name: "evidence", Burst: 60, Every: time.Second}
)
