-- +goose Up
-- create "customers" table
CREATE TABLE "customers" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_operation_id" character varying NULL, "deleted_at" timestamptz NULL, "email" character varying NOT NULL, "name" character varying NOT NULL DEFAULT '', "metadata" jsonb NOT NULL, PRIMARY KEY ("id"));
-- create index "customer_created_at_id" to table: "customers"
CREATE INDEX "customer_created_at_id" ON "customers" ("created_at", "id");
-- create index "customers_stripe_id_key" to table: "customers"
CREATE UNIQUE INDEX "customers_stripe_id_key" ON "customers" ("stripe_id");
-- create index "customers_live_email" to table: "customers"
CREATE UNIQUE INDEX "customers_live_email" ON "customers" ((lower((email)::text))) WHERE (deleted_at IS NULL);
-- create "idempotency_keys" table
CREATE TABLE "idempotency_keys" ("id" character varying NOT NULL, "principal" character varying NOT NULL, "key" character varying NOT NULL, "mutation" character varying NOT NULL, "input_hash" character varying NOT NULL, "created_at" timestamptz NOT NULL, "operation_id" character varying NOT NULL, PRIMARY KEY ("id"));
-- create index "idempotencykey_principal_key" to table: "idempotency_keys"
CREATE UNIQUE INDEX "idempotencykey_principal_key" ON "idempotency_keys" ("principal", "key");
-- create "invoices" table
CREATE TABLE "invoices" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_operation_id" character varying NULL, "number" character varying NULL, "status" character varying NOT NULL, "currency" character varying NOT NULL, "total" bigint NOT NULL, "amount_due" bigint NOT NULL, "amount_paid" bigint NOT NULL, "amount_remaining" bigint NOT NULL, "due_date" timestamptz NULL, "hosted_invoice_url" character varying NULL, "billing_reason" character varying NULL, "customer_id" character varying NOT NULL, "subscription_id" character varying NULL, PRIMARY KEY ("id"));
-- create index "invoice_created_at_id" to table: "invoices"
CREATE INDEX "invoice_created_at_id" ON "invoices" ("created_at", "id");
-- create index "invoice_customer_id_created_at" to table: "invoices"
CREATE INDEX "invoice_customer_id_created_at" ON "invoices" ("customer_id", "created_at");
-- create index "invoice_subscription_id_created_at" to table: "invoices"
CREATE INDEX "invoice_subscription_id_created_at" ON "invoices" ("subscription_id", "created_at");
-- create index "invoices_stripe_id_key" to table: "invoices"
CREATE UNIQUE INDEX "invoices_stripe_id_key" ON "invoices" ("stripe_id");
-- create "operations" table
CREATE TABLE "operations" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "kind" character varying NOT NULL, "status" character varying NOT NULL DEFAULT 'PENDING', "subject_id" character varying NOT NULL, "scope_id" character varying NOT NULL, "position" bigint NOT NULL, "params" jsonb NOT NULL, "steps" jsonb NOT NULL, "attempts" bigint NOT NULL DEFAULT 0, "error_code" character varying NULL, "last_error" character varying NULL, "error_path" jsonb NULL, "error_node_id" character varying NULL, "decline_code" character varying NULL, "next_attempt_at" timestamptz NULL, "lease_token" character varying NULL, "lease_expires_at" timestamptz NULL, "finished_at" timestamptz NULL, PRIMARY KEY ("id"));
-- create index "operation_created_at_id" to table: "operations"
CREATE INDEX "operation_created_at_id" ON "operations" ("created_at", "id");
-- create index "operation_next_attempt_at" to table: "operations"
CREATE INDEX "operation_next_attempt_at" ON "operations" ("next_attempt_at") WHERE (finished_at IS NULL);
-- create index "operation_scope_id_position" to table: "operations"
CREATE UNIQUE INDEX "operation_scope_id_position" ON "operations" ("scope_id", "position");
-- create index "operation_status_created_at" to table: "operations"
CREATE INDEX "operation_status_created_at" ON "operations" ("status", "created_at");
-- create index "operation_subject_id" to table: "operations"
CREATE INDEX "operation_subject_id" ON "operations" ("subject_id");
-- create "prices" table
CREATE TABLE "prices" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_operation_id" character varying NULL, "unit_amount" bigint NOT NULL, "currency" character varying NOT NULL, "interval" character varying NULL, "interval_count" bigint NULL, "nickname" character varying NULL, "lookup_key" character varying NULL, "status" character varying NOT NULL DEFAULT 'PENDING', "archived_at" timestamptz NULL, "product_id" character varying NOT NULL, PRIMARY KEY ("id"));
-- create index "price_created_at_id" to table: "prices"
CREATE INDEX "price_created_at_id" ON "prices" ("created_at", "id");
-- create index "price_product_id_created_at" to table: "prices"
CREATE INDEX "price_product_id_created_at" ON "prices" ("product_id", "created_at");
-- create index "prices_lookup_key_key" to table: "prices"
CREATE UNIQUE INDEX "prices_lookup_key_key" ON "prices" ("lookup_key");
-- create index "prices_stripe_id_key" to table: "prices"
CREATE UNIQUE INDEX "prices_stripe_id_key" ON "prices" ("stripe_id");
-- create "products" table
CREATE TABLE "products" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_operation_id" character varying NULL, "name" character varying NOT NULL, "description" text NULL, "active" boolean NOT NULL DEFAULT true, "metadata" jsonb NOT NULL, "default_price_id" character varying NULL, PRIMARY KEY ("id"));
-- create index "product_created_at_id" to table: "products"
CREATE INDEX "product_created_at_id" ON "products" ("created_at", "id");
-- create index "products_stripe_id_key" to table: "products"
CREATE UNIQUE INDEX "products_stripe_id_key" ON "products" ("stripe_id");
-- create "stripe_calls" table
CREATE TABLE "stripe_calls" ("id" character varying NOT NULL, "method" character varying NOT NULL, "path" character varying NOT NULL, "idempotency_key" character varying NULL, "status" bigint NULL, "request_id" character varying NULL, "error_code" character varying NULL, "duration_ms" bigint NOT NULL DEFAULT 0, "at" timestamptz NOT NULL, "operation_id" character varying NOT NULL, PRIMARY KEY ("id"));
-- create index "stripecall_operation_id_at" to table: "stripe_calls"
CREATE INDEX "stripecall_operation_id_at" ON "stripe_calls" ("operation_id", "at");
-- create "subscriptions" table
CREATE TABLE "subscriptions" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_id" character varying NULL, "stripe_status" character varying NOT NULL DEFAULT 'UNLINKED', "stripe_synced_at" timestamptz NULL, "stripe_error" character varying NULL, "stripe_operation_id" character varying NULL, "status" character varying NOT NULL DEFAULT 'INCOMPLETE', "collection" character varying NOT NULL DEFAULT 'CHARGE_AUTOMATICALLY', "cancel_at_period_end" boolean NOT NULL DEFAULT false, "cancel_at" timestamptz NULL, "canceled_at" timestamptz NULL, "ended_at" timestamptz NULL, "current_period_start" timestamptz NULL, "current_period_end" timestamptz NULL, "trial_end" timestamptz NULL, "customer_id" character varying NOT NULL, "price_id" character varying NOT NULL, "product_id" character varying NOT NULL, "latest_invoice_id" character varying NULL, PRIMARY KEY ("id"));
-- create index "subscription_created_at_id" to table: "subscriptions"
CREATE INDEX "subscription_created_at_id" ON "subscriptions" ("created_at", "id");
-- create index "subscription_customer_id_created_at" to table: "subscriptions"
CREATE INDEX "subscription_customer_id_created_at" ON "subscriptions" ("customer_id", "created_at");
-- create index "subscription_price_id" to table: "subscriptions"
CREATE INDEX "subscription_price_id" ON "subscriptions" ("price_id");
-- create index "subscription_product_id" to table: "subscriptions"
CREATE INDEX "subscription_product_id" ON "subscriptions" ("product_id");
-- create index "subscription_status_created_at" to table: "subscriptions"
CREATE INDEX "subscription_status_created_at" ON "subscriptions" ("status", "created_at");
-- create index "subscriptions_stripe_id_key" to table: "subscriptions"
CREATE UNIQUE INDEX "subscriptions_stripe_id_key" ON "subscriptions" ("stripe_id");
-- create "subscription_transitions" table
CREATE TABLE "subscription_transitions" ("id" character varying NOT NULL, "from" character varying NULL, "to" character varying NOT NULL, "cause" character varying NOT NULL, "expected" boolean NOT NULL DEFAULT true, "at" timestamptz NOT NULL, "subscription_id" character varying NOT NULL, "operation_id" character varying NULL, PRIMARY KEY ("id"));
-- create index "subscriptiontransition_subscription_id_at" to table: "subscription_transitions"
CREATE INDEX "subscriptiontransition_subscription_id_at" ON "subscription_transitions" ("subscription_id", "at");
-- create "webhook_events" table
CREATE TABLE "webhook_events" ("id" character varying NOT NULL, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "stripe_event_id" character varying NOT NULL, "type" character varying NOT NULL, "object_type" character varying NOT NULL, "object_id" character varying NOT NULL, "status" character varying NOT NULL DEFAULT 'PENDING', "attempts" bigint NOT NULL DEFAULT 0, "last_error" character varying NULL, "next_attempt_at" timestamptz NULL, "claimed_until" timestamptz NULL, "occurred_at" timestamptz NOT NULL, "processed_at" timestamptz NULL, PRIMARY KEY ("id"));
-- create index "webhook_events_stripe_event_id_key" to table: "webhook_events"
CREATE UNIQUE INDEX "webhook_events_stripe_event_id_key" ON "webhook_events" ("stripe_event_id");
-- create index "webhookevent_created_at_id" to table: "webhook_events"
CREATE INDEX "webhookevent_created_at_id" ON "webhook_events" ("created_at", "id");
-- create index "webhookevent_next_attempt_at" to table: "webhook_events"
CREATE INDEX "webhookevent_next_attempt_at" ON "webhook_events" ("next_attempt_at") WHERE (processed_at IS NULL);
-- create index "webhookevent_object_id" to table: "webhook_events"
CREATE INDEX "webhookevent_object_id" ON "webhook_events" ("object_id") WHERE (processed_at IS NULL);
-- create index "webhookevent_status_created_at" to table: "webhook_events"
CREATE INDEX "webhookevent_status_created_at" ON "webhook_events" ("status", "created_at");
-- modify "idempotency_keys" table
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_operations_operation" FOREIGN KEY ("operation_id") REFERENCES "operations" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION;
-- modify "invoices" table
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_customers_invoices" FOREIGN KEY ("customer_id") REFERENCES "customers" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION, ADD CONSTRAINT "invoices_subscriptions_invoices" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions" ("id") ON UPDATE NO ACTION ON DELETE SET NULL;
-- modify "prices" table
ALTER TABLE "prices" ADD CONSTRAINT "prices_products_prices" FOREIGN KEY ("product_id") REFERENCES "products" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION;
-- modify "products" table
ALTER TABLE "products" ADD CONSTRAINT "products_prices_default_price" FOREIGN KEY ("default_price_id") REFERENCES "prices" ("id") ON UPDATE NO ACTION ON DELETE SET NULL;
-- modify "stripe_calls" table
ALTER TABLE "stripe_calls" ADD CONSTRAINT "stripe_calls_operations_stripe_calls" FOREIGN KEY ("operation_id") REFERENCES "operations" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION;
-- modify "subscriptions" table
ALTER TABLE "subscriptions" ADD CONSTRAINT "subscriptions_customers_subscriptions" FOREIGN KEY ("customer_id") REFERENCES "customers" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION, ADD CONSTRAINT "subscriptions_invoices_latest_invoice" FOREIGN KEY ("latest_invoice_id") REFERENCES "invoices" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, ADD CONSTRAINT "subscriptions_prices_price" FOREIGN KEY ("price_id") REFERENCES "prices" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION, ADD CONSTRAINT "subscriptions_products_product" FOREIGN KEY ("product_id") REFERENCES "products" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION;
-- modify "subscription_transitions" table
ALTER TABLE "subscription_transitions" ADD CONSTRAINT "subscription_transitions_operations_operation" FOREIGN KEY ("operation_id") REFERENCES "operations" ("id") ON UPDATE NO ACTION ON DELETE SET NULL, ADD CONSTRAINT "subscription_transitions_subscriptions_history" FOREIGN KEY ("subscription_id") REFERENCES "subscriptions" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION;

-- +goose Down
-- reverse: modify "subscription_transitions" table
ALTER TABLE "subscription_transitions" DROP CONSTRAINT "subscription_transitions_subscriptions_history", DROP CONSTRAINT "subscription_transitions_operations_operation";
-- reverse: modify "subscriptions" table
ALTER TABLE "subscriptions" DROP CONSTRAINT "subscriptions_products_product", DROP CONSTRAINT "subscriptions_prices_price", DROP CONSTRAINT "subscriptions_invoices_latest_invoice", DROP CONSTRAINT "subscriptions_customers_subscriptions";
-- reverse: modify "stripe_calls" table
ALTER TABLE "stripe_calls" DROP CONSTRAINT "stripe_calls_operations_stripe_calls";
-- reverse: modify "products" table
ALTER TABLE "products" DROP CONSTRAINT "products_prices_default_price";
-- reverse: modify "prices" table
ALTER TABLE "prices" DROP CONSTRAINT "prices_products_prices";
-- reverse: modify "invoices" table
ALTER TABLE "invoices" DROP CONSTRAINT "invoices_subscriptions_invoices", DROP CONSTRAINT "invoices_customers_invoices";
-- reverse: modify "idempotency_keys" table
ALTER TABLE "idempotency_keys" DROP CONSTRAINT "idempotency_keys_operations_operation";
-- reverse: create index "webhookevent_status_created_at" to table: "webhook_events"
DROP INDEX "webhookevent_status_created_at";
-- reverse: create index "webhookevent_object_id" to table: "webhook_events"
DROP INDEX "webhookevent_object_id";
-- reverse: create index "webhookevent_next_attempt_at" to table: "webhook_events"
DROP INDEX "webhookevent_next_attempt_at";
-- reverse: create index "webhookevent_created_at_id" to table: "webhook_events"
DROP INDEX "webhookevent_created_at_id";
-- reverse: create index "webhook_events_stripe_event_id_key" to table: "webhook_events"
DROP INDEX "webhook_events_stripe_event_id_key";
-- reverse: create "webhook_events" table
DROP TABLE "webhook_events";
-- reverse: create index "subscriptiontransition_subscription_id_at" to table: "subscription_transitions"
DROP INDEX "subscriptiontransition_subscription_id_at";
-- reverse: create "subscription_transitions" table
DROP TABLE "subscription_transitions";
-- reverse: create index "subscriptions_stripe_id_key" to table: "subscriptions"
DROP INDEX "subscriptions_stripe_id_key";
-- reverse: create index "subscription_status_created_at" to table: "subscriptions"
DROP INDEX "subscription_status_created_at";
-- reverse: create index "subscription_product_id" to table: "subscriptions"
DROP INDEX "subscription_product_id";
-- reverse: create index "subscription_price_id" to table: "subscriptions"
DROP INDEX "subscription_price_id";
-- reverse: create index "subscription_customer_id_created_at" to table: "subscriptions"
DROP INDEX "subscription_customer_id_created_at";
-- reverse: create index "subscription_created_at_id" to table: "subscriptions"
DROP INDEX "subscription_created_at_id";
-- reverse: create "subscriptions" table
DROP TABLE "subscriptions";
-- reverse: create index "stripecall_operation_id_at" to table: "stripe_calls"
DROP INDEX "stripecall_operation_id_at";
-- reverse: create "stripe_calls" table
DROP TABLE "stripe_calls";
-- reverse: create index "products_stripe_id_key" to table: "products"
DROP INDEX "products_stripe_id_key";
-- reverse: create index "product_created_at_id" to table: "products"
DROP INDEX "product_created_at_id";
-- reverse: create "products" table
DROP TABLE "products";
-- reverse: create index "prices_stripe_id_key" to table: "prices"
DROP INDEX "prices_stripe_id_key";
-- reverse: create index "prices_lookup_key_key" to table: "prices"
DROP INDEX "prices_lookup_key_key";
-- reverse: create index "price_product_id_created_at" to table: "prices"
DROP INDEX "price_product_id_created_at";
-- reverse: create index "price_created_at_id" to table: "prices"
DROP INDEX "price_created_at_id";
-- reverse: create "prices" table
DROP TABLE "prices";
-- reverse: create index "operation_subject_id" to table: "operations"
DROP INDEX "operation_subject_id";
-- reverse: create index "operation_status_created_at" to table: "operations"
DROP INDEX "operation_status_created_at";
-- reverse: create index "operation_scope_id_position" to table: "operations"
DROP INDEX "operation_scope_id_position";
-- reverse: create index "operation_next_attempt_at" to table: "operations"
DROP INDEX "operation_next_attempt_at";
-- reverse: create index "operation_created_at_id" to table: "operations"
DROP INDEX "operation_created_at_id";
-- reverse: create "operations" table
DROP TABLE "operations";
-- reverse: create index "invoices_stripe_id_key" to table: "invoices"
DROP INDEX "invoices_stripe_id_key";
-- reverse: create index "invoice_subscription_id_created_at" to table: "invoices"
DROP INDEX "invoice_subscription_id_created_at";
-- reverse: create index "invoice_customer_id_created_at" to table: "invoices"
DROP INDEX "invoice_customer_id_created_at";
-- reverse: create index "invoice_created_at_id" to table: "invoices"
DROP INDEX "invoice_created_at_id";
-- reverse: create "invoices" table
DROP TABLE "invoices";
-- reverse: create index "idempotencykey_principal_key" to table: "idempotency_keys"
DROP INDEX "idempotencykey_principal_key";
-- reverse: create "idempotency_keys" table
DROP TABLE "idempotency_keys";
-- reverse: create index "customers_live_email" to table: "customers"
DROP INDEX "customers_live_email";
-- reverse: create index "customers_stripe_id_key" to table: "customers"
DROP INDEX "customers_stripe_id_key";
-- reverse: create index "customer_created_at_id" to table: "customers"
DROP INDEX "customer_created_at_id";
-- reverse: create "customers" table
DROP TABLE "customers";
