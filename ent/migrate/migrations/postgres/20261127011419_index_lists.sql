-- +goose Up
-- create index "customer_email_id" to table: "customers"
CREATE INDEX "customer_email_id" ON "customers" ("email", "id");
-- create index "customer_name_id" to table: "customers"
CREATE INDEX "customer_name_id" ON "customers" ("name", "id");
-- create index "customer_updated_at_id" to table: "customers"
CREATE INDEX "customer_updated_at_id" ON "customers" ("updated_at", "id");
-- create index "customers_email" to table: "customers"
CREATE INDEX "customers_email" ON "customers" ((lower((email)::text)));
-- create index "invoice_status_id" to table: "invoices"
CREATE INDEX "invoice_status_id" ON "invoices" ("status", "id");
-- create index "invoice_updated_at_id" to table: "invoices"
CREATE INDEX "invoice_updated_at_id" ON "invoices" ("updated_at", "id");
-- drop index "operation_status_created_at" from table: "operations"
DROP INDEX "operation_status_created_at";
-- create index "operation_kind_id" to table: "operations"
CREATE INDEX "operation_kind_id" ON "operations" ("kind", "id");
-- create index "operation_status_id" to table: "operations"
CREATE INDEX "operation_status_id" ON "operations" ("status", "id");
-- create index "operation_updated_at_id" to table: "operations"
CREATE INDEX "operation_updated_at_id" ON "operations" ("updated_at", "id");
-- drop index "subscription_status_created_at" from table: "subscriptions"
DROP INDEX "subscription_status_created_at";
-- create index "subscriptions_period" to table: "subscriptions"
CREATE INDEX "subscriptions_period" ON "subscriptions" ((COALESCE(current_period_end, 'infinity'::timestamp with time zone)), "id");
-- create index "subscription_status_id" to table: "subscriptions"
CREATE INDEX "subscription_status_id" ON "subscriptions" ("status", "id");
-- create index "subscription_updated_at_id" to table: "subscriptions"
CREATE INDEX "subscription_updated_at_id" ON "subscriptions" ("updated_at", "id");
-- drop index "webhookevent_status_created_at" from table: "webhook_events"
DROP INDEX "webhookevent_status_created_at";
-- create index "webhookevent_object_id_id" to table: "webhook_events"
CREATE INDEX "webhookevent_object_id_id" ON "webhook_events" ("object_id", "id");
-- create index "webhookevent_status_id" to table: "webhook_events"
CREATE INDEX "webhookevent_status_id" ON "webhook_events" ("status", "id");
-- create index "webhookevent_type_id" to table: "webhook_events"
CREATE INDEX "webhookevent_type_id" ON "webhook_events" ("type", "id");
-- create index "webhookevent_updated_at_id" to table: "webhook_events"
CREATE INDEX "webhookevent_updated_at_id" ON "webhook_events" ("updated_at", "id");
-- create indexes of trigrams, by which texts are searched; a server without the extension, or that does not let this role add it, searches row by row
-- +goose StatementBegin
DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
	CREATE INDEX "customer_email_trigrams" ON "customers" USING gin ("email" gin_trgm_ops);
	CREATE INDEX "customer_name_trigrams" ON "customers" USING gin ("name" gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
	RAISE NOTICE 'no index for searching: %', SQLERRM;
END $$;
-- +goose StatementEnd

-- +goose Down
-- reverse: create indexes of trigrams
DROP INDEX IF EXISTS "customer_email_trigrams", "customer_name_trigrams";
-- reverse: create index "webhookevent_updated_at_id" to table: "webhook_events"
DROP INDEX "webhookevent_updated_at_id";
-- reverse: create index "webhookevent_type_id" to table: "webhook_events"
DROP INDEX "webhookevent_type_id";
-- reverse: create index "webhookevent_status_id" to table: "webhook_events"
DROP INDEX "webhookevent_status_id";
-- reverse: create index "webhookevent_object_id_id" to table: "webhook_events"
DROP INDEX "webhookevent_object_id_id";
-- reverse: drop index "webhookevent_status_created_at" from table: "webhook_events"
CREATE INDEX "webhookevent_status_created_at" ON "webhook_events" ("status", "created_at");
-- reverse: create index "subscription_updated_at_id" to table: "subscriptions"
DROP INDEX "subscription_updated_at_id";
-- reverse: create index "subscription_status_id" to table: "subscriptions"
DROP INDEX "subscription_status_id";
-- reverse: create index "subscriptions_period" to table: "subscriptions"
DROP INDEX "subscriptions_period";
-- reverse: drop index "subscription_status_created_at" from table: "subscriptions"
CREATE INDEX "subscription_status_created_at" ON "subscriptions" ("status", "created_at");
-- reverse: create index "operation_updated_at_id" to table: "operations"
DROP INDEX "operation_updated_at_id";
-- reverse: create index "operation_status_id" to table: "operations"
DROP INDEX "operation_status_id";
-- reverse: create index "operation_kind_id" to table: "operations"
DROP INDEX "operation_kind_id";
-- reverse: drop index "operation_status_created_at" from table: "operations"
CREATE INDEX "operation_status_created_at" ON "operations" ("status", "created_at");
-- reverse: create index "invoice_updated_at_id" to table: "invoices"
DROP INDEX "invoice_updated_at_id";
-- reverse: create index "invoice_status_id" to table: "invoices"
DROP INDEX "invoice_status_id";
-- reverse: create index "customers_email" to table: "customers"
DROP INDEX "customers_email";
-- reverse: create index "customer_updated_at_id" to table: "customers"
DROP INDEX "customer_updated_at_id";
-- reverse: create index "customer_name_id" to table: "customers"
DROP INDEX "customer_name_id";
-- reverse: create index "customer_email_id" to table: "customers"
DROP INDEX "customer_email_id";
