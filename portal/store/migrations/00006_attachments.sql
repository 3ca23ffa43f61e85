-- +goose Up

-- Files of a statement that is being worked on, sealed, each by itself. Neither name nor type is here, and the size is that of what is padded and sealed. id is the SHA-256 digest of the
-- sealed octets. The octets stand apart, so that counting reads none of them.
CREATE TABLE statement_sealed_files (
	statement   TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	size        BIGINT NOT NULL,
	for_notary  BIGINT NOT NULL, -- 1: it is sealed to a notary, too
	uploaded_by TEXT   NOT NULL,
	uploaded_at BIGINT NOT NULL,
	in_draft    BIGINT NOT NULL, -- 1: the draft as it was last saved names it
	in_approval BIGINT NOT NULL, -- 1: who approved the statement handed it in for the notaries
	PRIMARY KEY (statement, id)
);

CREATE TABLE statement_sealed_data (
	statement TEXT  NOT NULL,
	id        TEXT  NOT NULL,
	data      BYTEA NOT NULL,
	PRIMARY KEY (statement, id)
);

-- Files of what was published. Rows are only ever added, in the transaction of the publication. A file that several versions have is kept once.
CREATE TABLE statement_file_data (
	sha256 TEXT   NOT NULL PRIMARY KEY,
	size   BIGINT NOT NULL,
	data   BYTEA  NOT NULL
);

CREATE TABLE statement_files (
	statement TEXT   NOT NULL,
	version   BIGINT NOT NULL,
	position  BIGINT NOT NULL,
	name      TEXT   NOT NULL,
	type      TEXT   NOT NULL,
	size      BIGINT NOT NULL,
	sha256    TEXT   NOT NULL REFERENCES statement_file_data (sha256),
	PRIMARY KEY (statement, version, name),
	FOREIGN KEY (statement, version) REFERENCES statement_versions (statement, version)
);

-- +goose Down

DROP TABLE statement_files;
DROP TABLE statement_file_data;
DROP TABLE statement_sealed_data;
DROP TABLE statement_sealed_files;
