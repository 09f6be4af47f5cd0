-- +goose Up
-- create index "idempotencykey_created_at" to table: "idempotency_keys"
CREATE INDEX "idempotencykey_created_at" ON "idempotency_keys" ("created_at");
-- create index "stripecall_at" to table: "stripe_calls"
CREATE INDEX "stripecall_at" ON "stripe_calls" ("at");
-- create index "webhookevent_processed_at" to table: "webhook_events"
CREATE INDEX "webhookevent_processed_at" ON "webhook_events" ("processed_at");
-- create "stripe_turns" table; it is worth nothing after a crash, and must cost no disk writes
CREATE UNLOGGED TABLE "stripe_turns" ("id" character varying NOT NULL, "next" timestamptz NOT NULL, PRIMARY KEY ("id"));

-- +goose Down
-- reverse: create "stripe_turns" table
DROP TABLE "stripe_turns";
-- reverse: create index "webhookevent_processed_at" to table: "webhook_events"
DROP INDEX "webhookevent_processed_at";
-- reverse: create index "stripecall_at" to table: "stripe_calls"
DROP INDEX "stripecall_at";
-- reverse: create index "idempotencykey_created_at" to table: "idempotency_keys"
DROP INDEX "idempotencykey_created_at";
