-- +goose Up

-- A large notice arrives in pieces, so that a broken line costs one of them. What is in them is sealed, and is put together when the notice is submitted.
CREATE TABLE uploads (
	id       TEXT   NOT NULL PRIMARY KEY, -- random
	holder   TEXT   NOT NULL,             -- whose it is
	size     BIGINT NOT NULL,             -- that it is to have
	sha256   TEXT   NOT NULL,             -- likewise
	received BIGINT NOT NULL,             -- bytes
	begun_at BIGINT NOT NULL,
	notice   TEXT                         -- that it became; the pieces are gone then
);
CREATE INDEX uploads_by_holder ON uploads (holder, begun_at);

CREATE TABLE upload_pieces (
	upload   TEXT   NOT NULL,
	position BIGINT NOT NULL, -- of its first byte
	data     BYTEA  NOT NULL,
	PRIMARY KEY (upload, position)
);

-- Drafts of notices, sealed to those who author and approve. A revision takes the place of the one before.
CREATE TABLE notice_drafts (
	id       TEXT   NOT NULL PRIMARY KEY, -- N-…, of the draft alone: the notice gets a number of its own
	revision BIGINT NOT NULL,             -- from 1
	saved_at BIGINT NOT NULL,
	saved_by TEXT   NOT NULL,
	record   BYTEA  NOT NULL
);

-- Files of a draft, sealed, each by itself. id is the SHA-256 digest of the sealed octets; the octets stand apart, so that counting reads none of them.
CREATE TABLE notice_draft_files (
	draft       TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	size        BIGINT NOT NULL,
	uploaded_by TEXT   NOT NULL,
	uploaded_at BIGINT NOT NULL,
	named       BIGINT NOT NULL, -- 1: the draft as it was last saved names it
	PRIMARY KEY (draft, id)
);

CREATE TABLE notice_draft_data (
	draft TEXT  NOT NULL,
	id    TEXT  NOT NULL,
	data  BYTEA NOT NULL,
	PRIMARY KEY (draft, id)
);

-- +goose Down

DROP TABLE notice_draft_data;
DROP TABLE notice_draft_files;
DROP TABLE notice_drafts;
DROP TABLE upload_pieces;
DROP TABLE uploads;
