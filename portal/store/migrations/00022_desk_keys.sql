-- +goose Up

-- The desk's keys for mail programs: for each member of the desk one record from each who gave it to them, sealed to that member alone. Rows are only added, so that nobody can spoil
-- what another gave.
CREATE TABLE desk_key_shares (
	fingerprint TEXT   NOT NULL REFERENCES staff (fingerprint), -- of the desk's certificate
	holder      TEXT   NOT NULL, -- the member who opens it
	given_by    TEXT   NOT NULL, -- holder
	record      BYTEA  NOT NULL, -- sealed: crypto.SealDeskKey
	at          BIGINT NOT NULL,
	PRIMARY KEY (fingerprint, holder, given_by)
);

CREATE INDEX desk_key_shares_holder ON desk_key_shares (holder);

-- +goose Down

DROP TABLE desk_key_shares;
