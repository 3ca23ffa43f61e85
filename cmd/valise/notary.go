package main

import (
	"context"
	"log/slog"
	"time"

	"valise/crypto"
	"valise/portal/publish"
	"valise/portal/store"
)

// NotaryCommand publishes approved statements at their minute.
type NotaryCommand struct {
	Key             string `required:"" env:"VALISE_NOTARY_KEY" type:"existingfile" placeholder:"FILE" help:"The notary's key file, made with 'valise staff new' and certified with 'valise staff certify --role notary'."`
	SecretFile      string `env:"VALISE_NOTARY_SECRET_FILE" placeholder:"FILE" help:"A file whose first line is the key file's passphrase (\"-\": standard input). Without it you are asked."`
	Institution     string `required:"" env:"VALISE_INSTITUTION" type:"existingfile" placeholder:"FILE" help:"The institution's description, as 'valise serve' has it: what lacks one of its working languages is not published."`
	RootCertificate string `required:"" env:"VALISE_ROOT_CERTIFICATE" type:"existingfile" placeholder:"FILE" help:"The institution's root certificate (public)."`
	Database        string `env:"VALISE_DATABASE" placeholder:"DSN" help:"A file for SQLite, or postgres://…."`
	DatabaseFile    string `env:"VALISE_DATABASE_FILE" placeholder:"FILE" help:"A file that holds the DSN, when it contains a password."`
}

// Help is the part of --help below the summary.
func (NotaryCommand) Help() string {
	return manual(`What is approved for a minute to come rests in the database sealed to the desk and to the notaries; the servers that people reach can't open it. A notary opens it, verifies both people's signatures as soon as it is approved, sends it back to the desk when something does not hold, and publishes it at its minute. Its clock decides: keep it right.

It listens nowhere and needs nothing but the database, so run it on a host of its own. Any number of notaries may run, with one key or several; each statement is published once. A stolen notary's key reads, before their minute, statements that were approved; it signs nothing that anybody believes.

Logs are JSON lines on standard error and name numbers only.

EXAMPLES

  valise staff new --name "Notary 1" --root-fingerprint "0123 4567 …" --key notary.key --certificate notary.asc
  valise staff certify notary.asc --key root.key --role notary
  valise staff add notary.asc --server https://portal.example
  valise notary --key notary.key --secret-file notary.secret --institution institution.toml --root-certificate root.asc --database-file /run/secrets/database

EXIT STATUS

  0 after a signal; 1 when it can't start; 2 for wrong usage.`)
}

// Run works until ctx ends.
func (c *NotaryCommand) Run(ctx context.Context, p *process) error {
	dsn, err := databaseSetting(c.Database, c.DatabaseFile)
	if err != nil {
		return err
	}
	institution, err := readInstitution(c.Institution)
	if err != nil {
		return err
	}
	root, err := readRoot(c.RootCertificate)
	if err != nil {
		return err
	}
	bundle, err := p.openKeyFile(c.Key, c.SecretFile)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	log := slog.New(slog.NewJSONHandler(p.stderr, nil))
	notary, err := openNotary(ctx, db, root, institution.Languages, bundle, log)
	if err != nil {
		return err
	}
	log.Info("notary", "key", string(bundle.Key.Certificate().Fingerprint()))
	notary.Run(ctx)
	return nil
}

// openNotary makes a notary of a key file.
func openNotary(ctx context.Context, db *store.DB, root *crypto.Root, languages []string, bundle *crypto.Bundle, log *slog.Logger) (*publish.Notary, error) {
	key, err := certifiedKey(ctx, db, root, bundle, "notary")
	if err != nil {
		return nil, err
	}
	return publish.NewNotary(db, root, languages, key, bundle.Past, log, time.Now)
}
