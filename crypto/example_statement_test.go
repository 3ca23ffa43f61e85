package crypto_test

import (
	"fmt"
	"time"

	"valise/crypto"
)

// An author writes a statement, another person approves it, it is corrected, and
// anyone checks it: all of it, or a single file.
func Example_statement() {
	now := time.Now()
	institution := newInstitution(now)
	root, staff := institution.root, institution.staff

	// publish goes from the author's machine to the approver's, and to the world.
	publish := func(draft *crypto.StatementDraft, previous *crypto.VerifiedStatement) *crypto.VerifiedStatement {
		submission, err := crypto.PrepareStatement(root, institution.author, draft, previous, now)
		check(err)
		submitted, err := root.VerifyStatementSubmission(submission, previous, staff, now)
		check(err) // now the approver is shown submitted.Texts()
		approved, err := crypto.ApproveStatement(root, institution.approver, submitted, now)
		check(err)
		verified, err := root.VerifyStatement(approved, previous, staff, now)
		check(err)
		return verified
	}
	draft := &crypto.StatementDraft{
		Topic: "security",
		Languages: []crypto.StatementLanguage{
			{Language: "en", Title: "Security incident", Body: "We detected anomalous activity on 3 May.\n"},
			{Language: "fr", Title: "Incident de sécurité", Body: "Nous avons détecté une activité anormale le 3 mai.\n"},
		},
	}
	original := publish(draft, nil)
	draft.Kind = crypto.StatementCorrection
	draft.Languages[0].Reason, draft.Languages[0].Body = "The date was wrong.", "We detected anomalous activity on 5 May.\n"
	draft.Languages[1].Reason, draft.Languages[1].Body = "La date était erronée.", "Nous avons détecté une activité anormale le 5 mai.\n"
	correction := publish(draft, original)

	// A mirror has all versions; a reader has one file.
	versions, err := root.VerifyStatementVersions([]crypto.SignedStatement{original.Signed(), correction.Signed()}, staff, now)
	check(err)
	fmt.Println(len(versions), "versions, the newest a", versions[1].Manifest().Kind)
	file, err := correction.Signed().Texts[1].ClearSigned()
	check(err)
	text, err := root.VerifyStatementText(file, staff, now)
	check(err)
	fmt.Println(text.Text().Title, "-", text.Text().Reason)
	fmt.Println(text.Author().Name(), "and", text.Approver().Name())
	// Output:
	// 2 versions, the newest a correction
	// Incident de sécurité - La date était erronée.
	// Anna Meijer and Benoît Diallo
}
