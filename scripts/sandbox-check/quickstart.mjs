// The calls that Stripe's quickstarts make with the npm package, against the sandbox, or against Stripe itself. Each
// call prints a line: what it is, and what of its answer must be equal on both sides.
import Stripe from 'stripe';

const base = process.env.SANDBOX_BASE ? new URL(process.env.SANDBOX_BASE) : null;
const stripe = new Stripe(process.env.STRIPE_TEST_KEY || 'sk_test_sandbox_check', {
  apiVersion: '2023-10-16',
  maxNetworkRetries: 0,
  telemetry: false,
  ...(base && { host: base.hostname, port: base.port, protocol: 'http' }),
});

let failed = 0;
let worked = 0;
const missing = [];
async function call(name, make, ...fields) {
  try {
    const made = await make();
    worked++;
    console.log(`${name}: ${JSON.stringify(Object.fromEntries(fields.map((f) => [f, f.split('.').reduce((at, step) => at?.[step], made) ?? null])))}`);
    return made;
  } catch (error) {
    if (error.type === 'StripeConnectionError' || error.type === undefined) throw error;
    failed++;
    console.log(`${name}: refused, ${error.statusCode} ${error.rawType} ${error.code ?? ''} ${error.param ?? ''}`);
    return {};
  }
}
// refused is a call whose refusal is the right answer.
async function refused(name, make) {
  await call(name, make);
  failed--;
  worked++;
}
// lacking is a call that the sandbox does not have: it says so, instead of something wrong.
async function lacking(name, make) {
  if (!base) return;
  try {
    await make();
    failed++;
    console.log(`${name}: works, though the list says that it does not`);
  } catch (error) {
    if (!/Unrecognized request URL|does not model/.test(error.message)) throw error;
    missing.push(name);
  }
}

await call('account', () => stripe.accounts.retrieve(), 'object');
await call('balance', () => stripe.balance.retrieve(), 'object', 'livemode');
const product = await call('product', () => stripe.products.create({ name: 'Gold', metadata: { tier: '1' } }), 'active', 'name', 'metadata.tier');
await call('product update', () => stripe.products.update(product.id, { description: 'All of it' }), 'description');
await call('product get', () => stripe.products.retrieve(product.id), 'name');
await call('products', () => stripe.products.list({ limit: 1 }), 'object', 'data.length');
const price = await call('price', () => stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1500, recurring: { interval: 'month' } }), 'type', 'unit_amount', 'recurring.interval');
const dearer = await call('price with product_data', () => stripe.prices.create({ currency: 'usd', unit_amount: 2500, recurring: { interval: 'month' }, product_data: { name: 'Platinum' } }), 'unit_amount');
await call('price update', () => stripe.prices.update(price.id, { nickname: 'Monthly' }), 'nickname');
await call('prices', () => stripe.prices.list({ product: product.id }), 'data.length');
const customer = await call('customer', () => stripe.customers.create({ email: 'ada@example.com', name: 'Ada', address: { city: 'Oslo' } }), 'email', 'address.city', 'tax_exempt', 'balance');
await call('customer update', () => stripe.customers.update(customer.id, { metadata: { order: '7' } }), 'metadata.order');
await call('customers by e-mail', () => stripe.customers.list({ email: 'ada@example.com', limit: 1 }), 'data.length');
await call('customer get, expanded', () => stripe.customers.retrieve(customer.id, { expand: ['invoice_settings.default_payment_method'] }), 'invoice_settings.default_payment_method');

const intent = await call('payment intent', () => stripe.paymentIntents.create({ amount: 2000, currency: 'usd', automatic_payment_methods: { enabled: true, allow_redirects: 'never' } }), 'status', 'amount', 'capture_method');
await call('payment intent update', () => stripe.paymentIntents.update(intent.id, { amount: 2100 }), 'amount', 'status');
await call('payment intent confirm', () => stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' }), 'status', 'amount_received');
await call('payment intent get', () => stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] }), 'latest_charge.paid', 'latest_charge.amount');
await call('payment intents', () => stripe.paymentIntents.list({ limit: 1 }), 'data.length');
const held = await call('payment intent, held', () => stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: 'pm_card_visa', confirm: true, capture_method: 'manual', payment_method_types: ['card'] }), 'status', 'amount_capturable');
await call('payment intent capture', () => stripe.paymentIntents.capture(held.id, { amount_to_capture: 500 }), 'status', 'amount_received');
const dropped = await call('payment intent, to be dropped', () => stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method_types: ['card'] }), 'status');
await call('payment intent cancel', () => stripe.paymentIntents.cancel(dropped.id), 'status');
await refused('payment intent declined', () => stripe.paymentIntents.create({ amount: 900, currency: 'usd', payment_method: 'pm_card_chargeDeclined', confirm: true, payment_method_types: ['card'] }));
await call('refund', () => stripe.refunds.create({ payment_intent: intent.id, amount: 100 }), 'status', 'amount');
await call('refunds', () => stripe.refunds.list({ payment_intent: intent.id }), 'data.length');
await call('charges', () => stripe.charges.list({ limit: 1 }), 'data.length');
await call('balance transactions', () => stripe.balanceTransactions.list({ limit: 1 }), 'data.length');

const method = await call('payment method', () => stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } }), 'type', 'card.last4', 'card.brand');
await call('payment method attach', () => stripe.paymentMethods.attach(method.id, { customer: customer.id }), 'type');
await call('payment method update', () => stripe.paymentMethods.update(method.id, { metadata: { a: 'b' } }), 'metadata.a');
await call('payment methods', () => stripe.paymentMethods.list({ customer: customer.id, type: 'card' }), 'data.length');
await call('customer default method', () => stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } }), 'email');
const setup = await call('setup intent', () => stripe.setupIntents.create({ customer: customer.id, payment_method_types: ['card'] }), 'status', 'usage');
await call('setup intent confirm', () => stripe.setupIntents.confirm(setup.id, { payment_method: 'pm_card_visa' }), 'status');

const sub = await call('subscription', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], expand: ['latest_invoice.payment_intent'] }), 'status', 'latest_invoice.status', 'latest_invoice.payment_intent.status', 'items.data.length', 'quantity', 'plan.object');
await call('subscription, incomplete', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], payment_behavior: 'default_incomplete', payment_settings: { save_default_payment_method: 'on_subscription' } }), 'status');
await call('subscription, trial', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], trial_period_days: 7 }), 'status');
await call('subscription, price_data', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price_data: { currency: 'usd', product: product.id, unit_amount: 700, recurring: { interval: 'month' } } }] }), 'status');
await call('subscription upgrade', () => stripe.subscriptions.update(sub.id, { items: [{ id: sub.items?.data[0].id, price: dearer.id }], proration_behavior: 'always_invoice' }), 'status', 'plan.amount');
await call('subscription at its end', () => stripe.subscriptions.update(sub.id, { cancel_at_period_end: true }), 'cancel_at_period_end', 'status');
await call('subscription items', () => stripe.subscriptionItems.list({ subscription: sub.id }), 'data.length');
await call('subscription item', () => stripe.subscriptionItems.update(sub.items?.data[0].id, { quantity: 2 }), 'quantity');
await call('subscriptions', () => stripe.subscriptions.list({ customer: customer.id, status: 'all', limit: 2 }), 'data.length', 'has_more');
await call('upcoming invoice', () => stripe.invoices.retrieveUpcoming({ customer: customer.id }), 'object', 'status');
await call('subscription cancel', () => stripe.subscriptions.cancel(sub.id), 'status');
await refused('subscription cancel again', () => stripe.subscriptions.cancel(sub.id));
await refused('subscription resume when canceled', () => stripe.subscriptions.resume(sub.id));

await call('invoice item', () => stripe.invoiceItems.create({ customer: customer.id, amount: 700, currency: 'usd', description: 'Work' }), 'amount', 'description');
const invoice = await call('invoice', () => stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include' }), 'status', 'billing_reason');
await call('invoice update', () => stripe.invoices.update(invoice.id, { description: 'Work' }), 'description');
await call('invoice lines', () => stripe.invoices.listLineItems(invoice.id), 'object');
await call('invoice finalize', () => stripe.invoices.finalizeInvoice(invoice.id), 'status');
await call('invoice pay', () => stripe.invoices.pay(invoice.id), 'status', 'paid');
await call('invoices', () => stripe.invoices.list({ customer: customer.id, limit: 1 }), 'data.length');
const other = await call('invoice to void', () => stripe.invoices.create({ customer: customer.id, collection_method: 'send_invoice', days_until_due: 7 }), 'status', 'collection_method');
await call('invoice item on it', () => stripe.invoiceItems.create({ customer: customer.id, invoice: other.id, amount: 300, currency: 'usd' }), 'amount');
await call('invoice send', () => stripe.invoices.sendInvoice(other.id), 'status');
await call('invoice void', () => stripe.invoices.voidInvoice(other.id), 'status');

const coupon = await call('coupon', () => stripe.coupons.create({ percent_off: 25, duration: 'repeating', duration_in_months: 3, name: 'Spring' }), 'percent_off', 'duration_in_months', 'valid', 'times_redeemed');
await call('coupon of an amount', () => stripe.coupons.create({ amount_off: 500, currency: 'usd', duration: 'once' }), 'amount_off', 'currency', 'duration');
await call('coupon get', () => stripe.coupons.retrieve(coupon.id), 'percent_off', 'duration');
await call('coupon update', () => stripe.coupons.update(coupon.id, { metadata: { a: 'b' } }), 'metadata.a');
await call('coupons', () => stripe.coupons.list({ limit: 1 }), 'data.length');
const code = await call('promotion code', () => stripe.promotionCodes.create({ coupon: coupon.id }), 'active', 'coupon.percent_off');
await call('promotion codes by code', () => stripe.promotionCodes.list({ code: code.code }), 'data.length');
await call('customer with a coupon', () => stripe.customers.update(customer.id, { coupon: coupon.id }), 'discount.object', 'discount.coupon.percent_off');
await call('customer discount delete', () => stripe.customers.deleteDiscount(customer.id), 'deleted', 'object');
const reduced = await call('subscription with a promotion code', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], promotion_code: code.id, expand: ['latest_invoice'] }), 'discount.coupon.percent_off', 'latest_invoice.subtotal', 'latest_invoice.total', 'latest_invoice.total_discount_amounts.0.amount');
await call('subscription discount delete', () => stripe.subscriptions.deleteDiscount(reduced.id), 'deleted');
await call('promotion code update', () => stripe.promotionCodes.update(code.id, { active: false }), 'active');
await refused('subscription with an unknown coupon', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], coupon: 'nope' }));

const rate = await call('tax rate', () => stripe.taxRates.create({ display_name: 'VAT', percentage: 20, inclusive: false, country: 'GB' }), 'percentage', 'inclusive', 'active');
await call('tax rate update', () => stripe.taxRates.update(rate.id, { metadata: { a: 'b' } }), 'metadata.a');
await call('tax rates', () => stripe.taxRates.list({ limit: 1 }), 'data.length');
await call('subscription with tax', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], default_tax_rates: [rate.id], expand: ['latest_invoice'] }), 'latest_invoice.tax', 'latest_invoice.total', 'latest_invoice.subtotal');
await call('subscription with an extra item', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], add_invoice_items: [{ price_data: { currency: 'usd', product: product.id, unit_amount: 300 } }], expand: ['latest_invoice'] }), 'latest_invoice.total');
const credited = await call('credit note', () => stripe.creditNotes.create({ invoice: invoice.id, amount: 100, refund_amount: 100 }), 'amount', 'status', 'type');
await call('credit note get', () => stripe.creditNotes.retrieve(credited.id), 'amount');
await call('credit notes', () => stripe.creditNotes.list({ invoice: invoice.id }), 'data.length');
await call('credit note preview', () => stripe.creditNotes.preview({ invoice: invoice.id, amount: 100, credit_amount: 100 }), 'amount');
await call('customer balance', () => stripe.customers.createBalanceTransaction(customer.id, { amount: -500, currency: 'usd' }), 'amount', 'ending_balance', 'type');
await call('customer balance transactions', () => stripe.customers.listBalanceTransactions(customer.id), 'object');
await call('upcoming lines', () => stripe.invoices.listUpcomingLines({ customer: customer.id }), 'object');
const usage = await call('price for usage', () => stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered' } }), 'recurring.usage_type', 'recurring.aggregate_usage');
const metered = await call('subscription to usage', () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: usage.id }] }), 'status');
const planned = await call('subscription schedule', () => stripe.subscriptionSchedules.create({ customer: customer.id, start_date: 'now', end_behavior: 'release', phases: [{ items: [{ price: price.id, quantity: 2 }], iterations: 12 }] }), 'status', 'end_behavior', 'phases.0.items.0.quantity');
await call('subscription schedule update', () => stripe.subscriptionSchedules.update(planned.id, { metadata: { a: 'b' } }), 'metadata.a');
await call('subscription schedules', () => stripe.subscriptionSchedules.list({ customer: customer.id }), 'data.length');
await call('subscription schedule release', () => stripe.subscriptionSchedules.release(planned.id), 'status');
await call('usage record', () => stripe.subscriptionItems.createUsageRecord(metered.items?.data[0].id, { quantity: 5, timestamp: 'now' }), 'quantity');
await call('usage summaries', () => stripe.subscriptionItems.listUsageRecordSummaries(metered.items?.data[0].id), 'data.0.object');
await call('charge of a token', () => stripe.charges.create({ amount: 2000, currency: 'usd', source: 'tok_visa' }), 'paid', 'amount', 'status');
await call('search customers', () => stripe.customers.search({ query: "email:'ada@example.com' AND metadata['order']:'7'" }), 'object');
await call('search products', () => stripe.products.search({ query: "active:'true' AND name~'Gol'" }), 'object');
await call('search prices', () => stripe.prices.search({ query: "currency:'usd'" }), 'object');
await call('search subscriptions', () => stripe.subscriptions.search({ query: "status:'active'" }), 'object');
await call('search invoices', () => stripe.invoices.search({ query: 'total>100' }), 'object');
await call('search charges', () => stripe.charges.search({ query: "amount>100 AND refunded:'false'" }), 'object');
await call('search payment intents', () => stripe.paymentIntents.search({ query: "status:'succeeded'" }), 'object');
await refused('search by an unknown field', () => stripe.customers.search({ query: "shoe:'42'" }));
await call('coupon delete', () => stripe.coupons.del(coupon.id), 'deleted');

await call('checkout with promotion codes', () => stripe.checkout.sessions.create({ mode: 'payment', success_url: 'https://example.com/done', allow_promotion_codes: true, line_items: [{ quantity: 1, price_data: { currency: 'usd', unit_amount: 2000, product_data: { name: 'T-shirt' } } }] }), 'allow_promotion_codes', 'amount_total');
await call('portal', () => stripe.billingPortal.sessions.create({ customer: customer.id, return_url: 'https://example.com/account' }), 'object');
const session = await call('checkout, payment', () => stripe.checkout.sessions.create({ mode: 'payment', success_url: 'https://example.com/done', line_items: [{ quantity: 2, price_data: { currency: 'usd', unit_amount: 2000, product_data: { name: 'T-shirt' } } }] }), 'status', 'amount_total', 'payment_status');
await call('checkout, subscription', () => stripe.checkout.sessions.create({ mode: 'subscription', customer: customer.id, success_url: 'https://example.com/done', line_items: [{ price: price.id, quantity: 1 }] }), 'mode', 'amount_total');
await call('checkout get', () => stripe.checkout.sessions.retrieve(session.id), 'status');
await call('checkout items', () => stripe.checkout.sessions.listLineItems(session.id), 'data.length');
await call('checkout expire', () => stripe.checkout.sessions.expire(session.id), 'status');
await call('events', () => stripe.events.list({ limit: 1 }), 'data.length');
const clock = await call('test clock', () => stripe.testHelpers.testClocks.create({ frozen_time: 1700000000 }), 'status');
await call('test clock gone', () => stripe.testHelpers.testClocks.del(clock.id), 'deleted');
await refused('list by an unknown customer', () => stripe.invoices.list({ customer: 'cus_nobody' }));
await refused('unknown price', () => stripe.prices.retrieve('price_nope'));
await call('product archive', () => stripe.products.update(product.id, { active: false }), 'active');
await call('customer delete', () => stripe.customers.del(customer.id), 'deleted');

await lacking('payment link', () => stripe.paymentLinks.create({ line_items: [{ price: price.id, quantity: 1 }] }));
await lacking('quote', () => stripe.quotes.create({ line_items: [{ price: price.id }] }));
await lacking('customer tax id', () => stripe.customers.createTaxId('cus_nobody', { type: 'eu_vat', value: 'DE123456789' }));
await lacking('customer source', () => stripe.customers.create({ source: 'tok_visa' }));
await lacking('portal configuration', () => stripe.billingPortal.configurations.create({ features: { invoice_history: { enabled: true } }, business_profile: {} }));
await lacking('payout', () => stripe.payouts.create({ amount: 100, currency: 'usd' }));
await lacking('token', () => stripe.tokens.create({ account: { tos_shown_and_accepted: true } }));
console.error(`${worked} of ${worked + failed + missing.length} calls work${missing.length ? '; not there: ' + missing.join(', ') : ''}`);

process.exitCode = failed > 0 ? 1 : 0;
