// graphql-codegen's types with nothing but fetch, and live updates over server-sent events.
import { print } from 'graphql';
import { createClient } from 'graphql-sse';

import { api, journey } from '../../journey';
import { billing, type Library } from './billing';

const headers = { Authorization: `Bearer ${api.key}` };
const live = createClient({ url: api.url, headers, retryAttempts: 0 });

const send: Library['query'] = async (document, variables) => {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
};

await journey('fetch', billing({
  query: send,
  mutate: send,
  subscribe: (document, variables, next) =>
    live.subscribe({ query: print(document), variables }, {
      next({ data, errors }) {
        if (errors || !data) throw new Error(JSON.stringify(errors));
        next(data as never);
      },
      error(reason) {
        throw reason;
      },
      complete() {},
    }),
  close: () => live.dispose(),
}));
