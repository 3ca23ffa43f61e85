-- One text for both databases. PostgreSQL's names of types are used; SQLite takes any name, and keeps octets as
-- octets in a column that it doesn't know the type of (BYTEA has numeric affinity, which leaves BLOBs alone).
-- Times are microseconds since 1970 in UTC, set by Valise.

-- +goose Up

CREATE TABLE staff (
	fingerprint TEXT   NOT NULL PRIMARY KEY,
	certificate BYTEA  NOT NULL,
	added_at    BIGINT NOT NULL
);

CREATE TABLE mailboxes (
	number    TEXT   NOT NULL PRIMARY KEY,
	label     BYTEA  NOT NULL, -- sealed: the stakeholder's name
	issued_at BIGINT NOT NULL
);

CREATE TABLE representatives (
	holder        TEXT   NOT NULL PRIMARY KEY, -- S-7K2M9QXD/2
	mailbox       TEXT   NOT NULL REFERENCES mailboxes (number),
	ordinal       BIGINT NOT NULL,
	state         TEXT   NOT NULL CHECK (state IN ('issued', 'claimed', 'revoked')),
	profile       TEXT   NOT NULL,
	certificate   TEXT   NOT NULL, -- fingerprint of the last one in the chain
	issued_at     BIGINT NOT NULL,
	claimed_at    BIGINT,
	salt          BYTEA, -- these three are NULL for who uses a key of their own
	verifier      BYTEA,
	details       BYTEA  NOT NULL, -- sealed: who it is
	locked_bundle BYTEA,
	UNIQUE (mailbox, ordinal)
);

CREATE TABLE certificates (
	holder      TEXT   NOT NULL REFERENCES representatives (holder),
	position    BIGINT NOT NULL, -- 0 is the issued one
	fingerprint TEXT   NOT NULL,
	certificate BYTEA  NOT NULL,
	PRIMARY KEY (holder, position)
);

CREATE TABLE notices (
	number             TEXT   NOT NULL PRIMARY KEY,
	state              TEXT   NOT NULL CHECK (state IN ('submitted', 'released')),
	submitted_at       BIGINT NOT NULL,
	released_at        BIGINT,
	manifest           BYTEA  NOT NULL,
	author_signature   BYTEA  NOT NULL,
	approver_signature BYTEA,
	CHECK ((state = 'released') = (approver_signature IS NOT NULL AND released_at IS NOT NULL))
);

-- Apart from notices, because a release would otherwise write these megabytes anew.
CREATE TABLE audiences (
	notice   TEXT  NOT NULL PRIMARY KEY REFERENCES notices (number),
	audience BYTEA NOT NULL
);

-- The body comes last, so that SQLite need not read it to find the heading.
CREATE TABLE bodies (
	notice  TEXT  NOT NULL REFERENCES notices (number),
	suite   TEXT  NOT NULL,
	heading BYTEA NOT NULL,
	body    BYTEA NOT NULL,
	PRIMARY KEY (notice, suite)
);

CREATE TABLE envelopes (
	notice      TEXT  NOT NULL REFERENCES notices (number),
	holder      TEXT  NOT NULL, -- S-7K2M9QXD/2, or staff:FINGERPRINT
	mailbox     TEXT, -- NULL for staff
	certificate TEXT  NOT NULL,
	suite       TEXT  NOT NULL,
	envelope    BYTEA NOT NULL,
	membership  BYTEA, -- shows the holder that they are in the audience; NULL for staff
	PRIMARY KEY (notice, holder)
);

CREATE INDEX envelopes_of_holder ON envelopes (holder);

-- Without a foreign key to mailboxes: rows come from envelopes, which were checked against it, thousands at a time.
CREATE TABLE deliveries (
	notice       TEXT   NOT NULL,
	mailbox      TEXT   NOT NULL,
	delivered_at BIGINT NOT NULL,
	opened_at    BIGINT,
	PRIMARY KEY (notice, mailbox)
);

CREATE TABLE acknowledgements (
	notice      TEXT   NOT NULL,
	mailbox     TEXT   NOT NULL,
	holder      TEXT   NOT NULL REFERENCES representatives (holder),
	certificate TEXT   NOT NULL,
	decision    TEXT   NOT NULL,
	received_at BIGINT NOT NULL,
	receipt     BYTEA  NOT NULL,
	PRIMARY KEY (notice, mailbox),
	FOREIGN KEY (notice, mailbox) REFERENCES deliveries (notice, mailbox)
);

CREATE TABLE audit (
	at     BIGINT NOT NULL,
	actor  TEXT   NOT NULL,
	act    TEXT   NOT NULL,
	object TEXT   NOT NULL
);

CREATE TABLE sessions (
	id_hash TEXT   NOT NULL PRIMARY KEY,
	holder  TEXT   NOT NULL,
	expires BIGINT NOT NULL,
	data    BYTEA  NOT NULL
);

CREATE INDEX sessions_of_holder ON sessions (holder);

CREATE TABLE session_epochs (
	holder TEXT   NOT NULL PRIMARY KEY,
	epoch  BIGINT NOT NULL
);

CREATE TABLE nonces (
	purpose TEXT   NOT NULL,
	nonce   TEXT   NOT NULL, -- its hash
	expires BIGINT NOT NULL,
	PRIMARY KEY (purpose, nonce)
);

CREATE TABLE limits (
	key TEXT   NOT NULL PRIMARY KEY, -- an HMAC
	due BIGINT NOT NULL
);

-- +goose Down

DROP TABLE limits;
DROP TABLE nonces;
DROP TABLE session_epochs;
DROP TABLE sessions;
DROP TABLE audit;
DROP TABLE acknowledgements;
DROP TABLE deliveries;
DROP TABLE envelopes;
DROP TABLE bodies;
DROP TABLE audiences;
DROP TABLE notices;
DROP TABLE certificates;
DROP TABLE representatives;
DROP TABLE mailboxes;
DROP TABLE staff;
