-- +goose Up
-- modify "operations" table
ALTER TABLE "operations" ADD COLUMN "requested_by_kind" character varying NULL, ADD COLUMN "requested_by" character varying NULL, ADD COLUMN "requested_by_label" character varying NULL;
-- create "api_keys" table
CREATE TABLE "api_keys" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "name" character varying NOT NULL, "scopes" jsonb NOT NULL, "prefix" character varying NOT NULL, "hash" character varying NOT NULL, "former_hash" character varying NULL, "former_until" timestamptz NULL, "expires_at" timestamptz NULL, "last_used_at" timestamptz NULL, "revoked_at" timestamptz NULL, PRIMARY KEY ("id"));
-- create index "api_keys_prefix_key" to table: "api_keys"
CREATE UNIQUE INDEX "api_keys_prefix_key" ON "api_keys" ("prefix");
-- create index "apikey_created_at_id" to table: "api_keys"
CREATE INDEX "apikey_created_at_id" ON "api_keys" ("created_at", "id");
-- create "customer_sessions" table
CREATE TABLE "customer_sessions" ("id" character varying NOT NULL, "customer_id" character varying NOT NULL, "actions" jsonb NOT NULL, "prefix" character varying NOT NULL, "hash" character varying NOT NULL, "created_at" timestamptz NOT NULL, "expires_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- create index "customer_sessions_prefix_key" to table: "customer_sessions"
CREATE UNIQUE INDEX "customer_sessions_prefix_key" ON "customer_sessions" ("prefix");
-- create index "customersession_customer_id" to table: "customer_sessions"
CREATE INDEX "customersession_customer_id" ON "customer_sessions" ("customer_id");
-- create index "customersession_expires_at" to table: "customer_sessions"
CREATE INDEX "customersession_expires_at" ON "customer_sessions" ("expires_at");

-- +goose Down
-- reverse: create index "customersession_expires_at" to table: "customer_sessions"
DROP INDEX "customersession_expires_at";
-- reverse: create index "customersession_customer_id" to table: "customer_sessions"
DROP INDEX "customersession_customer_id";
-- reverse: create index "customer_sessions_prefix_key" to table: "customer_sessions"
DROP INDEX "customer_sessions_prefix_key";
-- reverse: create "customer_sessions" table
DROP TABLE "customer_sessions";
-- reverse: create index "apikey_created_at_id" to table: "api_keys"
DROP INDEX "apikey_created_at_id";
-- reverse: create index "api_keys_prefix_key" to table: "api_keys"
DROP INDEX "api_keys_prefix_key";
-- reverse: create "api_keys" table
DROP TABLE "api_keys";
-- reverse: modify "operations" table
ALTER TABLE "operations" DROP COLUMN "requested_by_label", DROP COLUMN "requested_by", DROP COLUMN "requested_by_kind";
