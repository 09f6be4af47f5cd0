-- +goose Up
-- create "customers" table
CREATE TABLE `customers` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_operation_id` text NULL, `deleted_at` datetime NULL, `email` text NOT NULL, `name` text NOT NULL DEFAULT (''), `metadata` json NOT NULL, PRIMARY KEY (`id`));
-- create index "customers_stripe_id_key" to table: "customers"
CREATE UNIQUE INDEX `customers_stripe_id_key` ON `customers` (`stripe_id`);
-- create index "customer_created_at_id" to table: "customers"
CREATE INDEX `customer_created_at_id` ON `customers` (`created_at`, `id`);
-- create index "customers_live_email" to table: "customers"
CREATE UNIQUE INDEX `customers_live_email` ON `customers` ((lower(email))) WHERE deleted_at IS NULL;
-- create "idempotency_keys" table
CREATE TABLE `idempotency_keys` (`id` text NOT NULL, `principal` text NOT NULL, `key` text NOT NULL, `mutation` text NOT NULL, `input_hash` text NOT NULL, `created_at` datetime NOT NULL, `operation_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `idempotency_keys_operations_operation` FOREIGN KEY (`operation_id`) REFERENCES `operations` (`id`) ON DELETE NO ACTION);
-- create index "idempotencykey_principal_key" to table: "idempotency_keys"
CREATE UNIQUE INDEX `idempotencykey_principal_key` ON `idempotency_keys` (`principal`, `key`);
-- create "invoices" table
CREATE TABLE `invoices` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_operation_id` text NULL, `number` text NULL, `status` text NOT NULL, `currency` text NOT NULL, `total` integer NOT NULL, `amount_due` integer NOT NULL, `amount_paid` integer NOT NULL, `amount_remaining` integer NOT NULL, `due_date` datetime NULL, `hosted_invoice_url` text NULL, `billing_reason` text NULL, `customer_id` text NOT NULL, `subscription_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `invoices_customers_invoices` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`) ON DELETE NO ACTION, CONSTRAINT `invoices_subscriptions_invoices` FOREIGN KEY (`subscription_id`) REFERENCES `subscriptions` (`id`) ON DELETE SET NULL);
-- create index "invoices_stripe_id_key" to table: "invoices"
CREATE UNIQUE INDEX `invoices_stripe_id_key` ON `invoices` (`stripe_id`);
-- create index "invoice_created_at_id" to table: "invoices"
CREATE INDEX `invoice_created_at_id` ON `invoices` (`created_at`, `id`);
-- create index "invoice_customer_id_created_at" to table: "invoices"
CREATE INDEX `invoice_customer_id_created_at` ON `invoices` (`customer_id`, `created_at`);
-- create index "invoice_subscription_id_created_at" to table: "invoices"
CREATE INDEX `invoice_subscription_id_created_at` ON `invoices` (`subscription_id`, `created_at`);
-- create "operations" table
CREATE TABLE `operations` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `kind` text NOT NULL, `status` text NOT NULL DEFAULT ('PENDING'), `subject_id` text NOT NULL, `scope_id` text NOT NULL, `position` integer NOT NULL, `params` json NOT NULL, `steps` json NOT NULL, `attempts` integer NOT NULL DEFAULT (0), `error_code` text NULL, `last_error` text NULL, `error_path` json NULL, `error_node_id` text NULL, `decline_code` text NULL, `next_attempt_at` datetime NULL, `lease_token` text NULL, `lease_expires_at` datetime NULL, `finished_at` datetime NULL, PRIMARY KEY (`id`));
-- create index "operation_created_at_id" to table: "operations"
CREATE INDEX `operation_created_at_id` ON `operations` (`created_at`, `id`);
-- create index "operation_scope_id_position" to table: "operations"
CREATE UNIQUE INDEX `operation_scope_id_position` ON `operations` (`scope_id`, `position`);
-- create index "operation_subject_id" to table: "operations"
CREATE INDEX `operation_subject_id` ON `operations` (`subject_id`);
-- create index "operation_status_created_at" to table: "operations"
CREATE INDEX `operation_status_created_at` ON `operations` (`status`, `created_at`);
-- create index "operation_next_attempt_at" to table: "operations"
CREATE INDEX `operation_next_attempt_at` ON `operations` (`next_attempt_at`) WHERE finished_at IS NULL;
-- create "prices" table
CREATE TABLE `prices` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_operation_id` text NULL, `unit_amount` integer NOT NULL, `currency` text NOT NULL, `interval` text NULL, `interval_count` integer NULL, `nickname` text NULL, `lookup_key` text NULL, `status` text NOT NULL DEFAULT ('PENDING'), `archived_at` datetime NULL, `product_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `prices_products_prices` FOREIGN KEY (`product_id`) REFERENCES `products` (`id`) ON DELETE NO ACTION);
-- create index "prices_stripe_id_key" to table: "prices"
CREATE UNIQUE INDEX `prices_stripe_id_key` ON `prices` (`stripe_id`);
-- create index "prices_lookup_key_key" to table: "prices"
CREATE UNIQUE INDEX `prices_lookup_key_key` ON `prices` (`lookup_key`);
-- create index "price_created_at_id" to table: "prices"
CREATE INDEX `price_created_at_id` ON `prices` (`created_at`, `id`);
-- create index "price_product_id_created_at" to table: "prices"
CREATE INDEX `price_product_id_created_at` ON `prices` (`product_id`, `created_at`);
-- create "products" table
CREATE TABLE `products` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_operation_id` text NULL, `name` text NOT NULL, `description` text NULL, `active` bool NOT NULL DEFAULT (true), `metadata` json NOT NULL, `default_price_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `products_prices_default_price` FOREIGN KEY (`default_price_id`) REFERENCES `prices` (`id`) ON DELETE SET NULL);
-- create index "products_stripe_id_key" to table: "products"
CREATE UNIQUE INDEX `products_stripe_id_key` ON `products` (`stripe_id`);
-- create index "product_created_at_id" to table: "products"
CREATE INDEX `product_created_at_id` ON `products` (`created_at`, `id`);
-- create "stripe_calls" table
CREATE TABLE `stripe_calls` (`id` text NOT NULL, `method` text NOT NULL, `path` text NOT NULL, `idempotency_key` text NULL, `status` integer NULL, `request_id` text NULL, `error_code` text NULL, `duration_ms` integer NOT NULL DEFAULT (0), `at` datetime NOT NULL, `operation_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `stripe_calls_operations_stripe_calls` FOREIGN KEY (`operation_id`) REFERENCES `operations` (`id`) ON DELETE NO ACTION);
-- create index "stripecall_operation_id_at" to table: "stripe_calls"
CREATE INDEX `stripecall_operation_id_at` ON `stripe_calls` (`operation_id`, `at`);
-- create "subscriptions" table
CREATE TABLE `subscriptions` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_operation_id` text NULL, `status` text NOT NULL DEFAULT ('INCOMPLETE'), `collection` text NOT NULL DEFAULT ('CHARGE_AUTOMATICALLY'), `cancel_at_period_end` bool NOT NULL DEFAULT (false), `cancel_at` datetime NULL, `canceled_at` datetime NULL, `ended_at` datetime NULL, `current_period_start` datetime NULL, `current_period_end` datetime NULL, `trial_end` datetime NULL, `customer_id` text NOT NULL, `price_id` text NOT NULL, `product_id` text NOT NULL, `latest_invoice_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `subscriptions_customers_subscriptions` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscriptions_prices_price` FOREIGN KEY (`price_id`) REFERENCES `prices` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscriptions_products_product` FOREIGN KEY (`product_id`) REFERENCES `products` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscriptions_invoices_latest_invoice` FOREIGN KEY (`latest_invoice_id`) REFERENCES `invoices` (`id`) ON DELETE SET NULL);
-- create index "subscriptions_stripe_id_key" to table: "subscriptions"
CREATE UNIQUE INDEX `subscriptions_stripe_id_key` ON `subscriptions` (`stripe_id`);
-- create index "subscription_created_at_id" to table: "subscriptions"
CREATE INDEX `subscription_created_at_id` ON `subscriptions` (`created_at`, `id`);
-- create index "subscription_customer_id_created_at" to table: "subscriptions"
CREATE INDEX `subscription_customer_id_created_at` ON `subscriptions` (`customer_id`, `created_at`);
-- create index "subscription_status_created_at" to table: "subscriptions"
CREATE INDEX `subscription_status_created_at` ON `subscriptions` (`status`, `created_at`);
-- create index "subscription_price_id" to table: "subscriptions"
CREATE INDEX `subscription_price_id` ON `subscriptions` (`price_id`);
-- create index "subscription_product_id" to table: "subscriptions"
CREATE INDEX `subscription_product_id` ON `subscriptions` (`product_id`);
-- create "subscription_transitions" table
CREATE TABLE `subscription_transitions` (`id` text NOT NULL, `from` text NULL, `to` text NOT NULL, `cause` text NOT NULL, `expected` bool NOT NULL DEFAULT (true), `at` datetime NOT NULL, `subscription_id` text NOT NULL, `operation_id` text NULL, PRIMARY KEY (`id`), CONSTRAINT `subscription_transitions_subscriptions_history` FOREIGN KEY (`subscription_id`) REFERENCES `subscriptions` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscription_transitions_operations_operation` FOREIGN KEY (`operation_id`) REFERENCES `operations` (`id`) ON DELETE SET NULL);
-- create index "subscriptiontransition_subscription_id_at" to table: "subscription_transitions"
CREATE INDEX `subscriptiontransition_subscription_id_at` ON `subscription_transitions` (`subscription_id`, `at`);
-- create "webhook_events" table
CREATE TABLE `webhook_events` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_event_id` text NOT NULL, `type` text NOT NULL, `object_type` text NOT NULL, `object_id` text NOT NULL, `status` text NOT NULL DEFAULT ('PENDING'), `attempts` integer NOT NULL DEFAULT (0), `last_error` text NULL, `next_attempt_at` datetime NULL, `claimed_until` datetime NULL, `occurred_at` datetime NOT NULL, `processed_at` datetime NULL, PRIMARY KEY (`id`));
-- create index "webhook_events_stripe_event_id_key" to table: "webhook_events"
CREATE UNIQUE INDEX `webhook_events_stripe_event_id_key` ON `webhook_events` (`stripe_event_id`);
-- create index "webhookevent_created_at_id" to table: "webhook_events"
CREATE INDEX `webhookevent_created_at_id` ON `webhook_events` (`created_at`, `id`);
-- create index "webhookevent_object_id" to table: "webhook_events"
CREATE INDEX `webhookevent_object_id` ON `webhook_events` (`object_id`) WHERE processed_at IS NULL;
-- create index "webhookevent_next_attempt_at" to table: "webhook_events"
CREATE INDEX `webhookevent_next_attempt_at` ON `webhook_events` (`next_attempt_at`) WHERE processed_at IS NULL;
-- create index "webhookevent_status_created_at" to table: "webhook_events"
CREATE INDEX `webhookevent_status_created_at` ON `webhook_events` (`status`, `created_at`);

-- +goose Down
-- reverse: create index "webhookevent_status_created_at" to table: "webhook_events"
DROP INDEX `webhookevent_status_created_at`;
-- reverse: create index "webhookevent_next_attempt_at" to table: "webhook_events"
DROP INDEX `webhookevent_next_attempt_at`;
-- reverse: create index "webhookevent_object_id" to table: "webhook_events"
DROP INDEX `webhookevent_object_id`;
-- reverse: create index "webhookevent_created_at_id" to table: "webhook_events"
DROP INDEX `webhookevent_created_at_id`;
-- reverse: create index "webhook_events_stripe_event_id_key" to table: "webhook_events"
DROP INDEX `webhook_events_stripe_event_id_key`;
-- reverse: create "webhook_events" table
DROP TABLE `webhook_events`;
-- reverse: create index "subscriptiontransition_subscription_id_at" to table: "subscription_transitions"
DROP INDEX `subscriptiontransition_subscription_id_at`;
-- reverse: create "subscription_transitions" table
DROP TABLE `subscription_transitions`;
-- reverse: create index "subscription_product_id" to table: "subscriptions"
DROP INDEX `subscription_product_id`;
-- reverse: create index "subscription_price_id" to table: "subscriptions"
DROP INDEX `subscription_price_id`;
-- reverse: create index "subscription_status_created_at" to table: "subscriptions"
DROP INDEX `subscription_status_created_at`;
-- reverse: create index "subscription_customer_id_created_at" to table: "subscriptions"
DROP INDEX `subscription_customer_id_created_at`;
-- reverse: create index "subscription_created_at_id" to table: "subscriptions"
DROP INDEX `subscription_created_at_id`;
-- reverse: create index "subscriptions_stripe_id_key" to table: "subscriptions"
DROP INDEX `subscriptions_stripe_id_key`;
-- reverse: create "subscriptions" table
DROP TABLE `subscriptions`;
-- reverse: create index "stripecall_operation_id_at" to table: "stripe_calls"
DROP INDEX `stripecall_operation_id_at`;
-- reverse: create "stripe_calls" table
DROP TABLE `stripe_calls`;
-- reverse: create index "product_created_at_id" to table: "products"
DROP INDEX `product_created_at_id`;
-- reverse: create index "products_stripe_id_key" to table: "products"
DROP INDEX `products_stripe_id_key`;
-- reverse: create "products" table
DROP TABLE `products`;
-- reverse: create index "price_product_id_created_at" to table: "prices"
DROP INDEX `price_product_id_created_at`;
-- reverse: create index "price_created_at_id" to table: "prices"
DROP INDEX `price_created_at_id`;
-- reverse: create index "prices_lookup_key_key" to table: "prices"
DROP INDEX `prices_lookup_key_key`;
-- reverse: create index "prices_stripe_id_key" to table: "prices"
DROP INDEX `prices_stripe_id_key`;
-- reverse: create "prices" table
DROP TABLE `prices`;
-- reverse: create index "operation_next_attempt_at" to table: "operations"
DROP INDEX `operation_next_attempt_at`;
-- reverse: create index "operation_status_created_at" to table: "operations"
DROP INDEX `operation_status_created_at`;
-- reverse: create index "operation_subject_id" to table: "operations"
DROP INDEX `operation_subject_id`;
-- reverse: create index "operation_scope_id_position" to table: "operations"
DROP INDEX `operation_scope_id_position`;
-- reverse: create index "operation_created_at_id" to table: "operations"
DROP INDEX `operation_created_at_id`;
-- reverse: create "operations" table
DROP TABLE `operations`;
-- reverse: create index "invoice_subscription_id_created_at" to table: "invoices"
DROP INDEX `invoice_subscription_id_created_at`;
-- reverse: create index "invoice_customer_id_created_at" to table: "invoices"
DROP INDEX `invoice_customer_id_created_at`;
-- reverse: create index "invoice_created_at_id" to table: "invoices"
DROP INDEX `invoice_created_at_id`;
-- reverse: create index "invoices_stripe_id_key" to table: "invoices"
DROP INDEX `invoices_stripe_id_key`;
-- reverse: create "invoices" table
DROP TABLE `invoices`;
-- reverse: create index "idempotencykey_principal_key" to table: "idempotency_keys"
DROP INDEX `idempotencykey_principal_key`;
-- reverse: create "idempotency_keys" table
DROP TABLE `idempotency_keys`;
-- reverse: create index "customers_live_email" to table: "customers"
DROP INDEX `customers_live_email`;
-- reverse: create index "customer_created_at_id" to table: "customers"
DROP INDEX `customer_created_at_id`;
-- reverse: create index "customers_stripe_id_key" to table: "customers"
DROP INDEX `customers_stripe_id_key`;
-- reverse: create "customers" table
DROP TABLE `customers`;
