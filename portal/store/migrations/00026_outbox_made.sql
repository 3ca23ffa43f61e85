-- +goose Up

-- When an entry of the outbox was made: who takes mail in looks for what is new, and not through all that was ever sent, when a mail comes that answers something unknown. Entries that were there before have none.
ALTER TABLE outbox ADD COLUMN made_at BIGINT NOT NULL DEFAULT 0;

CREATE INDEX outbox_made ON outbox (made_at);

-- +goose Down

DROP INDEX outbox_made;
ALTER TABLE outbox DROP COLUMN made_at;
