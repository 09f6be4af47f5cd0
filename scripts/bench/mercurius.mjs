// The same lists in Node: Fastify, Mercurius with JIT and its batching loaders, and pg.
import Fastify from 'fastify';
import mercurius from 'mercurius';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
const names = new Map(); // of prepared statements
const rows = async (text, values) => {
  if (!names.has(text)) names.set(text, `s${names.size}`);
  return (await pool.query({ name: names.get(text), text, values })).rows;
};

const schema = `
  scalar DateTime
  type Money { amount: Float! currency: String! }
  type Product { id: ID! name: String! active: Boolean! createdAt: DateTime! }
  type Price { id: ID! unitAmount: Money! product: Product! }
  type Subscription { id: ID! status: String! currentPeriodEnd: DateTime price: Price! }
  type SubscriptionEdge { node: Subscription! }
  type SubscriptionConnection { edges: [SubscriptionEdge!]! }
  type Customer { id: ID! email: String! name: String! subscriptions(first: Int!): SubscriptionConnection! }
  type CustomerEdge { node: Customer! }
  type CustomerConnection { edges: [CustomerEdge!]! }
  type ProductEdge { node: Product! }
  type ProductConnection { edges: [ProductEdge!]! }
  type Query {
    customers(first: Int!): CustomerConnection!
    products(first: Int!): ProductConnection!
    customer(id: ID!): Customer
  }`;

const connection = (nodes) => ({ edges: nodes.map((node) => ({ node })) });
const time = (t) => t && t.toISOString().replace(/\.?0*Z$/, 'Z');

const resolvers = {
  Query: {
    customers: async (_, { first }) =>
      connection(await rows('SELECT id, email, name FROM customers WHERE deleted_at IS NULL ORDER BY id DESC LIMIT $1', [first])),
    products: async (_, { first }) =>
      connection(await rows('SELECT id, name, active FROM products ORDER BY id DESC LIMIT $1', [first])),
    customer: async (_, { id }) =>
      (await rows('SELECT id, email, name FROM customers WHERE deleted_at IS NULL AND id = $1', [id]))[0],
  },
  Product: { createdAt: (product) => time(product.created_at) },
  Subscription: { currentPeriodEnd: (subscription) => time(subscription.current_period_end) },
  Price: { unitAmount: (price) => ({ amount: Number(price.unit_amount), currency: price.currency }) },
};

const byId = async (table, columns, ids) => {
  const found = await rows(`SELECT ${columns} FROM ${table} WHERE id = ANY($1)`, [[...new Set(ids)]]);
  const all = new Map(found.map((row) => [row.id, row]));
  return ids.map((id) => all.get(id));
};

const loaders = {
  Customer: {
    async subscriptions(queries) {
      const found = await rows(
        `SELECT * FROM (SELECT id, status, current_period_end, price_id, customer_id,
           row_number() OVER (PARTITION BY customer_id ORDER BY id DESC) AS n
         FROM subscriptions WHERE customer_id = ANY($1)) s WHERE n <= $2 ORDER BY customer_id, id DESC`,
        [queries.map((q) => q.obj.id), queries[0].params.first],
      );
      const of = new Map(queries.map((q) => [q.obj.id, []]));
      for (const row of found) of.get(row.customer_id).push(row);
      return queries.map((q) => connection(of.get(q.obj.id)));
    },
  },
  Subscription: {
    price: (queries) => byId('prices', 'id, unit_amount, currency, product_id', queries.map((q) => q.obj.price_id)),
  },
  Price: {
    product: (queries) => byId('products', 'id, name, active, created_at', queries.map((q) => q.obj.product_id)),
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
