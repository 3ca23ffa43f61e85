-- +goose Up

-- What the courier has to carry by e-mail: a row for each representative with an address to whom a released notice is sealed, unless the notice says that it goes by no
-- e-mail. It is written in the transaction that puts the notice into the mailboxes. Nothing in it tells to where.
CREATE TABLE outbox (
	notice       TEXT   NOT NULL REFERENCES notices (number),
	holder       TEXT   NOT NULL, -- the representative
	mailbox      TEXT   NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'cancelled', 'dead')),
	queued_at    BIGINT NOT NULL, -- when the notice came into the mailbox
	due_at       BIGINT NOT NULL, -- when it goes out by what the notice says; the representative's own policy is sealed
	next_at      BIGINT NOT NULL, -- when the courier looks at it next
	attempts     BIGINT NOT NULL, -- to send it
	reason       TEXT   NOT NULL, -- why it waits, was cancelled or is dead: a word of ours, and the codes of a mail server
	settled_at   BIGINT,          -- when it left state waiting
	lease        TEXT,            -- who works on it
	leased_until BIGINT,
	PRIMARY KEY (notice, holder)
);

CREATE INDEX outbox_next ON outbox (next_at) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (settled_at) WHERE state = 'dead';

-- +goose Down

DROP TABLE outbox;
