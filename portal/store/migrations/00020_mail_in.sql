-- +goose Up

-- Mail that came and that the courier could do nothing with. What it says, and from whom it is, is sealed to the desk. How many and how large they may be is bounded for each reason.
CREATE TABLE kept_mail (
	id          TEXT   NOT NULL PRIMARY KEY, -- made of the mail with the courier's key: the same mail again is kept once
	received_at BIGINT NOT NULL,
	reason      TEXT   NOT NULL, -- a word of ours
	detail      TEXT   NOT NULL, -- a code of ours; never what the mail says
	notice      TEXT,            -- that it answers, when an address or a Message-ID of ours says so
	holder      TEXT,            -- likewise the representative to whom that was sent
	size        BIGINT NOT NULL, -- octets of the mail
	record      BYTEA  NOT NULL
);

CREATE INDEX kept_mail_by_reason ON kept_mail (reason, received_at);

-- How many mails came, day by day, and what became of them.
CREATE TABLE mail_counts (
	day   BIGINT NOT NULL, -- since 1970, UTC
	what  TEXT   NOT NULL,
	mails BIGINT NOT NULL,
	PRIMARY KEY (day, what)
);

-- +goose Down

DROP TABLE mail_counts;
DROP TABLE kept_mail;
