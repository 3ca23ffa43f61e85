package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"valise/portal"
	"valise/portal/audit"
)

// RecordAudit implements portal.Auditor. Entries of the same microsecond are told apart by a number drawn at random, so nobody waits for anybody.
func (d *DB) RecordAudit(ctx context.Context, e portal.AuditEntry) error {
	return d.writeOnce(ctx, func(t *tx) error { return t.audit(e) })
}

func (t *tx) audit(e portal.AuditEntry) error {
	_, err := t.exec(`INSERT INTO audit (at, id, actor, act, object) VALUES ($1, $2, $3, $4, $5)`, micros(time.Now()), rand.Int64(), e.Actor, e.Act, e.Object)
	return err
}

// Audited implements dispatch.Store.
func (d *DB) Audited(ctx context.Context, e portal.AuditEntry, since time.Time) (is bool, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.row(`SELECT EXISTS (SELECT 1 FROM audit WHERE object = $1 AND at >= $2 AND actor = $3 AND act = $4)`, e.Object, micros(since), e.Actor, e.Act).Scan(&is)
	})
	return is, err
}

// conditions is the WHERE of a query that somebody put together.
type conditions struct {
	terms []string
	args  []any
}

// add takes a condition in which each %s stands for one of the arguments.
func (c *conditions) add(term string, args ...any) {
	places := make([]any, len(args))
	for i, arg := range args {
		c.args = append(c.args, arg)
		places[i] = fmt.Sprintf("$%d", len(c.args))
	}
	c.terms = append(c.terms, fmt.Sprintf(term, places...))
}

func (c *conditions) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

// plain has LIKE take an underscore for itself. Nothing else that means something to LIKE is in what audit.Query accepts.
func plain(text string) string { return strings.ReplaceAll(text, "_", `\_`) }

// AuditEntries implements audit.Store.
func (d *DB) AuditEntries(ctx context.Context, q audit.Query, without []string) (entries []audit.Entry, err error) {
	var c conditions
	if !q.From.IsZero() {
		c.add(`at >= %s`, micros(q.From))
	}
	if !q.To.IsZero() {
		c.add(`at < %s`, micros(q.To))
	}
	if q.Before != (audit.Place{}) {
		c.add(`(at, id) < (%s, %s)`, q.Before.At, q.Before.ID)
	}
	if q.Actor != "" {
		c.add(`actor = %s`, q.Actor)
	}
	if len(q.Acts) > 0 {
		var any []string
		for _, act := range q.Acts {
			c.args = append(c.args, act, act+" %") // as in "publish.approve refused"
			any = append(any, fmt.Sprintf(`act = $%d OR act LIKE $%d`, len(c.args)-1, len(c.args)))
		}
		c.terms = append(c.terms, "("+strings.Join(any, " OR ")+")")
	}
	if q.Object != "" {
		// Alone; before or behind another, as in "N-… S-…"; and, for a mailbox, its representatives, as in "S-…/2".
		c.add(`(object = %s OR object LIKE %s ESCAPE '\' OR object LIKE %s ESCAPE '\' OR object LIKE %s ESCAPE '\')`, q.Object, plain(q.Object)+" %", "% "+plain(q.Object), plain(q.Object)+"/%")
	}
	if q.Refused {
		c.add(`act LIKE %s`, "% refused")
	}
	for _, act := range without {
		c.add(`act <> %s`, act)
	}
	c.args = append(c.args, q.Limit)
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			var e audit.Entry
			if err := rows.Scan(&e.Place.At, &e.Place.ID, &e.Actor, &e.Act, &e.Object); err != nil {
				return err
			}
			e.At = time.UnixMicro(e.Place.At).UTC()
			entries = append(entries, e)
			return nil
		}, `SELECT at, id, actor, act, object FROM audit`+c.where()+fmt.Sprintf(` ORDER BY at DESC, id DESC LIMIT $%d`, len(c.args)), c.args...)
	})
	return entries, err
}
