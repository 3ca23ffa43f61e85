-- +goose Up

-- What representatives had done by signed mail: each text once. The message stands here as evidence; it names numbers, and nobody.
CREATE TABLE commands (
	holder   TEXT   NOT NULL REFERENCES representatives (holder),
	digest   BYTEA  NOT NULL, -- SHA-256 of the text that was signed, in its one spelling
	command  TEXT   NOT NULL,
	about    TEXT   NOT NULL,
	said_at  BIGINT NOT NULL, -- the time in it
	taken_at BIGINT NOT NULL,
	message  BYTEA  NOT NULL, -- as it is kept: text and signature
	PRIMARY KEY (holder, digest)
);

CREATE INDEX commands_by_time ON commands (taken_at);

-- Who asked for a mail themself gets it, whether or not the mailbox has opened the notice, and at once.
ALTER TABLE outbox ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;

-- +goose Down

ALTER TABLE outbox DROP COLUMN asked;
DROP TABLE commands;
