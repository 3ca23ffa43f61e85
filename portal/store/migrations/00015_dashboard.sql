-- +goose Up

-- What staff watch of a notice: how many had opened it, and answered, by when. Counting goes over these alone, and no receipt is touched. Who has not
-- opened is in no index, so a release writes nothing more.
CREATE INDEX deliveries_opened ON deliveries (notice, opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX acknowledgements_received ON acknowledgements (notice, decision, received_at);

-- +goose Down

DROP INDEX acknowledgements_received;
DROP INDEX deliveries_opened;
