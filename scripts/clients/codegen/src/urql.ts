// urql with the Graphcache settings of docs/frontends.md, which know the schema, and live updates over WebSocket.
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';

import { api, journey } from '../../journey';
import { live } from '../../live';
import { billing } from './billing';
import { graphcache } from './graphcache';

// Graphcache says in the console what it cannot place: a type without a key, a field that the schema does not have.
console.warn = console.error = (...said: unknown[]) => {
  throw new Error(`Graphcache: ${said.join(' ')}`);
};

const Authorization = `Bearer ${api.key}`;
const client = new Client({
  url: api.url,
  preferGetMethod: false,
  fetchOptions: { headers: { Authorization } },
  exchanges: [
    graphcache,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: live.subscribe({ query: query ?? '', variables: variables ?? {} }, sink as never),
        }),
      }),
    }),
  ],
});

await journey('urql', billing({
  async query(query, variables) {
    const { data, error } = await client.query(query, variables).toPromise();
    if (error || !data) throw error ?? new Error('no data');
    return data;
  },
  async mutate(mutation, variables) {
    const { data, error } = await client.mutation(mutation, variables).toPromise();
    if (error || !data) throw error ?? new Error('no data');
    return data;
  },
  subscribe(query, variables, next) {
    return client.subscription(query, variables).subscribe(({ data, error }) => {
      if (error) throw error;
      if (data) next(data);
    }).unsubscribe;
  },
  close: () => void live.dispose(),
}));
