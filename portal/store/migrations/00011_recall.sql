-- +goose Up

-- How notices ended that were submitted and never released. A table of its own: rows are only ever added, and a row of notices never changes but by its release.
CREATE TABLE notice_ends (
	notice  TEXT   NOT NULL PRIMARY KEY REFERENCES notices (number),
	state   TEXT   NOT NULL CHECK (state IN ('returned', 'recalled')),
	by_whom TEXT   NOT NULL, -- staff:FINGERPRINT
	at      BIGINT NOT NULL,
	reason  BYTEA, -- sealed to the desk; NULL: none was given
	CHECK (state = 'recalled' OR reason IS NOT NULL)
);

-- +goose Down

DROP TABLE notice_ends;
