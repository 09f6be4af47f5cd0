import { authExchange } from '@urql/exchange-auth';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { retryExchange } from '@urql/exchange-retry';
import { createClient } from 'graphql-ws';
import { Client, type Exchange, fetchExchange, subscriptionExchange } from 'urql';

import { session } from './backend';
import schema from './gql/schema.json';

// These have no id: they belong to the object that they were read from.
const embedded = ['Money', 'Recurring', 'StripeLink', 'Viewer'];

const cache = () =>
  cacheExchange({
    schema,
    keys: Object.fromEntries(embedded.map((name) => [name, () => null])),
    resolvers: { Customer: { invoices: relayPagination() } },
  });

// What comes too soon is refused before anything is done, so even a change may be sent again.
const patience = () =>
  retryExchange({
    initialDelayMs: 1_000,
    maxNumberAttempts: 5,
    retryIf: (error) => error.graphQLErrors.some(({ extensions }) => extensions.code === 'RATE_LIMITED'),
  });

/** A client for visitors: what is on sale, and nothing else. */
export function visitorClient(url: string, key: string): Client {
  return new Client({
    url,
    preferGetMethod: false,
    exchanges: [cache(), patience(), fetchExchange],
    fetchOptions: { headers: { Authorization: `Bearer ${key}` } },
  });
}

/** A client for the customer who is signed in, and whether live updates reach it. */
export function customerClient(url: string): { client: Client; connection: Connection } {
  const token = new Token();
  const connection = new Connection();
  const client = new Client({
    url,
    preferGetMethod: false,
    exchanges: [cache(), patience(), authorized(token), fetchExchange, liveUpdates(url, token, connection)],
  });
  return { client, connection };
}

/** Whether live updates come, for useSyncExternalStore. */
export class Connection {
  #open = false;
  readonly #watchers = new Set<() => void>();

  readonly isOpen = () => this.#open;

  readonly watch = (changed: () => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  set(open: boolean): void {
    this.#open = open;
    for (const changed of this.#watchers) changed();
  }
}

/** The customer's token: taken from the backend when it is first needed, and again when it has ended. */
class Token {
  #taken: ReturnType<typeof session> | null = null;

  async value(): Promise<string> {
    const taken = (this.#taken ??= session());
    try {
      const { token, expiresAt } = await taken;
      if (Date.parse(expiresAt) - Date.now() > 30_000) return token;
    } catch (error) {
      this.ended();
      throw error;
    }
    this.ended();
    return (await (this.#taken = session())).token;
  }

  ended(): void {
    this.#taken = null;
  }
}

function authorized(token: Token): Exchange {
  return authExchange(async (utils) => {
    let current = await token.value();
    return {
      addAuthToOperation: (operation) => utils.appendHeaders(operation, { Authorization: `Bearer ${current}` }),
      didAuthError: (error) =>
        error.response?.status === 401 || error.graphQLErrors.some((e) => e.extensions.code === 'UNAUTHENTICATED'),
      async refreshAuth() {
        token.ended();
        current = await token.value();
      },
    };
  });
}

/**
 * Live updates over WebSocket. A lost connection is made anew for ever; the server begins each with the subscriptions as
 * they stand, so that nothing is missed. When the token has ended the server closes with 4401, and the next has another.
 */
function liveUpdates(url: string, token: Token, connection: Connection): Exchange {
  const live = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: async () => ({ Authorization: `Bearer ${await token.value()}` }),
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: { connected: () => connection.set(true), closed: () => connection.set(false) },
  });
  return subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe(sink) {
        let stop = () => {};
        const start = () => {
          stop = live.subscribe({ query: query ?? '', variables: variables ?? {} }, {
            next: (result) => sink.next(result as never),
            complete: () => sink.complete(),
            error(reason) {
              if (!(reason instanceof CloseEvent) || reason.code !== 4401) return sink.error(reason);
              token.ended();
              start();
            },
          });
        };
        start();
        return { unsubscribe: () => stop() };
      },
    }),
  });
}
