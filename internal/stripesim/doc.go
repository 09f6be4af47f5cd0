// Package stripesim is a stateful stand-in for the Stripe API of version 2023-10-16:
// products, prices, coupons, tax rates, customers, payment methods, subscriptions,
// invoices, credit notes, intents, checkout, the customer portal and search over real
// HTTP, kept in one SQLite file, with Stripe's rules, messages, idempotency, events and
// signed webhooks.
//
// Life goes on with the clock, the sandbox's or a test clock's: drafts are finalized
// after an hour and charged; a failed renewal is tried again after 3, 5 and 7 days, and
// then the subscription is canceled, or what the settings say; trials end; an
// incomplete subscription expires after 23 hours; planned ends come. Each thing happens
// at its own time, in order.
//
// The pages that Stripe hosts are under /c/pay/ (checkout), /p/session/ (the portal)
// and /i/ (invoices); a session's url and an invoice's hosted_invoice_url lead there.
//
// What Stripe would do on a bad day is switched on under /_sim/, which speaks JSON and
// needs no key:
//
//	GET    /_sim/                       how many objects of each kind there are
//	POST   /_sim/faults                 switch a fault on, see Fault for its fields and the fault kinds for what it does
//	GET    /_sim/faults                 the faults that are on, and how often each has struck
//	DELETE /_sim/faults                 switch all faults off
//	GET    /_sim/requests               the latest API requests, oldest first
//	DELETE /_sim/requests               forget them
//	POST   /_sim/subscriptions/{id}     {"status": "past_due", "reason": …}: bring a subscription into a status
//	POST   /_sim/payment_intents/{id}   {"authentication": "succeeded" | "failed"}: play the holder of a 3-D Secure card
//	POST   /_sim/charges/{id}/dispute   play the holder of a card who wants the money back
//	GET    /_sim/clock                  the time, and what is due next
//	POST   /_sim/clock                  {"advance": "31d"}, {"to": unix time} or {"until": "next"}: live through all that is due
//	GET    /_sim/settings               what a real account's owner sets in the dashboard
//	POST   /_sim/settings               {"dunningEnd": "cancel" | "unpaid" | "past_due", "rateLimits": bool, "searchLag": "10s"}
//	GET    /_sim/webhooks               the plan for webhook deliveries, and what has become of them
//	POST   /_sim/webhooks               {"paused", "shuffle": bool, "duplicate", "drop", "fail": n}: change the plan
//	DELETE /_sim/webhooks               deliver as usual again
//	POST   /_sim/webhooks/deliver       {"event": id}: send an event once more; {}: try now what waits for its next attempt
//
// The house has floors, and each knows those below it alone:
//
//	stripesim                  one request: its key, its fault, its idempotency, its transaction; start and stop
//	page, control              the pages that Stripe hosts; the paths under /_sim/
//	clock                      time passes, and everything due happens
//	object/…                   the kinds of object, with their endpoints: catalog, discount, tax, customer, subscription, checkout, account
//	hook, fault                signed deliveries; what goes wrong on purpose
//	billing                    rules that only calculate
//	state                      the store, a transaction over it, events, lists, what goes on the wire
//	form, apierror             parameters and refusals, in Stripe's words
//
// An endpoint reads top to bottom: its parameters, the rules, the change with its
// event, the result. It has a [state.Request]; the rules below it are functions of a
// [state.Tx]. Everything that a request changes, its events and its answer under the
// idempotency key are one transaction. Webhooks leave from a queue that this
// transaction fills: at least once, in no certain order, for up to three days.
package stripesim
