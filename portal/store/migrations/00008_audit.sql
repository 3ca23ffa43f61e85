-- +goose Up

-- The trail gets an order, by time and by a number drawn at random where two entries have the same microsecond, so that it can be read page by page.
CREATE TABLE audit_trail (
	at     BIGINT NOT NULL,
	id     BIGINT NOT NULL,
	actor  TEXT   NOT NULL, -- a holder; '' for nobody: what the root certified, anyone may bring
	act    TEXT   NOT NULL,
	object TEXT   NOT NULL,
	PRIMARY KEY (at, id)
);

INSERT INTO audit_trail (at, id, actor, act, object)
	SELECT at, ROW_NUMBER() OVER (ORDER BY at, actor, act, object), actor, act, object FROM audit;

DROP TABLE audit;

ALTER TABLE audit_trail RENAME TO audit;

CREATE INDEX audit_of_actor ON audit (actor, at, id);
CREATE INDEX audit_of_object ON audit (object, at, id);

-- +goose Down

DROP INDEX audit_of_object;
DROP INDEX audit_of_actor;
CREATE TABLE audit_before (
	at     BIGINT NOT NULL,
	actor  TEXT   NOT NULL,
	act    TEXT   NOT NULL,
	object TEXT   NOT NULL
);

INSERT INTO audit_before (at, actor, act, object) SELECT at, actor, act, object FROM audit;

DROP TABLE audit;

ALTER TABLE audit_before RENAME TO audit;
