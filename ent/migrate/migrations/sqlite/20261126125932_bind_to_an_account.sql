-- +goose Up
-- create "stripe_accounts" table
CREATE TABLE `stripe_accounts` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `account_id` text NOT NULL, `livemode` bool NOT NULL, `sandbox` bool NOT NULL, `created_at` datetime NOT NULL);

-- +goose Down
-- reverse: create "stripe_accounts" table
DROP TABLE `stripe_accounts`;
