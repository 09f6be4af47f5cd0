// The application's own backend, and the pages. It alone has a key that can do much: it signs people up, and gives the
// browser of a person who is signed in a token for that customer. Everything else the browser asks Tallystick itself.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { createServer as createVite } from 'vite';

const api = process.env.TALLYSTICK_URL ?? 'http://127.0.0.1:8080/graphql';
const port = Number(process.env.PORT ?? 5173);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const key = process.env.TALLYSTICK_KEY ?? (await readFile(here('../../data/admin-key'), 'utf8').catch(() => {
  throw new Error('start Tallystick first (go run . two directories up), or set TALLYSTICK_URL and TALLYSTICK_KEY');
})).trim();

async function graphql(query, variables, bearer = key) {
  const response = await fetch(api, {
    method: 'POST',
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors.map((error) => error.message).join('; '));
  return data;
}

// The key that visitors' browsers get: it reads products and prices, and nothing else. It is made once, and kept.
async function keyForVisitors() {
  const file = here('.catalog-key');
  const kept = await readFile(file, 'utf8').catch(() => '');
  const works = kept && (await graphql('{ viewer { kind } }', {}, kept).then(() => true, () => false));
  if (works) return kept;
  const { createApiKey } = await graphql(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret userErrors { message } } }',
    { input: { name: 'Pricing page of examples/react', scopes: ['READ_CATALOG'] } },
  );
  if (!createApiKey.secret) throw new Error(createApiKey.userErrors[0].message);
  await writeFile(file, createApiKey.secret, { mode: 0o600 });
  return createApiKey.secret;
}

// Who is signed in is a signed cookie with this application's own id of the user, which Tallystick knows as externalId. An
// application with users of its own has all of this already.
const sign = (text) => createHmac('sha256', key).update(text).digest('base64url');

function seal(purpose, user, seconds) {
  const text = `${purpose}.${user}.${Date.now() + seconds * 1000}`;
  return `${text}.${sign(text)}`;
}

function unseal(purpose, sealed = '') {
  const [stated, user, until, signature = ''] = sealed.split('.');
  const right = Buffer.from(sign(`${purpose}.${user}.${until}`));
  const given = Buffer.from(signature);
  const good = stated === purpose && given.length === right.length && timingSafeEqual(given, right) && Number(until) > Date.now();
  return good ? user : null;
}

const cookie = (value, seconds) => `user=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}`;
const signedIn = (user) => cookie(seal('cookie', user, 86_400), 86_400);
const userOf = (request) => unseal('cookie', /(?:^|; )user=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]);

async function customerOf(user) {
  const { customerByExternalId } = await graphql(
    'query ($user: String!) { customerByExternalId(externalId: $user) { id email name } }',
    { user },
  );
  return customerByExternalId;
}

const catalogKey = await keyForVisitors();

const routes = {
  async 'GET /api/config'(request) {
    const user = userOf(request);
    const customer = user && (await customerOf(user));
    return { body: { url: api, catalogKey, user: customer && { email: customer.email, name: customer.name } } };
  },

  async 'POST /api/sign-up'(_, { email, name }) {
    const user = randomUUID();
    const { createCustomer } = await graphql(
      `mutation ($input: CreateCustomerInput!) {
        createCustomer(input: $input) { customer { id } userErrors { code message path } }
      }`,
      { input: { email, name: name || null, externalId: user } },
    );
    if (createCustomer.userErrors.length) return { status: 422, body: { userErrors: createCustomer.userErrors } };
    return { status: 201, cookie: signedIn(user), body: {} };
  },

  // An address alone proves nothing, so the way in is a link that only the owner of the address receives. It stands in
  // the terminal, since this example sends no e-mails; and the answer does not tell who has an account.
  async 'POST /api/sign-in'(_, { email }) {
    const { customerByEmail } = await graphql(
      'query ($email: String!) { customerByEmail(email: $email) { externalId } }',
      { email },
    );
    const user = customerByEmail?.externalId;
    if (user) console.log(`\nTo ${email}: sign in by http://127.0.0.1:${server.address().port}/api/enter?ticket=${seal('ticket', user, 600)}\n`);
    return { status: 202, body: {} };
  },

  async 'GET /api/enter'(request) {
    const user = unseal('ticket', new URL(request.url, 'http://here').searchParams.get('ticket') ?? '');
    return user
      ? { status: 303, cookie: signedIn(user), location: '/#billing' }
      : { status: 303, location: '/#sign-in' };
  },

  async 'POST /api/sign-out'() {
    return { cookie: cookie('', 0), body: {} };
  },

  // The token with which a browser asks Tallystick: for an hour, for one customer, and for what the billing page offers.
  async 'POST /api/session'(request) {
    const user = userOf(request);
    const customer = user && (await customerOf(user));
    if (!customer) return { status: 401, body: {} };
    const { createCustomerSession } = await graphql(
      `mutation ($input: CreateCustomerSessionInput!) {
        createCustomerSession(input: $input) { token expiresAt userErrors { message } }
      }`,
      {
        input: {
          customerId: customer.id,
          actions: ['CHECKOUT', 'PORTAL', 'CHANGE_PRICE', 'CHANGE_QUANTITY', 'CANCEL_AT_PERIOD_END', 'RESUME', 'PAY_INVOICE'],
        },
      },
    );
    const { token, expiresAt, userErrors } = createCustomerSession;
    return token ? { body: { token, expiresAt } } : { status: 502, body: { message: userErrors[0].message } };
  },
};

async function bodyOf(request) {
  if (request.method !== 'POST') return {};
  // Pages of other origins cannot send this type without being asked first, and nobody here says yes.
  if (!request.headers['content-type']?.startsWith('application/json')) throw Object.assign(new Error('not JSON'), { status: 415 });
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 10_000) throw Object.assign(new Error('too long'), { status: 413 });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw Object.assign(new Error('not JSON'), { status: 400 });
  }
}

async function answer(request, response) {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (!route) return vite.middlewares(request, response);
  try {
    const { status = 200, body, cookie, location } = await route(request, await bodyOf(request));
    if (cookie) response.setHeader('Set-Cookie', cookie);
    if (location) response.setHeader('Location', location);
    response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.end(body && JSON.stringify(body));
  } catch (error) {
    if (!error.status) console.error(error);
    response.writeHead(error.status ?? 502).end();
  }
}

const server = createServer(answer);
const vite = await createVite({
  root: here('.'),
  appType: 'spa',
  logLevel: 'warn',
  server: { middlewareMode: true, hmr: { server } },
});
server.listen(port, '127.0.0.1', () => console.log(`\n  Open http://127.0.0.1:${server.address().port}/\n`));
