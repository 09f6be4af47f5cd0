package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// serveByHand answers the nested page as a Go programmer would who has nothing else to
// answer: two statements, and the JSON appended by hand. Sign-ups are two rows in one
// round trip. It knows nothing of GraphQL, and of no rules.
func serveByHand(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	http.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		body, err := nestedPage(r.Context(), pool)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})
	http.HandleFunc("/signup", func(w http.ResponseWriter, r *http.Request) {
		id, err := signUpByHand(r.Context(), pool, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = fmt.Fprintf(w, `{"data":{"createCustomer":{"customer":{"id":%q},"userErrors":[]}}}`, id)
	})
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// signUpByHand inserts a customer and its operation, which is over, so that the program
// leaves it alone.
func signUpByHand(ctx context.Context, pool *pgxpool.Pool, body io.Reader) (id string, err error) {
	var request struct {
		Variables struct {
			Input struct{ Email string }
		}
	}
	if err := json.NewDecoder(body).Decode(&request); err != nil {
		return "", err
	}
	id = rand.Text()
	now := time.Now()
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO customers (id, created_at, updated_at, stripe_status, email, email_claimed, name, metadata)
		VALUES ($1, $2, $2, 'PENDING', $3, true, '', '{}')`, "cst_"+id, now, request.Variables.Input.Email)
	batch.Queue(`INSERT INTO operations (id, created_at, updated_at, kind, status, subject_id, scope_id, position, params, steps, attempts, faults, finished_at)
		VALUES ($1, $2, $2, 'CREATE_CUSTOMER', 'SUCCEEDED', $3, $3, 1,
			'{"customer_id": "cst_0", "create": {"email": "c@example.com"}}', '[{"name": "create_customer", "status": "DONE"}]', 1, 0, $2)`, "opn_"+id, now, "cst_"+id)
	return "cst_" + id, pool.SendBatch(ctx, batch).Close()
}

type customer struct{ id, email, name string }

type subscription struct {
	customer, id, status, price, currency, product, productName string
	end                                                         *time.Time
	amount                                                      int64
}

func nestedPage(ctx context.Context, pool *pgxpool.Pool) ([]byte, error) {
	rows, err := pool.Query(ctx, `SELECT id, email, name FROM customers WHERE deleted_at IS NULL ORDER BY id DESC LIMIT $1`, 50)
	if err != nil {
		return nil, err
	}
	customers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c customer, err error) {
		return c, row.Scan(&c.id, &c.email, &c.name)
	})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(customers))
	for i, c := range customers {
		ids[i] = c.id
	}
	rows, err = pool.Query(ctx, `SELECT s.customer_id, s.id, s.status, s.current_period_end, p.id, p.unit_amount, p.currency, d.id, d.name FROM (
			SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY id DESC) AS n FROM subscriptions WHERE customer_id = ANY($1)
		) s JOIN prices p ON p.id = s.price_id JOIN products d ON d.id = p.product_id
		WHERE n <= $2 ORDER BY s.customer_id, s.id DESC`, ids, 3)
	if err != nil {
		return nil, err
	}
	of := make(map[string][]subscription, len(customers))
	var s subscription
	if _, err = pgx.ForEachRow(rows, []any{&s.customer, &s.id, &s.status, &s.end, &s.price, &s.amount, &s.currency, &s.product, &s.productName}, func() error {
		of[s.customer] = append(of[s.customer], s)
		return nil
	}); err != nil {
		return nil, err
	}
	b := append(make([]byte, 0, 64<<10), `{"data":{"customers":{"edges":[`...)
	for i, c := range customers {
		b = separate(b, i)
		b = text(append(b, `{"node":{"id":`...), c.id)
		b = text(append(b, `,"email":`...), c.email)
		b = text(append(b, `,"name":`...), c.name)
		b = append(b, `,"subscriptions":{"edges":[`...)
		for j, s := range of[c.id] {
			b = appendSubscription(separate(b, j), s)
		}
		b = append(b, `]}}}`...)
	}
	return append(b, "]}}}\n"...), nil
}

func appendSubscription(b []byte, s subscription) []byte {
	b = text(append(b, `{"node":{"id":`...), s.id)
	b = text(append(b, `,"status":`...), s.status)
	b = append(b, `,"currentPeriodEnd":`...)
	if s.end == nil {
		b = append(b, "null"...)
	} else {
		b = append(s.end.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	b = text(append(b, `,"price":{"id":`...), s.price)
	b = strconv.AppendInt(append(b, `,"unitAmount":{"amount":`...), s.amount, 10)
	b = text(append(b, `,"currency":`...), s.currency)
	b = text(append(b, `},"product":{"id":`...), s.product)
	b = text(append(b, `,"name":`...), s.productName)
	return append(b, `}}}}`...)
}

func separate(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// text appends a JSON string. What needs no escape, and in these tables nothing does, is
// appended as it is.
func text(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			escaped, _ := json.Marshal(s) // a string always has a form
			return append(b, escaped...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
