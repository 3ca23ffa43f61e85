-- +goose Up

-- What staff noted of contacts outside the portal, sealed. The signed text is the evidence of the event; the note is personal, and no part of it.
CREATE TABLE contact_notes (
	event TEXT  NOT NULL PRIMARY KEY REFERENCES notice_events (id),
	note  BYTEA NOT NULL
);

-- +goose Down

DROP TABLE contact_notes;
