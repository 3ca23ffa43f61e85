package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/ledger"
	"valise/portal/registry"
)

// maxResent is how many notices one command has sent again.
const maxResent = 200

// CommandTaken implements registry.Store.
func (d *DB) CommandTaken(ctx context.Context, r crypto.Representative, digest [sha256.Size]byte) (taken bool, err error) {
	err = d.look(ctx, func(t *tx) (err error) {
		taken, err = t.commandTaken(r, digest)
		return err
	})
	return taken, err
}

func (t *tx) commandTaken(r crypto.Representative, digest [sha256.Size]byte) (bool, error) {
	var one int
	err := t.row(`SELECT 1 FROM commands WHERE holder = $1 AND digest = $2`, r.String(), digest[:]).Scan(&one)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// TryCommand implements registry.Store. The representative's row is locked first, so that couriers that try at the same time count each other's.
func (d *DB) TryCommand(ctx context.Context, e portal.AuditEntry, more string) (try bool, err error) {
	err = d.write(ctx, func(t *tx) error {
		if _, _, err := t.lockRepresentative(e.Actor); err != nil {
			return err
		}
		var tried, told int
		if err := t.row(`SELECT count(CASE WHEN act <> $3 THEN 1 END), count(CASE WHEN act = $3 THEN 1 END) FROM audit WHERE actor = $1 AND at > $2 AND act LIKE 'registry.mail-%'`,
			e.Actor, micros(time.Now().Add(-24*time.Hour)), more).Scan(&tried, &told); err != nil {
			return err
		}
		switch try = tried < registry.MaxCommandsTried; {
		case !try && told > 0:
			return nil
		case !try:
			e = portal.AuditEntry{Actor: e.Actor, Act: more, Object: e.Actor}
		}
		return t.audit(e)
	})
	return try && err == nil, err
}

// CommandsOf implements registry.Store.
func (d *DB) CommandsOf(ctx context.Context, mailbox crypto.Number, since time.Time) ([]portal.TakenCommand, error) {
	return d.taken(ctx, `SELECT c.holder, c.command, c.about, c.said_at, c.taken_at FROM representatives r JOIN commands c ON c.holder = r.holder
		WHERE r.mailbox = $1 AND c.taken_at > $2 ORDER BY c.taken_at DESC, c.holder`, mailbox, micros(since))
}

// taken reads commands that were obeyed.
func (d *DB) taken(ctx context.Context, query string, args ...any) (commands []portal.TakenCommand, err error) {
	err = d.look(ctx, func(t *tx) error {
		commands = nil
		return t.each(func(rows *sql.Rows) error {
			var c portal.TakenCommand
			var holder string
			if err := rows.Scan(&holder, &c.Kind, &c.About, instant{&c.SaidAt}, instant{&c.TakenAt}); err != nil {
				return err
			}
			r, err := crypto.ParseRepresentative(holder)
			c.Representative = r
			commands = append(commands, c)
			return err
		}, query, args...)
	})
	return commands, err
}

// TakeCommand implements registry.Store. The representative's row is locked first, so the same text is obeyed once, and nothing is obeyed of somebody whose access ends at this moment.
func (d *DB) TakeCommand(ctx context.Context, c registry.Command, chain [][]byte) (taken bool, err error) {
	holder := c.Representative.String()
	err = d.write(ctx, func(t *tx) error {
		taken = false
		state, stored, err := t.lockRepresentative(holder)
		if err != nil {
			return err
		}
		if before, err := t.commandTaken(c.Representative, c.Digest); err != nil || before {
			return err
		}
		if state != portal.Claimed {
			return portal.Errorf(portal.Conflict, "already-revoked", "The access of %s has been ended.", holder)
		}
		var today int
		if err := t.row(`SELECT count(*) FROM commands WHERE holder = $1 AND taken_at > $2`, holder, micros(c.TakenAt.Add(-24*time.Hour))).Scan(&today); err != nil {
			return err
		}
		if today >= registry.MaxCommands {
			return portal.Errorf(portal.TooMany, "too-many-commands", "%s has had %d commands obeyed within a day; no more are.", holder, registry.MaxCommands)
		}
		switch c.Kind {
		case crypto.CommandResend:
			err = t.resend(c)
		case crypto.CommandStopEmail:
			err = t.stopEmail(c)
		case crypto.CommandNewCertificate:
			err = t.succeed(c, chain, stored)
		}
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO commands (holder, digest, command, about, said_at, taken_at, message) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			holder, c.Digest[:], c.Kind, c.About, micros(c.SaidAt), micros(c.TakenAt), c.Message)
		taken = err == nil
		return err
	})
	return taken && err == nil, err
}

// resend puts a notice, or what lies unopened, into the outbox once more: as a mail of its own, since programs show one that has the same Message-ID once. What waits to go out goes out at once.
func (t *tx) resend(c registry.Command) error {
	holder := c.Representative.String()
	var one int
	if err := t.row(`SELECT 1 FROM addresses WHERE holder = $1`, holder).Scan(&one); err != nil {
		return orNotFound(err, "no-address", "%s has no e-mail address here.", holder)
	}
	notice, unopened := c.About, ""
	if c.About == crypto.CommandEverything {
		notice, unopened = "", " AND d.opened_at IS NULL"
	}
	all, err := t.lying(c.Representative, `($2 = '' OR e.notice = $2)`+unopened+` ORDER BY d.delivered_at DESC LIMIT $3`, notice, maxResent)
	if err != nil {
		return err
	}
	if notice != "" && len(all) == 0 {
		return portal.Errorf(portal.NotFound, "no-notice", "There is no notice %s in that mailbox.", notice)
	}
	for _, r := range all {
		m, err := crypto.ParseManifest(r.manifest)
		if err != nil {
			return err
		}
		if m.Fallback == crypto.FallbackNone {
			if notice != "" {
				return portal.Errorf(portal.Forbidden, "never-by-email", "The notice %s says that it goes by no e-mail.", notice)
			}
			continue
		}
		waiting, err := t.exec(`UPDATE outbox SET asked = 1, next_at = $3 WHERE notice = $1 AND holder = $2 AND state = 'waiting'`, r.notice, holder, micros(c.TakenAt))
		if err == nil && waiting == 0 {
			_, err = t.exec(`INSERT INTO outbox (notice, holder, reminder, mailbox, state, queued_at, due_at, next_at, attempts, reason, asked, made_at) VALUES ($1, $2, $3, $4, 'waiting', $5, $3, $3, 0, '', 1, $6)
				ON CONFLICT (notice, holder, reminder) DO NOTHING`, r.notice, holder, micros(c.TakenAt), c.Representative.Mailbox, micros(r.delivered), micros(time.Now()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stopEmail forgets the address, if the command is younger: what was held back on its way stops nothing that was set since. What waits is not sent, as there is no address.
func (t *tx) stopEmail(c registry.Command) error {
	var set time.Time
	err := t.row(`SELECT set_at FROM addresses WHERE holder = $1`, c.Representative.String()).Scan(instant{&set})
	if err != nil {
		return orNotFound(err, "no-address", "%s has no e-mail address here.", c.Representative)
	}
	if c.SaidAt.Before(set.Truncate(time.Second)) {
		return portal.Errorf(portal.Conflict, "address-is-newer", "The address was set after the command was written.")
	}
	_, err = t.exec(`DELETE FROM addresses WHERE holder = $1`, c.Representative.String())
	return err
}

// succeed puts a new certificate in the place of the old one.
func (t *tx) succeed(c registry.Command, chain [][]byte, stored int) error {
	fingerprints, err := fingerprintsOf(chain)
	if err != nil {
		return err
	}
	if stored != len(chain)-1 {
		return portal.Errorf(portal.Conflict, "changed-meanwhile", "The certificates of %s changed at this moment.", c.Representative)
	}
	if _, err := t.exec(`UPDATE representatives SET certificate = $2 WHERE holder = $1`, c.Representative.String(), fingerprints[len(fingerprints)-1]); err != nil {
		return err
	}
	if err := t.addCertificates(c.Representative.String(), stored, fingerprints, chain); err != nil {
		return err
	}
	return t.enterCertificate(ledger.RepresentativeClaimed, portal.RepresentativeRecord{Representative: c.Representative, Chain: chain}, c.TakenAt)
}

// Commands implements courier.InboxStore.
func (d *DB) Commands(ctx context.Context, since time.Time, limit int) ([]portal.TakenCommand, error) {
	return d.taken(ctx, `SELECT holder, command, about, said_at, taken_at FROM commands WHERE taken_at > $1 ORDER BY taken_at DESC, holder LIMIT $2`, micros(since), limit)
}

// stoppedEmail is when representatives stopped e-mail themselves who have no address now.
func (t *tx) stoppedEmail() (map[string]time.Time, error) {
	stopped := map[string]time.Time{}
	err := t.each(func(rows *sql.Rows) error {
		var holder string
		var at time.Time
		err := rows.Scan(&holder, instant{&at})
		stopped[holder] = at
		return err
	}, `SELECT c.holder, max(c.taken_at) FROM commands c WHERE c.command = 'stop-email' AND NOT EXISTS (SELECT 1 FROM addresses a WHERE a.holder = c.holder) GROUP BY c.holder`)
	return stopped, err
}
