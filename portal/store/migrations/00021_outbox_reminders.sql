-- +goose Up

-- A representative who is reminded of a notice gets the same message again: a row of its own for each reminder, so the table's key gets a third part. SQLite can't change a
-- key, so the table is made anew.
CREATE TABLE outbox_with_reminders (
	notice       TEXT   NOT NULL REFERENCES notices (number),
	holder       TEXT   NOT NULL, -- the representative
	reminder     BIGINT NOT NULL, -- when they were reminded; 0: the first message
	mailbox      TEXT   NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'cancelled', 'dead')),
	queued_at    BIGINT NOT NULL, -- when the notice came into the mailbox
	due_at       BIGINT NOT NULL, -- when it goes out by what the notice says, and not before they were reminded; the representative's own policy is sealed
	next_at      BIGINT NOT NULL, -- when the courier looks at it next
	attempts     BIGINT NOT NULL, -- to send it
	reason       TEXT   NOT NULL, -- why it waits, was cancelled or is dead: a word of ours, and the codes of a mail server
	settled_at   BIGINT,          -- when it left state waiting
	lease        TEXT,            -- who works on it
	leased_until BIGINT,
	PRIMARY KEY (notice, holder, reminder)
);

INSERT INTO outbox_with_reminders
	SELECT notice, holder, 0, mailbox, state, queued_at, due_at, next_at, attempts, reason, settled_at, lease, leased_until FROM outbox;

DROP TABLE outbox;
ALTER TABLE outbox_with_reminders RENAME TO outbox;

CREATE INDEX outbox_next ON outbox (next_at) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (settled_at) WHERE state = 'dead';

-- +goose Down

CREATE TABLE outbox_without_reminders (
	notice       TEXT   NOT NULL REFERENCES notices (number),
	holder       TEXT   NOT NULL,
	mailbox      TEXT   NOT NULL,
	state        TEXT   NOT NULL CHECK (state IN ('waiting', 'sent', 'cancelled', 'dead')),
	queued_at    BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	next_at      BIGINT NOT NULL,
	attempts     BIGINT NOT NULL,
	reason       TEXT   NOT NULL,
	settled_at   BIGINT,
	lease        TEXT,
	leased_until BIGINT,
	PRIMARY KEY (notice, holder)
);

INSERT INTO outbox_without_reminders
	SELECT notice, holder, mailbox, state, queued_at, due_at, next_at, attempts, reason, settled_at, lease, leased_until FROM outbox WHERE reminder = 0;

DROP TABLE outbox;
ALTER TABLE outbox_without_reminders RENAME TO outbox;

CREATE INDEX outbox_next ON outbox (next_at) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (settled_at) WHERE state = 'dead';
