-- +goose Up

-- A statement on its way to publication. Everything that somebody wrote is sealed; there is no title here, no topic, and no minute.
CREATE TABLE statement_works (
	statement         TEXT   NOT NULL PRIMARY KEY,
	state             TEXT   NOT NULL CHECK (state IN ('draft', 'submitted', 'approved')),
	revision          BIGINT NOT NULL,
	saved_by          TEXT   NOT NULL,
	saved_at          BIGINT NOT NULL,
	submission_sha256 TEXT,
	submitted_by      TEXT,
	submitted_at      BIGINT,
	approved_by       TEXT,
	approved_at       BIGINT,
	checked_at        BIGINT, -- a notary will be able to publish it
	returned_by       TEXT,
	returned_at       BIGINT,
	reason            BYTEA,  -- sealed: why it was sent back
	draft             BYTEA  NOT NULL, -- sealed
	submission        BYTEA,  -- sealed
	CHECK ((state <> 'draft') = (submission IS NOT NULL AND submission_sha256 IS NOT NULL AND submitted_by IS NOT NULL AND submitted_at IS NOT NULL)),
	CHECK ((state = 'approved') = (approved_by IS NOT NULL AND approved_at IS NOT NULL))
);

-- What was published. Rows are only ever added.
CREATE TABLE statement_versions (
	statement       TEXT   NOT NULL,
	version         BIGINT NOT NULL,
	kind            TEXT   NOT NULL CHECK (kind IN ('original', 'correction', 'withdrawal')),
	manifest_sha256 TEXT   NOT NULL,
	published_at    BIGINT NOT NULL,
	signed          BYTEA  NOT NULL,
	PRIMARY KEY (statement, version)
);

CREATE TABLE statement_titles (
	statement TEXT   NOT NULL,
	version   BIGINT NOT NULL,
	position  BIGINT NOT NULL, -- 0 is the authoritative one
	language  TEXT   NOT NULL,
	title     TEXT   NOT NULL,
	reason    TEXT   NOT NULL,
	PRIMARY KEY (statement, version, position)
);

-- The archive: each statement in its newest version. Places are given in the order of publication; a new version gets a new one.
CREATE TABLE statement_heads (
	statement    TEXT   NOT NULL PRIMARY KEY,
	place        BIGINT NOT NULL UNIQUE,
	version      BIGINT NOT NULL,
	kind         TEXT   NOT NULL,
	topic        TEXT   NOT NULL,
	series       TEXT   NOT NULL, -- '' for none
	languages    TEXT   NOT NULL, -- a space before and behind each
	first_at     BIGINT NOT NULL,
	published_at BIGINT NOT NULL
);

-- One row: the last place that was given. Whoever publishes locks it.
CREATE TABLE statement_places (
	place BIGINT NOT NULL
);

INSERT INTO statement_places (place) VALUES (0);

CREATE INDEX statement_heads_of_series ON statement_heads (series);

-- +goose Down

DROP TABLE statement_places;
DROP TABLE statement_heads;
DROP TABLE statement_titles;
DROP TABLE statement_versions;
DROP TABLE statement_works;
