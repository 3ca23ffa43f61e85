-- +goose Up

-- What a version's manifest says of who is asked to acknowledge it, to be found by: some of the letters S, O and I, nothing for a withdrawal, which asks nobody. NULL in what
-- was published before this column was there, until Migrate has read it in the manifest.
ALTER TABLE statement_versions ADD COLUMN asked TEXT;
ALTER TABLE statement_versions ADD COLUMN deadline BIGINT;

CREATE INDEX statement_versions_asking ON statement_versions (statement, asked) WHERE asked <> '';

-- When a mailbox first fetched a version that stands in it. What a mailbox was asked, and has not fetched, has no row: thousands of mailboxes are asked by publishing once,
-- and one that is issued later is asked, too.
CREATE TABLE statement_fetches (
	statement  TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	mailbox    TEXT   NOT NULL REFERENCES mailboxes (number),
	fetched_at BIGINT NOT NULL,
	PRIMARY KEY (statement, version, mailbox),
	FOREIGN KEY (statement, version) REFERENCES statement_versions (statement, version)
);

CREATE TABLE statement_acknowledgements (
	statement   TEXT   NOT NULL,
	version     BIGINT NOT NULL,
	mailbox     TEXT   NOT NULL,
	holder      TEXT   NOT NULL REFERENCES representatives (holder),
	certificate TEXT   NOT NULL,
	decision    TEXT   NOT NULL,
	received_at BIGINT NOT NULL,
	receipt     BYTEA  NOT NULL,
	PRIMARY KEY (statement, version, mailbox),
	FOREIGN KEY (statement, version, mailbox) REFERENCES statement_fetches (statement, version, mailbox)
);

CREATE INDEX statement_acknowledgements_of_mailbox ON statement_acknowledgements (mailbox);

-- +goose Down

DROP TABLE statement_acknowledgements;
DROP TABLE statement_fetches;
DROP INDEX statement_versions_asking;
ALTER TABLE statement_versions DROP COLUMN deadline;
ALTER TABLE statement_versions DROP COLUMN asked;
