-- +goose Up
-- drop index "customers_live_email" from table: "customers"
DROP INDEX "customers_live_email";
-- modify "customers" table
ALTER TABLE "customers" ADD COLUMN "stripe_unsupported" jsonb NULL, ADD COLUMN "email_claimed" boolean NOT NULL DEFAULT true, ADD COLUMN "external_id" character varying NULL;
-- create index "customers_live_email" to table: "customers"
CREATE UNIQUE INDEX "customers_live_email" ON "customers" ((lower((email)::text))) WHERE ((deleted_at IS NULL) AND email_claimed AND ((email)::text <> ''::text));
-- create index "customer_external_id" to table: "customers"
CREATE UNIQUE INDEX "customer_external_id" ON "customers" ("external_id") WHERE (deleted_at IS NULL);
-- modify "invoices" table
ALTER TABLE "invoices" ADD COLUMN "stripe_unsupported" jsonb NULL;
-- modify "prices" table
ALTER TABLE "prices" ADD COLUMN "stripe_unsupported" jsonb NULL, ADD COLUMN "unit_amount_known" boolean NOT NULL DEFAULT true, ADD COLUMN "unit_amount_decimal" character varying NULL, ADD COLUMN "billing_scheme" character varying NOT NULL DEFAULT 'PER_UNIT', ADD COLUMN "usage_type" character varying NOT NULL DEFAULT 'LICENSED', ADD COLUMN "tiers_mode" character varying NULL, ADD COLUMN "tiers" jsonb NULL, ADD COLUMN "currency_options" jsonb NULL;
-- modify "stripe_accounts" table
ALTER TABLE "stripe_accounts" ADD COLUMN "events_read_to" timestamptz NULL, ADD COLUMN "swept_at" timestamptz NULL, ADD COLUMN "reconciled_at" timestamptz NULL;
-- modify "webhook_events" table
ALTER TABLE "webhook_events" ADD COLUMN "missed" boolean NOT NULL DEFAULT false;
-- create "differences" table
CREATE TABLE "differences" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "kind" character varying NOT NULL, "object_type" character varying NOT NULL, "object_id" character varying NULL, "stripe_id" character varying NULL, "property" character varying NULL, "ours" character varying NULL, "stripes" character varying NULL, "repaired_at" timestamptz NULL, PRIMARY KEY ("id"));
-- create index "difference_created_at_id" to table: "differences"
CREATE INDEX "difference_created_at_id" ON "differences" ("created_at", "id");
-- create index "difference_object_type_created_at" to table: "differences"
CREATE INDEX "difference_object_type_created_at" ON "differences" ("object_type", "created_at");
-- create index "difference_stripe_id" to table: "differences"
CREATE INDEX "difference_stripe_id" ON "differences" ("stripe_id") WHERE (repaired_at IS NULL);
-- create "gone_objects" table
CREATE TABLE "gone_objects" ("id" character varying NOT NULL, "row_id" character varying NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("id"));
-- modify "products" table
ALTER TABLE "products" ADD COLUMN "stripe_unsupported" jsonb NULL;
-- modify "subscriptions" table
ALTER TABLE "subscriptions" ADD COLUMN "stripe_unsupported" jsonb NULL, ADD COLUMN "item_count" bigint NOT NULL DEFAULT 1, ADD COLUMN "currency" character varying NULL, ADD COLUMN "metadata" jsonb NULL, ADD COLUMN "paused_behavior" character varying NULL, ADD COLUMN "paused_until" timestamptz NULL, ADD COLUMN "only_price_id" character varying NULL, ADD COLUMN "only_product_id" character varying NULL, ADD CONSTRAINT "subscriptions_prices_only_price" FOREIGN KEY ("only_price_id") REFERENCES "prices" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, ADD CONSTRAINT "subscriptions_products_only_product" FOREIGN KEY ("only_product_id") REFERENCES "products" ("id") ON UPDATE NO ACTION ON DELETE SET NULL;
-- until their items are known, subscriptions have the one that they were begun with
UPDATE "subscriptions" SET "only_price_id" = "price_id", "only_product_id" = "product_id";
-- create "subscription_items" table
CREATE TABLE "subscription_items" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_unsupported" jsonb NULL, "stripe_operation_id" character varying NULL, "quantity" bigint NULL, "subscription_id" character varying NOT NULL, "price_id" character varying NOT NULL, "product_id" character varying NOT NULL, PRIMARY KEY ("id"), CONSTRAINT "subscription_items_prices_price" FOREIGN KEY ("price_id") REFERENCES "prices" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION, CONSTRAINT "subscription_items_products_product" FOREIGN KEY ("product_id") REFERENCES "products" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION, CONSTRAINT "subscription_items_subscriptions_items" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION);
-- create index "subscription_items_stripe_id_key" to table: "subscription_items"
CREATE UNIQUE INDEX "subscription_items_stripe_id_key" ON "subscription_items" ("stripe_id");
-- create index "subscriptionitem_created_at_id" to table: "subscription_items"
CREATE INDEX "subscriptionitem_created_at_id" ON "subscription_items" ("created_at", "id");
-- create index "subscriptionitem_price_id" to table: "subscription_items"
CREATE INDEX "subscriptionitem_price_id" ON "subscription_items" ("price_id");
-- create index "subscriptionitem_subscription_id" to table: "subscription_items"
CREATE INDEX "subscriptionitem_subscription_id" ON "subscription_items" ("subscription_id");
-- try again what an earlier version could not show
UPDATE "webhook_events" SET "status" = 'PENDING', "processed_at" = NULL, "attempts" = 0, "last_error" = NULL WHERE "status" = 'FAILED';

-- +goose Down
-- reverse: create index "subscriptionitem_subscription_id" to table: "subscription_items"
DROP INDEX "subscriptionitem_subscription_id";
-- reverse: create index "subscriptionitem_price_id" to table: "subscription_items"
DROP INDEX "subscriptionitem_price_id";
-- reverse: create index "subscriptionitem_created_at_id" to table: "subscription_items"
DROP INDEX "subscriptionitem_created_at_id";
-- reverse: create index "subscription_items_stripe_id_key" to table: "subscription_items"
DROP INDEX "subscription_items_stripe_id_key";
-- reverse: create "subscription_items" table
DROP TABLE "subscription_items";
-- reverse: modify "subscriptions" table
ALTER TABLE "subscriptions" DROP CONSTRAINT "subscriptions_products_only_product", DROP CONSTRAINT "subscriptions_prices_only_price", DROP COLUMN "only_product_id", DROP COLUMN "only_price_id", DROP COLUMN "paused_until", DROP COLUMN "paused_behavior", DROP COLUMN "metadata", DROP COLUMN "currency", DROP COLUMN "item_count", DROP COLUMN "stripe_unsupported";
-- reverse: modify "products" table
ALTER TABLE "products" DROP COLUMN "stripe_unsupported";
-- reverse: create "gone_objects" table
DROP TABLE "gone_objects";
-- reverse: create index "difference_stripe_id" to table: "differences"
DROP INDEX "difference_stripe_id";
-- reverse: create index "difference_object_type_created_at" to table: "differences"
DROP INDEX "difference_object_type_created_at";
-- reverse: create index "difference_created_at_id" to table: "differences"
DROP INDEX "difference_created_at_id";
-- reverse: create "differences" table
DROP TABLE "differences";
-- reverse: modify "webhook_events" table
ALTER TABLE "webhook_events" DROP COLUMN "missed";
-- reverse: modify "stripe_accounts" table
ALTER TABLE "stripe_accounts" DROP COLUMN "reconciled_at", DROP COLUMN "swept_at", DROP COLUMN "events_read_to";
-- reverse: modify "prices" table
ALTER TABLE "prices" DROP COLUMN "currency_options", DROP COLUMN "tiers", DROP COLUMN "tiers_mode", DROP COLUMN "usage_type", DROP COLUMN "billing_scheme", DROP COLUMN "unit_amount_decimal", DROP COLUMN "unit_amount_known", DROP COLUMN "stripe_unsupported";
-- reverse: modify "invoices" table
ALTER TABLE "invoices" DROP COLUMN "stripe_unsupported";
-- reverse: create index "customer_external_id" to table: "customers"
DROP INDEX "customer_external_id";
-- reverse: create index "customers_live_email" to table: "customers"
DROP INDEX "customers_live_email";
-- reverse: modify "customers" table
ALTER TABLE "customers" DROP COLUMN "external_id", DROP COLUMN "email_claimed", DROP COLUMN "stripe_unsupported";
-- reverse: drop index "customers_live_email" from table: "customers"
CREATE UNIQUE INDEX "customers_live_email" ON "customers" ((lower((email)::text))) WHERE (deleted_at IS NULL);
