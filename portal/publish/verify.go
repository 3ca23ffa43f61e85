package publish

import (
	"context"
	"fmt"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
)

// verify checks everything that stands against publishing a statement: both people's signatures, what came before it, and what has changed since
// they signed. Whether its minute has come the caller asks. What it finds is portal.Conflict or portal.Invalid, and is said to the desk.
func (p *Publish) verify(ctx context.Context, n crypto.Number, s crypto.SignedStatement) (*crypto.VerifiedStatement, error) {
	h, err := p.house(ctx)
	if err != nil {
		return nil, err
	}
	now := p.now()
	previous, err := p.previous(ctx, n, h, now)
	if err != nil {
		return nil, err
	}
	v, err := p.root.VerifyStatement(s, previous, h.all, now)
	if err != nil {
		return nil, invalid("invalid-statement", "%s", portal.Sentence(err))
	}
	m := v.Manifest()
	if err := portal.CheckLanguages(p.languages, m.Languages()); err != nil {
		return nil, err
	}
	switch {
	case m.Statement != n:
		return nil, invalid("invalid-statement", "This is statement %s, not %s.", m.Statement, n)
	case !m.Deadline.IsZero() && !m.Deadline.After(now):
		return nil, portal.Errorf(portal.Conflict, "deadline-passed", "The deadline for acknowledgement has passed. Send the statement back to its author for a later one.")
	}
	// Whose role the root took away after they signed may be why it did.
	if m := h.member(v.Author().Certificate().Fingerprint()); m == nil || !m.Has(crypto.RoleAuthor) {
		return nil, portal.Errorf(portal.Conflict, "author-withdrawn", "Its author is no longer an author. Let somebody who is write and sign it.")
	}
	if m := h.member(v.Approver().Certificate().Fingerprint()); m == nil || !m.Has(crypto.RoleApprover) {
		return nil, portal.Errorf(portal.Conflict, "approver-withdrawn", "Who approved it is no longer an approver. Let somebody who is look at it.")
	}
	return v, nil
}

// previous returns the newest published version, nil when there is none. That it doesn't verify is our fault.
func (p *Publish) previous(ctx context.Context, n crypto.Number, h *house, now time.Time) (*crypto.VerifiedStatement, error) {
	versions, err := p.store.Statement(ctx, n)
	if portal.KindOf(err) == portal.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	signed := make([]crypto.SignedStatement, len(versions))
	for i, v := range versions {
		if signed[i], err = crypto.ParseSignedStatement(v.Signed); err != nil {
			return nil, fmt.Errorf("a published statement: %w", err)
		}
	}
	verified, err := p.root.VerifyStatementVersions(signed, h.all, now)
	if err != nil {
		return nil, fmt.Errorf("a published statement no longer verifies: %w", err)
	}
	return verified[len(verified)-1], nil
}

// publish puts a verified statement into the archive, with its files.
func (p *Publish) publish(ctx context.Context, v *crypto.VerifiedStatement, from State, submission string, handed [][]byte) (Version, error) {
	files, err := p.gather(ctx, v, handed)
	if err != nil {
		return Version{}, err
	}
	encoded, err := v.Signed().Encode()
	if err != nil {
		return Version{}, err
	}
	m, first := v.Manifest(), v.Texts()[0]
	publication := Publication{
		Version: Version{
			Statement: m.Statement, Version: m.Version, Kind: m.Kind, ManifestSHA256: v.SHA256(), Signed: encoded, PublishedAt: p.now(),
		},
		PreviousSHA256: m.PreviousSHA256, Topic: first.Topic, Series: first.Series, Asked: Asked(m), Deadline: m.Deadline, Files: files, From: from, SubmissionSHA256: submission,
	}
	var all strings.Builder
	all.WriteString(string(m.Statement))
	for _, text := range v.Texts() {
		publication.Titles = append(publication.Titles, Title{text.Language, text.Title, text.Reason})
		all.WriteString("\n" + text.Title + "\n" + text.Reason + "\n" + text.Body)
	}
	publication.Words = Words(all.String())
	at, _, err := p.store.Publish(ctx, publication)
	publication.PublishedAt = at
	return publication.Version, err
}
