-- +goose Up
-- add column "requested_by_kind" to table: "operations"
ALTER TABLE `operations` ADD COLUMN `requested_by_kind` text NULL;
-- add column "requested_by" to table: "operations"
ALTER TABLE `operations` ADD COLUMN `requested_by` text NULL;
-- add column "requested_by_label" to table: "operations"
ALTER TABLE `operations` ADD COLUMN `requested_by_label` text NULL;
-- create "api_keys" table
CREATE TABLE `api_keys` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `name` text NOT NULL, `scopes` json NOT NULL, `prefix` text NOT NULL, `hash` text NOT NULL, `former_hash` text NULL, `former_until` datetime NULL, `expires_at` datetime NULL, `last_used_at` datetime NULL, `revoked_at` datetime NULL, PRIMARY KEY (`id`));
-- create index "api_keys_prefix_key" to table: "api_keys"
CREATE UNIQUE INDEX `api_keys_prefix_key` ON `api_keys` (`prefix`);
-- create index "apikey_created_at_id" to table: "api_keys"
CREATE INDEX `apikey_created_at_id` ON `api_keys` (`created_at`, `id`);
-- create "customer_sessions" table
CREATE TABLE `customer_sessions` (`id` text NOT NULL, `customer_id` text NOT NULL, `actions` json NOT NULL, `prefix` text NOT NULL, `hash` text NOT NULL, `created_at` datetime NOT NULL, `expires_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- create index "customer_sessions_prefix_key" to table: "customer_sessions"
CREATE UNIQUE INDEX `customer_sessions_prefix_key` ON `customer_sessions` (`prefix`);
-- create index "customersession_customer_id" to table: "customer_sessions"
CREATE INDEX `customersession_customer_id` ON `customer_sessions` (`customer_id`);
-- create index "customersession_expires_at" to table: "customer_sessions"
CREATE INDEX `customersession_expires_at` ON `customer_sessions` (`expires_at`);

-- +goose Down
-- reverse: create index "customersession_expires_at" to table: "customer_sessions"
DROP INDEX `customersession_expires_at`;
-- reverse: create index "customersession_customer_id" to table: "customer_sessions"
DROP INDEX `customersession_customer_id`;
-- reverse: create index "customer_sessions_prefix_key" to table: "customer_sessions"
DROP INDEX `customer_sessions_prefix_key`;
-- reverse: create "customer_sessions" table
DROP TABLE `customer_sessions`;
-- reverse: create index "apikey_created_at_id" to table: "api_keys"
DROP INDEX `apikey_created_at_id`;
-- reverse: create index "api_keys_prefix_key" to table: "api_keys"
DROP INDEX `api_keys_prefix_key`;
-- reverse: create "api_keys" table
DROP TABLE `api_keys`;
-- reverse: add column "requested_by_label" to table: "operations"
ALTER TABLE `operations` DROP COLUMN `requested_by_label`;
-- reverse: add column "requested_by" to table: "operations"
ALTER TABLE `operations` DROP COLUMN `requested_by`;
-- reverse: add column "requested_by_kind" to table: "operations"
ALTER TABLE `operations` DROP COLUMN `requested_by_kind`;
