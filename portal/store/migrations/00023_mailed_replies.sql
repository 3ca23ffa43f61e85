-- Replies that came by e-mail, into the threads of the notices that they answer.

-- +goose Up

-- A message has a third kind, and neither database changes a CHECK in place on both. A column of its own with the new one takes over, so the rows stay where they are, and no body is copied.
ALTER TABLE messages ADD COLUMN said TEXT NOT NULL DEFAULT 'reply' CHECK (said IN ('reply', 'answer', 'mail'));
UPDATE messages SET said = kind;
ALTER TABLE messages DROP COLUMN kind;
ALTER TABLE messages RENAME COLUMN said TO kind;

-- What belongs to a message of kind 'mail' in place of bodies and envelopes. Its row in messages has no writer, since nobody was logged in; its sha256 is that of sealed.
CREATE TABLE mailed_replies (
	message TEXT  NOT NULL PRIMARY KEY REFERENCES messages (id),
	answers TEXT  NOT NULL, -- the representative to whom the mail of ours went that it answers; who wrote it is not known
	sealed  BYTEA NOT NULL  -- a whole OpenPGP message, to the desk's certificate for mail programs
);

CREATE TABLE mailed_reads (
	message TEXT   NOT NULL REFERENCES mailed_replies (message),
	holder  TEXT   NOT NULL, -- of the desk
	read_at BIGINT NOT NULL, -- when they first fetched it
	PRIMARY KEY (message, holder)
);

-- +goose Down

UPDATE threads SET messages = messages - (SELECT count(*) FROM messages m WHERE m.thread = threads.number AND m.kind = 'mail');
DELETE FROM mailed_reads;
DELETE FROM mailed_replies;
DELETE FROM messages WHERE kind = 'mail';
DELETE FROM threads WHERE messages = 0;
DROP TABLE mailed_reads;
DROP TABLE mailed_replies;
ALTER TABLE messages ADD COLUMN said TEXT NOT NULL DEFAULT 'reply' CHECK (said IN ('reply', 'answer'));
UPDATE messages SET said = kind;
ALTER TABLE messages DROP COLUMN kind;
ALTER TABLE messages RENAME COLUMN said TO kind;
UPDATE threads SET last_kind = (SELECT m.kind FROM messages m WHERE m.thread = threads.number ORDER BY m.position DESC LIMIT 1);
