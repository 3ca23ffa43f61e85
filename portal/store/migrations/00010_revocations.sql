-- +goose Up

-- A registrar ended a representative's access. The revocation itself stands in the first certificate of their chain, signed.
ALTER TABLE representatives ADD COLUMN revoked_at BIGINT;
ALTER TABLE representatives ADD COLUMN revocation_reason BYTEA; -- sealed to the registrars

-- +goose Down

ALTER TABLE representatives DROP COLUMN revocation_reason;
ALTER TABLE representatives DROP COLUMN revoked_at;
