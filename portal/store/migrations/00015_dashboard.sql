-- +goose Up

-- What staff watch of a notice: how many had opened it, and answered, by when. Counting goes over these alone, and no receipt is touched. Who has not
-- opened is in no index, so a release writes nothing more.
CREATE INDEX deliveries_opened ON deliveries (notice, opened_at) WHERE opened_at IS NOT NULL;
CREATE INDEX acknowledgements_received ON acknowledgements (notice, decision, received_at);

-- Who could not be reached, and what changed of late.
CREATE INDEX notice_events_failed ON notice_events (notice, kind, mailbox) WHERE kind IN ('ConsignmentNotificationFailure', 'RelayToNonERDSFailure');
CREATE INDEX notice_events_at ON notice_events (notice, at);

-- +goose Down

DROP INDEX notice_events_at;
DROP INDEX notice_events_failed;
DROP INDEX acknowledgements_received;
DROP INDEX deliveries_opened;
