-- +goose Up

-- Named audiences. What a group is called and who is in it stands in the record, sealed; a change is a revision of its own, and the old ones stay.
CREATE TABLE groups_of_mailboxes (
	number   TEXT   NOT NULL, -- G-…
	revision BIGINT NOT NULL, -- from 1
	saved_at BIGINT NOT NULL,
	saved_by TEXT   NOT NULL, -- holder
	record   BYTEA  NOT NULL,
	PRIMARY KEY (number, revision)
);

-- +goose Down

DROP TABLE groups_of_mailboxes;
