-- +goose Up

-- Second factors of staff. What stands here lets nobody log in: public keys, and a keyed hash of an account's name.
CREATE TABLE passkeys (
	id         TEXT    NOT NULL PRIMARY KEY, -- of the SHA-256 of the credential's id
	holder     TEXT    NOT NULL, -- staff:FINGERPRINT
	label      TEXT    NOT NULL, -- in the owner's words
	key_alone  BIGINT  NOT NULL, -- 1: enrolled with nothing but the OpenPGP key
	count      BIGINT  NOT NULL, -- the authenticator's signature counter; 0: it has none
	created_at BIGINT  NOT NULL,
	used_at    BIGINT,
	credential BYTEA   NOT NULL
);

CREATE INDEX passkeys_of_holder ON passkeys (holder);

CREATE TABLE staff_accounts (
	holder   TEXT   NOT NULL PRIMARY KEY,
	account  TEXT   NOT NULL UNIQUE, -- HMAC of issuer and subject
	bound_at BIGINT NOT NULL
);

-- Rows are only ever added.
CREATE TABLE factor_resets (
	holder   TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	by_whom  TEXT   NOT NULL,
	reason   TEXT   NOT NULL,
	PRIMARY KEY (holder, at)
);

-- +goose Down

DROP TABLE factor_resets;
DROP TABLE staff_accounts;
DROP TABLE passkeys;
