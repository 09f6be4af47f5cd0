-- $1 customers, and as many of the rest as a few years bring. Every tenth invoice is the newest customer's.
INSERT INTO products (id, created_at, updated_at, stripe_id, stripe_status, name, active, metadata)
SELECT 'pdt_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'prod_' || i, 'SYNCED',
	CASE WHEN i = 7 THEN 'Zanzibar' ELSE 'Product ' || i END, i <> 7, '{}' FROM generate_series(1, $1::int / 1000) i;
INSERT INTO prices (id, created_at, updated_at, stripe_id, stripe_status, unit_amount, currency, interval, interval_count, status, product_id)
SELECT 'prc_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'price_' || i, 'SYNCED', 100 * i, 'EUR', 'MONTH', 1,
	'ACTIVE', 'pdt_' || lpad(i::text, 26, '0') FROM generate_series(1, $1::int / 1000) i;
INSERT INTO customers (id, created_at, updated_at, stripe_id, stripe_status, email, name, metadata)
SELECT 'cst_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'cus_' || i, 'SYNCED', 'c' || i || '@example.com',
	CASE WHEN i = $1::int / 2 THEN 'Zanzibar' ELSE 'Customer ' || i END, '{}' FROM generate_series(1, $1::int) i;
INSERT INTO subscriptions (id, created_at, updated_at, stripe_id, stripe_status, status, current_period_end, customer_id, price_id, product_id, only_price_id, only_product_id, item_count)
SELECT 'sbn_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'sub_' || i, 'SYNCED',
	CASE WHEN i % 100000 = 7 THEN 'PAST_DUE' ELSE 'ACTIVE' END, now() + (i % 100000) * interval '1 minute',
	'cst_' || lpad(i::text, 26, '0'), 'prc_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0'), 'pdt_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0'),
	'prc_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0'), 'pdt_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0'), 1
FROM generate_series(1, $1::int / 2) i;
INSERT INTO subscription_items (id, created_at, updated_at, stripe_id, stripe_status, quantity, subscription_id, price_id, product_id)
SELECT 'sbi_' || lpad(i::text, 26, '0'), now(), now(), 'si_' || i, 'SYNCED', 1,
	'sbn_' || lpad(i::text, 26, '0'), 'prc_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0'), 'pdt_' || lpad((1 + i % ($1::int / 1000))::text, 26, '0')
FROM generate_series(1, $1::int / 2) i;
INSERT INTO invoices (id, created_at, updated_at, stripe_id, stripe_status, status, currency, total, amount_due, amount_paid, amount_remaining, customer_id, subscription_id)
SELECT 'ivc_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'in_' || i, 'SYNCED',
	CASE WHEN i % 100000 = 7 THEN 'OPEN' ELSE 'PAID' END, 'EUR', 100, 100, 100, 0,
	'cst_' || lpad((CASE WHEN i % 10 = 0 THEN $1::int ELSE i END)::text, 26, '0'), 'sbn_' || lpad(i::text, 26, '0')
FROM generate_series(1, $1::int / 2) i;
INSERT INTO operations (id, created_at, updated_at, kind, status, subject_id, scope_id, position, params, steps, finished_at)
SELECT 'opn_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second',
	CASE WHEN i % 100000 = 7 THEN 'VOID_INVOICE' ELSE 'CREATE_CUSTOMER' END, CASE WHEN i % 100000 = 7 THEN 'FAILED' ELSE 'SUCCEEDED' END,
	'cst_' || lpad(i::text, 26, '0'), 'cst_' || lpad(i::text, 26, '0'), 1, '{}', '[{"name": "create_customer", "status": "DONE"}]', now()
FROM generate_series(1, $1::int / 2) i;
INSERT INTO webhook_events (id, created_at, updated_at, stripe_event_id, type, object_type, object_id, status, occurred_at, processed_at)
SELECT 'whe_' || lpad(i::text, 26, '0'), now() - i * interval '1 second', now() - i * interval '1 second', 'evt_' || i,
	CASE WHEN i % 100000 = 7 THEN 'invoice.voided' ELSE 'customer.created' END, 'customer', 'cus_' || i,
	CASE WHEN i % 100000 = 7 THEN 'FAILED' ELSE 'PROCESSED' END, now(), now() FROM generate_series(1, 3 * $1::int / 10) i;
