import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { api } from './journey';

/** Live updates over WebSocket. A browser has one of its own, where Node before version 22 has none. */
export const live = createClient({
  url: api.url.replace('http', 'ws'),
  connectionParams: { Authorization: `Bearer ${api.key}` },
  retryAttempts: 0,
  webSocketImpl: WebSocket,
});
