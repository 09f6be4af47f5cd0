-- +goose Up
-- disable the enforcement of foreign-keys constraints
PRAGMA foreign_keys = off;
-- create index "customer_stripe_status" to table: "customers"
CREATE INDEX `customer_stripe_status` ON `customers` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- create "new_idempotency_keys" table
CREATE TABLE `new_idempotency_keys` (`id` text NOT NULL, `principal` text NOT NULL, `key` text NOT NULL, `mutation` text NOT NULL, `input_hash` text NOT NULL, `result_id` text NULL, `created_at` datetime NOT NULL, `operation_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `idempotency_keys_operations_operation` FOREIGN KEY (`operation_id`) REFERENCES `operations` (`id`) ON DELETE NO ACTION);
-- copy rows from old table "idempotency_keys" to new temporary table "new_idempotency_keys"
INSERT INTO `new_idempotency_keys` (`id`, `principal`, `key`, `mutation`, `input_hash`, `created_at`, `operation_id`) SELECT `id`, `principal`, `key`, `mutation`, `input_hash`, `created_at`, `operation_id` FROM `idempotency_keys`;
-- drop "idempotency_keys" table after copying rows
DROP TABLE `idempotency_keys`;
-- rename temporary table "new_idempotency_keys" to "idempotency_keys"
ALTER TABLE `new_idempotency_keys` RENAME TO `idempotency_keys`;
-- create index "idempotencykey_principal_key" to table: "idempotency_keys"
CREATE UNIQUE INDEX `idempotencykey_principal_key` ON `idempotency_keys` (`principal`, `key`);
-- create index "idempotencykey_created_at" to table: "idempotency_keys"
CREATE INDEX `idempotencykey_created_at` ON `idempotency_keys` (`created_at`);
-- create index "invoice_stripe_status" to table: "invoices"
CREATE INDEX `invoice_stripe_status` ON `invoices` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- create index "price_stripe_status" to table: "prices"
CREATE INDEX `price_stripe_status` ON `prices` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- create index "product_stripe_status" to table: "products"
CREATE INDEX `product_stripe_status` ON `products` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- create index "subscription_stripe_status" to table: "subscriptions"
CREATE INDEX `subscription_stripe_status` ON `subscriptions` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- create index "subscriptionitem_stripe_status" to table: "subscription_items"
CREATE INDEX `subscriptionitem_stripe_status` ON `subscription_items` (`stripe_status`) WHERE stripe_unsupported IS NOT NULL;
-- enable back the enforcement of foreign-keys constraints
PRAGMA foreign_keys = on;

-- +goose Down
-- reverse: create index "subscriptionitem_stripe_status" to table: "subscription_items"
DROP INDEX `subscriptionitem_stripe_status`;
-- reverse: create index "subscription_stripe_status" to table: "subscriptions"
DROP INDEX `subscription_stripe_status`;
-- reverse: create index "product_stripe_status" to table: "products"
DROP INDEX `product_stripe_status`;
-- reverse: create index "price_stripe_status" to table: "prices"
DROP INDEX `price_stripe_status`;
-- reverse: create index "invoice_stripe_status" to table: "invoices"
DROP INDEX `invoice_stripe_status`;
-- reverse: create index "idempotencykey_created_at" to table: "idempotency_keys"
DROP INDEX `idempotencykey_created_at`;
-- reverse: create index "idempotencykey_principal_key" to table: "idempotency_keys"
DROP INDEX `idempotencykey_principal_key`;
-- reverse: create "new_idempotency_keys" table
DROP TABLE `new_idempotency_keys`;
-- reverse: create index "customer_stripe_status" to table: "customers"
DROP INDEX `customer_stripe_status`;
