-- +goose Up

-- Where representatives get e-mail. The record is sealed to the couriers and the registrars; neither the address nor anything made of it (a hash could be guessed) stands
-- here or anywhere else in clear. A row goes when the representative's access ends.
CREATE TABLE addresses (
	holder TEXT   NOT NULL PRIMARY KEY REFERENCES representatives (holder),
	record BYTEA  NOT NULL,
	set_at BIGINT NOT NULL,
	set_by TEXT   NOT NULL -- holder
);

-- +goose Down

DROP TABLE addresses;
