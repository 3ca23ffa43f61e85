-- Replies of representatives and answers of the desk. What they say, their subjects included, is sealed.

-- +goose Up

CREATE TABLE threads (
	number     TEXT   NOT NULL PRIMARY KEY,
	mailbox    TEXT   NOT NULL REFERENCES mailboxes (number),
	about      TEXT   NOT NULL, -- number of a notice or a statement; '' for neither
	state      TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
	assignee   TEXT, -- staff:FINGERPRINT; NULL: nobody yet
	begun_at   BIGINT NOT NULL,
	changed_at BIGINT NOT NULL, -- when the last message came
	last_kind  TEXT   NOT NULL, -- of that message
	messages   BIGINT NOT NULL
);

CREATE INDEX threads_of_mailbox ON threads (mailbox, changed_at);
CREATE INDEX threads_by_state ON threads (state, changed_at);

CREATE TABLE messages (
	id          TEXT   NOT NULL PRIMARY KEY, -- made by the writer's client
	thread      TEXT   NOT NULL REFERENCES threads (number),
	position    BIGINT NOT NULL, -- 1 is the first
	kind        TEXT   NOT NULL CHECK (kind IN ('reply', 'answer')),
	writer      TEXT   NOT NULL, -- who was logged in
	sha256      TEXT   NOT NULL, -- of the heading in clear, as the writer's client says: what the ledger's entry names
	received_at BIGINT NOT NULL,
	size        BIGINT NOT NULL, -- bytes of all bodies
	UNIQUE (thread, position)
);

CREATE TABLE message_bodies (
	message TEXT  NOT NULL REFERENCES messages (id),
	suite   TEXT  NOT NULL,
	heading BYTEA NOT NULL,
	body    BYTEA NOT NULL, -- last, so that SQLite need not read it to find the heading
	PRIMARY KEY (message, suite)
);

CREATE TABLE message_envelopes (
	message     TEXT  NOT NULL REFERENCES messages (id),
	holder      TEXT  NOT NULL, -- S-7K2M9QXD/2, or staff:FINGERPRINT
	certificate TEXT  NOT NULL,
	suite       TEXT  NOT NULL, -- of the body that it opens
	read_at     BIGINT, -- when the holder first fetched the body
	envelope    BYTEA NOT NULL,
	PRIMARY KEY (message, holder)
);

CREATE INDEX message_envelopes_of_holder ON message_envelopes (holder);

-- +goose Down

DROP TABLE message_envelopes;
DROP TABLE message_bodies;
DROP TABLE messages;
DROP TABLE threads;
