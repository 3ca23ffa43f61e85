-- +goose Up

-- What a notice says to each mailbox alone: sealed once for each suite of its representatives. A notice has a part for every mailbox of its audience, all of one
-- size, or for none, so the rows don't show who is concerned.
CREATE TABLE personal_parts (
	notice  TEXT  NOT NULL REFERENCES notices (number),
	mailbox TEXT  NOT NULL,
	suite   TEXT  NOT NULL,
	part    BYTEA NOT NULL,
	PRIMARY KEY (notice, mailbox, suite)
);

-- What opens all parts of a notice, sealed to the desk.
CREATE TABLE personal_keys (
	notice TEXT  NOT NULL PRIMARY KEY REFERENCES notices (number),
	sealed BYTEA NOT NULL
);

ALTER TABLE envelopes ADD COLUMN personal BYTEA; -- the holder's envelope for the part of their mailbox; NULL for staff, and when there are none

-- +goose Down

ALTER TABLE envelopes DROP COLUMN personal;
DROP TABLE personal_keys;
DROP TABLE personal_parts;
