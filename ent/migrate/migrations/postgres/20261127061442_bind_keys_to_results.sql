-- +goose Up
-- create index "customer_stripe_status" to table: "customers"
CREATE INDEX "customer_stripe_status" ON "customers" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);
-- modify "idempotency_keys" table
ALTER TABLE "idempotency_keys" ALTER COLUMN "operation_id" DROP NOT NULL, ADD COLUMN "result_id" character varying NULL;
-- create index "invoice_stripe_status" to table: "invoices"
CREATE INDEX "invoice_stripe_status" ON "invoices" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);
-- create index "price_stripe_status" to table: "prices"
CREATE INDEX "price_stripe_status" ON "prices" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);
-- create index "product_stripe_status" to table: "products"
CREATE INDEX "product_stripe_status" ON "products" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);
-- create index "subscriptionitem_stripe_status" to table: "subscription_items"
CREATE INDEX "subscriptionitem_stripe_status" ON "subscription_items" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);
-- create index "subscription_stripe_status" to table: "subscriptions"
CREATE INDEX "subscription_stripe_status" ON "subscriptions" ("stripe_status") WHERE (stripe_unsupported IS NOT NULL);

-- +goose Down
-- reverse: create index "subscription_stripe_status" to table: "subscriptions"
DROP INDEX "subscription_stripe_status";
-- reverse: create index "subscriptionitem_stripe_status" to table: "subscription_items"
DROP INDEX "subscriptionitem_stripe_status";
-- reverse: create index "product_stripe_status" to table: "products"
DROP INDEX "product_stripe_status";
-- reverse: create index "price_stripe_status" to table: "prices"
DROP INDEX "price_stripe_status";
-- reverse: create index "invoice_stripe_status" to table: "invoices"
DROP INDEX "invoice_stripe_status";
-- reverse: modify "idempotency_keys" table
ALTER TABLE "idempotency_keys" DROP COLUMN "result_id", ALTER COLUMN "operation_id" SET NOT NULL;
-- reverse: create index "customer_stripe_status" to table: "customers"
DROP INDEX "customer_stripe_status";
