-- +goose Up
-- drop index "invoice_customer_id_created_at" from table: "invoices"
DROP INDEX "invoice_customer_id_created_at";
-- drop index "invoice_subscription_id_created_at" from table: "invoices"
DROP INDEX "invoice_subscription_id_created_at";
-- create index "invoice_customer_id_id" to table: "invoices"
CREATE INDEX "invoice_customer_id_id" ON "invoices" ("customer_id", "id");
-- create index "invoice_subscription_id_id" to table: "invoices"
CREATE INDEX "invoice_subscription_id_id" ON "invoices" ("subscription_id", "id");
-- drop index "price_product_id_created_at" from table: "prices"
DROP INDEX "price_product_id_created_at";
-- create index "price_product_id_id" to table: "prices"
CREATE INDEX "price_product_id_id" ON "prices" ("product_id", "id");
-- drop index "subscription_customer_id_created_at" from table: "subscriptions"
DROP INDEX "subscription_customer_id_created_at";
-- create index "subscription_customer_id_id" to table: "subscriptions"
CREATE INDEX "subscription_customer_id_id" ON "subscriptions" ("customer_id", "id");
-- create index "webhookevent_created_at" to table: "webhook_events"
CREATE INDEX "webhookevent_created_at" ON "webhook_events" ("created_at") WHERE missed;

-- +goose Down
-- reverse: create index "webhookevent_created_at" to table: "webhook_events"
DROP INDEX "webhookevent_created_at";
-- reverse: create index "subscription_customer_id_id" to table: "subscriptions"
DROP INDEX "subscription_customer_id_id";
-- reverse: drop index "subscription_customer_id_created_at" from table: "subscriptions"
CREATE INDEX "subscription_customer_id_created_at" ON "subscriptions" ("customer_id", "created_at");
-- reverse: create index "price_product_id_id" to table: "prices"
DROP INDEX "price_product_id_id";
-- reverse: drop index "price_product_id_created_at" from table: "prices"
CREATE INDEX "price_product_id_created_at" ON "prices" ("product_id", "created_at");
-- reverse: create index "invoice_subscription_id_id" to table: "invoices"
DROP INDEX "invoice_subscription_id_id";
-- reverse: create index "invoice_customer_id_id" to table: "invoices"
DROP INDEX "invoice_customer_id_id";
-- reverse: drop index "invoice_subscription_id_created_at" from table: "invoices"
CREATE INDEX "invoice_subscription_id_created_at" ON "invoices" ("subscription_id", "created_at");
-- reverse: drop index "invoice_customer_id_created_at" from table: "invoices"
CREATE INDEX "invoice_customer_id_created_at" ON "invoices" ("customer_id", "created_at");
