// Package model explores what can become of an operation, exhaustively: every
// order of requests, answers that are lost, requests that come late, errors that
// Stripe stores, keys that it forgets, refusals, crashes, and people who delete
// things in the dashboard. It is small, and made of the steps that the program
// declares. Each rule of the engine can be switched off; the tests show that every
// rule is needed, by what goes wrong without it.
package model
