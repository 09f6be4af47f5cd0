// Apollo Client with the cache of docs/frontends.md, and live updates over WebSocket.
import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';

import { api, journey } from '../../journey';
import { live } from '../../live';
import { billing } from './billing';
import { cache } from './apollo-cache';

const Authorization = `Bearer ${api.key}`;
const client = new ApolloClient({
  cache,
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(live),
    new HttpLink({ uri: api.url, headers: { Authorization } }),
  ),
});

// The casts: Apollo's types ask for each operation's own variables, where these functions serve all operations.
await journey('apollo', billing({
  async query(query, variables) {
    // Apollo takes the first page for an answer to every page: later ones are fetched, and merged with it.
    const fetchPolicy = variables.after ? 'network-only' : 'cache-first';
    const { data } = await client.query({ query, variables, fetchPolicy } as never);
    return data as never;
  },
  async mutate(mutation, variables) {
    const { data } = await client.mutate({ mutation, variables } as never);
    return data as never;
  },
  subscribe(query, variables, next) {
    const shown = client.subscribe({ query, variables } as never).subscribe(({ data, error }) => {
      if (error || !data) throw error ?? new Error('a live update without data');
      next(data as never);
    });
    return () => shown.unsubscribe();
  },
  close() {
    client.stop();
    void live.dispose();
  },
}));
