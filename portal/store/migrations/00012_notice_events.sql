-- +goose Up

-- What happened to a notice beside its release, its being opened and its receipts. Rows are only ever added.
CREATE TABLE notice_events (
	id       TEXT   NOT NULL PRIMARY KEY, -- drawn, or made of what happens once: whoever comes second adds nothing
	notice   TEXT   NOT NULL REFERENCES notices (number),
	mailbox  TEXT, -- NULL: of no single one
	kind     TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	by_whom  TEXT, -- a holder; NULL: the portal
	via      TEXT,
	evidence BYTEA
);

CREATE INDEX notice_events_of_notice ON notice_events (notice, mailbox);

-- Who of a mailbox was the first to open a notice: the ledger's entry names them.
ALTER TABLE deliveries ADD COLUMN opened_by TEXT;

-- Approvals of notices whose time has not come. A row of notices never changes but by its release.
CREATE TABLE notice_approvals (
	notice             TEXT   NOT NULL PRIMARY KEY REFERENCES notices (number),
	approver_signature BYTEA  NOT NULL,
	approved_at        BIGINT NOT NULL,
	release_at         BIGINT NOT NULL
);

CREATE INDEX notice_approvals_due ON notice_approvals (release_at);

-- Why an approved notice could not be released at its time. It waits for somebody of the staff, and is not tried again.
CREATE TABLE notice_release_problems (
	notice  TEXT   NOT NULL PRIMARY KEY REFERENCES notices (number),
	at      BIGINT NOT NULL,
	code    TEXT   NOT NULL,
	problem TEXT   NOT NULL -- an English sentence for staff; numbers, no names
);

-- What is to be done about a released notice at a time, once, by whichever node comes first: it locks the row, and marks it in the transaction of the deed.
CREATE TABLE notice_clock (
	notice  TEXT   NOT NULL REFERENCES notices (number),
	due_at  BIGINT NOT NULL,
	deed    TEXT   NOT NULL CHECK (deed IN ('remind', 'expire')),
	done_at BIGINT,
	PRIMARY KEY (notice, deed, due_at)
);

CREATE INDEX notice_clock_due ON notice_clock (due_at) WHERE done_at IS NULL;

-- +goose Down

DROP TABLE notice_clock;
DROP TABLE notice_release_problems;
DROP TABLE notice_approvals;
ALTER TABLE deliveries DROP COLUMN opened_by;
DROP TABLE notice_events;
