-- +goose Up
-- modify "operations" table
ALTER TABLE "operations" ADD COLUMN "faults" bigint NOT NULL DEFAULT 0;

-- +goose Down
-- reverse: modify "operations" table
ALTER TABLE "operations" DROP COLUMN "faults";
