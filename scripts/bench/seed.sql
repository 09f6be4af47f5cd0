-- :n customers, each with three subscriptions and as many invoices, to 100 products with a price each.
INSERT INTO products (id, created_at, updated_at, stripe_id, stripe_status, name, active, metadata)
SELECT 'pdt_' || lpad(i::text, 26, '0'), date_trunc('second', now()), now(), 'prod_' || i, 'SYNCED', 'Product ' || i, true, '{}' FROM generate_series(1, 100) i;
INSERT INTO prices (id, created_at, updated_at, stripe_id, stripe_status, unit_amount, currency, interval, interval_count, status, product_id)
SELECT 'prc_' || lpad(i::text, 26, '0'), now(), now(), 'price_' || i, 'SYNCED', 100 * i, 'EUR', 'MONTH', 1, 'ACTIVE', 'pdt_' || lpad(i::text, 26, '0')
FROM generate_series(1, 100) i;
INSERT INTO customers (id, created_at, updated_at, stripe_id, stripe_status, email, name, metadata)
SELECT 'cst_' || lpad(i::text, 26, '0'), date_trunc('second', now()) - i * interval '1 second', now(), 'cus_' || i, 'SYNCED', 'c' || i || '@example.com', 'Customer ' || i, '{}'
FROM generate_series(1, $1::int) i;
INSERT INTO subscriptions (id, created_at, updated_at, stripe_id, stripe_status, status, current_period_end, customer_id, price_id, product_id, only_price_id, only_product_id, item_count)
SELECT 'sbn_' || lpad((3 * i + j)::text, 26, '0'), now(), now(), 'sub_' || (3 * i + j), 'SYNCED', 'ACTIVE', date_trunc('second', now()) + i * interval '1 minute',
	'cst_' || lpad(i::text, 26, '0'), 'prc_' || lpad((1 + (i + j) % 100)::text, 26, '0'), 'pdt_' || lpad((1 + (i + j) % 100)::text, 26, '0'),
	'prc_' || lpad((1 + (i + j) % 100)::text, 26, '0'), 'pdt_' || lpad((1 + (i + j) % 100)::text, 26, '0'), 1
FROM generate_series(1, $1::int) i, generate_series(1, 3) j;
