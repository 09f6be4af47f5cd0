-- +goose Up
DROP INDEX `customers_live_email`;
ALTER TABLE `customers` ADD COLUMN `stripe_unsupported` json NULL;
ALTER TABLE `customers` ADD COLUMN `email_claimed` bool NOT NULL DEFAULT (true);
ALTER TABLE `customers` ADD COLUMN `external_id` text NULL;
CREATE UNIQUE INDEX `customer_external_id` ON `customers` (`external_id`) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX `customers_live_email` ON `customers` ((lower(email))) WHERE deleted_at IS NULL AND email_claimed AND email <> '';
ALTER TABLE `invoices` ADD COLUMN `stripe_unsupported` json NULL;
ALTER TABLE `prices` ADD COLUMN `stripe_unsupported` json NULL;
ALTER TABLE `prices` ADD COLUMN `unit_amount_known` bool NOT NULL DEFAULT (true);
ALTER TABLE `prices` ADD COLUMN `unit_amount_decimal` text NULL;
ALTER TABLE `prices` ADD COLUMN `billing_scheme` text NOT NULL DEFAULT ('PER_UNIT');
ALTER TABLE `prices` ADD COLUMN `usage_type` text NOT NULL DEFAULT ('LICENSED');
ALTER TABLE `prices` ADD COLUMN `tiers_mode` text NULL;
ALTER TABLE `prices` ADD COLUMN `tiers` json NULL;
ALTER TABLE `prices` ADD COLUMN `currency_options` json NULL;
ALTER TABLE `products` ADD COLUMN `stripe_unsupported` json NULL;
ALTER TABLE `stripe_accounts` ADD COLUMN `events_read_to` datetime NULL;
ALTER TABLE `stripe_accounts` ADD COLUMN `swept_at` datetime NULL;
ALTER TABLE `stripe_accounts` ADD COLUMN `reconciled_at` datetime NULL;
ALTER TABLE `subscriptions` ADD COLUMN `stripe_unsupported` json NULL;
ALTER TABLE `subscriptions` ADD COLUMN `item_count` integer NOT NULL DEFAULT (1);
ALTER TABLE `subscriptions` ADD COLUMN `currency` text NULL;
ALTER TABLE `subscriptions` ADD COLUMN `metadata` json NULL;
ALTER TABLE `subscriptions` ADD COLUMN `paused_behavior` text NULL;
ALTER TABLE `subscriptions` ADD COLUMN `paused_until` datetime NULL;
ALTER TABLE `subscriptions` ADD COLUMN `only_price_id` text NULL CONSTRAINT `subscriptions_prices_only_price` REFERENCES `prices` (`id`) ON DELETE SET NULL;
ALTER TABLE `subscriptions` ADD COLUMN `only_product_id` text NULL CONSTRAINT `subscriptions_products_only_product` REFERENCES `products` (`id`) ON DELETE SET NULL;
UPDATE `subscriptions` SET `only_price_id` = `price_id`, `only_product_id` = `product_id`;
ALTER TABLE `webhook_events` ADD COLUMN `missed` bool NOT NULL DEFAULT (false);
-- create "differences" table
CREATE TABLE `differences` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `kind` text NOT NULL, `object_type` text NOT NULL, `object_id` text NULL, `stripe_id` text NULL, `property` text NULL, `ours` text NULL, `stripes` text NULL, `repaired_at` datetime NULL, PRIMARY KEY (`id`));
CREATE INDEX `difference_created_at_id` ON `differences` (`created_at`, `id`);
CREATE INDEX `difference_object_type_created_at` ON `differences` (`object_type`, `created_at`);
CREATE INDEX `difference_stripe_id` ON `differences` (`stripe_id`) WHERE repaired_at IS NULL;
-- create "gone_objects" table
CREATE TABLE `gone_objects` (`id` text NOT NULL, `row_id` text NULL, `created_at` datetime NOT NULL, PRIMARY KEY (`id`));
-- create "subscription_items" table
CREATE TABLE `subscription_items` (`id` text NOT NULL, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `stripe_id` text NULL, `stripe_status` text NOT NULL DEFAULT ('UNLINKED'), `stripe_synced_at` datetime NULL, `stripe_error` text NULL, `stripe_unsupported` json NULL, `stripe_operation_id` text NULL, `quantity` integer NULL, `subscription_id` text NOT NULL, `price_id` text NOT NULL, `product_id` text NOT NULL, PRIMARY KEY (`id`), CONSTRAINT `subscription_items_subscriptions_items` FOREIGN KEY (`subscription_id`) REFERENCES `subscriptions` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscription_items_prices_price` FOREIGN KEY (`price_id`) REFERENCES `prices` (`id`) ON DELETE NO ACTION, CONSTRAINT `subscription_items_products_product` FOREIGN KEY (`product_id`) REFERENCES `products` (`id`) ON DELETE NO ACTION);
CREATE UNIQUE INDEX `subscription_items_stripe_id_key` ON `subscription_items` (`stripe_id`);
CREATE INDEX `subscriptionitem_created_at_id` ON `subscription_items` (`created_at`, `id`);
CREATE INDEX `subscriptionitem_subscription_id` ON `subscription_items` (`subscription_id`);
CREATE INDEX `subscriptionitem_price_id` ON `subscription_items` (`price_id`);
-- try again what an earlier version could not show
UPDATE `webhook_events` SET `status` = 'PENDING', `processed_at` = NULL, `attempts` = 0, `last_error` = NULL WHERE `status` = 'FAILED';

-- +goose Down
DROP TABLE `subscription_items`;
DROP TABLE `gone_objects`;
DROP TABLE `differences`;
DROP INDEX `customers_live_email`;
DROP INDEX `customer_external_id`;
ALTER TABLE `webhook_events` DROP COLUMN `missed`;
ALTER TABLE `subscriptions` DROP COLUMN `only_product_id`;
ALTER TABLE `subscriptions` DROP COLUMN `only_price_id`;
ALTER TABLE `subscriptions` DROP COLUMN `paused_until`;
ALTER TABLE `subscriptions` DROP COLUMN `paused_behavior`;
ALTER TABLE `subscriptions` DROP COLUMN `metadata`;
ALTER TABLE `subscriptions` DROP COLUMN `currency`;
ALTER TABLE `subscriptions` DROP COLUMN `item_count`;
ALTER TABLE `subscriptions` DROP COLUMN `stripe_unsupported`;
ALTER TABLE `stripe_accounts` DROP COLUMN `reconciled_at`;
ALTER TABLE `stripe_accounts` DROP COLUMN `swept_at`;
ALTER TABLE `stripe_accounts` DROP COLUMN `events_read_to`;
ALTER TABLE `products` DROP COLUMN `stripe_unsupported`;
ALTER TABLE `prices` DROP COLUMN `currency_options`;
ALTER TABLE `prices` DROP COLUMN `tiers`;
ALTER TABLE `prices` DROP COLUMN `tiers_mode`;
ALTER TABLE `prices` DROP COLUMN `usage_type`;
ALTER TABLE `prices` DROP COLUMN `billing_scheme`;
ALTER TABLE `prices` DROP COLUMN `unit_amount_decimal`;
ALTER TABLE `prices` DROP COLUMN `unit_amount_known`;
ALTER TABLE `prices` DROP COLUMN `stripe_unsupported`;
ALTER TABLE `invoices` DROP COLUMN `stripe_unsupported`;
ALTER TABLE `customers` DROP COLUMN `external_id`;
ALTER TABLE `customers` DROP COLUMN `email_claimed`;
ALTER TABLE `customers` DROP COLUMN `stripe_unsupported`;
CREATE UNIQUE INDEX `customers_live_email` ON `customers` ((lower(email))) WHERE deleted_at IS NULL;
