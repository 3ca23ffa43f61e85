package store

import (
	"context"
	"database/sql"

	"valise/crypto"
	"valise/portal"
)

// Headings implements dispatch.Store.
func (d *DB) Headings(ctx context.Context, holder string, notices []crypto.Number) (headed []portal.HeadedNotice, err error) {
	if len(notices) == 0 {
		return nil, nil
	}
	args := []any{holder}
	for _, n := range notices {
		args = append(args, n)
	}
	err = d.look(ctx, func(t *tx) error {
		return t.each(func(rows *sql.Rows) error {
			h := portal.HeadedNotice{Envelope: crypto.Envelope{Holder: holder}}
			var stands standing
			var heading []byte
			if err := rows.Scan(append(endedInto(&h.Notice, &stands), &h.Envelope.Certificate, &h.Envelope.Suite, &h.Envelope.Data, &heading)...); err != nil {
				return err
			}
			stands.settle(&h.Notice)
			h.Notice.Headings = map[crypto.Suite][]byte{h.Envelope.Suite: heading}
			headed = append(headed, h)
			return nil
		}, `SELECT `+noticeColumns+endedColumns+`, e.certificate, e.suite, e.envelope, b.heading FROM notices n
			JOIN envelopes e ON e.notice = n.number AND e.holder = $1 JOIN bodies b ON b.notice = n.number AND b.suite = e.suite`+joinEnds+`
			WHERE n.number IN (`+parameters(2, len(notices))+`) ORDER BY n.submitted_at DESC, n.number`, args...)
	})
	return headed, err
}
