-- +goose Up

-- Events on their way into the Merkle log, written with the event itself. Deleted, one day, with what they tell of; the leaves stay.
CREATE TABLE ledger_entries (
	subject TEXT  NOT NULL PRIMARY KEY,
	hash    BYTEA NOT NULL, -- of the leaf: the order in which entries are put into the tree
	extra   BYTEA NOT NULL, -- what the leaf is made of: its text, or the opening of a commitment
	leaf    BIGINT -- which one it has become; NULL while it waits
);

CREATE INDEX ledger_entries_waiting ON ledger_entries (hash) WHERE leaf IS NULL;

-- The tree. Rows of these two are only ever added.
CREATE TABLE ledger_leaves (
	i    BIGINT NOT NULL PRIMARY KEY,
	leaf BYTEA  NOT NULL
);

CREATE TABLE ledger_hashes (
	i    BIGINT NOT NULL PRIMARY KEY, -- as golang.org/x/mod/sumdb/tlog counts: StoredHashIndex
	hash BYTEA  NOT NULL
);

CREATE TABLE ledger_checkpoints (
	size         BIGINT NOT NULL PRIMARY KEY, -- the largest is the one that is served
	signed       BYTEA  NOT NULL,
	published_at BIGINT NOT NULL
);

-- +goose Down

DROP TABLE ledger_checkpoints;
DROP TABLE ledger_hashes;
DROP TABLE ledger_leaves;
DROP TABLE ledger_entries;
