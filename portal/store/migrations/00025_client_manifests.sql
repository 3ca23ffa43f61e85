-- +goose Up

-- What two of the staff signed of what the portal gives browsers to run. Rows are only ever inserted: the ledger has their digests, and who asks years later what was served
-- then shall find it.
CREATE TABLE client_manifests (
	sha256     TEXT   NOT NULL PRIMARY KEY, -- of the text
	client     TEXT   NOT NULL,             -- SHA-256 of what is run alone: the same client may be signed again later
	signed     BYTEA  NOT NULL,             -- clear-signed
	made_at    BIGINT NOT NULL,             -- by its first signer's clock
	entered_at BIGINT NOT NULL
);

CREATE INDEX client_manifests_client ON client_manifests (client, made_at);

-- +goose Down

DROP TABLE client_manifests;
