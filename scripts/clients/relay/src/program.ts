// relay-runtime with what relay-compiler has made of operations.ts, and live updates over WebSocket.
import {
  commitMutation,
  Environment,
  fetchQuery,
  type FetchFunction,
  type GraphQLTaggedNode,
  type MutationParameters,
  Network,
  Observable,
  type OperationType,
  readInlineData,
  RecordSource,
  requestSubscription,
  Store,
  type SubscribeFunction,
} from 'relay-runtime';

import { explain } from '../../explain';
import { type Answer, api, journey, type Subscribed } from '../../journey';
import { live } from '../../live';
import Cancel, { type operationsCancelMutation } from './__generated__/operationsCancelMutation.graphql';
import NewestSubscription, {
  type operationsNewestSubscriptionQuery,
} from './__generated__/operationsNewestSubscriptionQuery.graphql';
import Plans, { type operationsPlansQuery } from './__generated__/operationsPlansQuery.graphql';
import SetSeats, { type operationsSetSeatsMutation } from './__generated__/operationsSetSeatsMutation.graphql';
import SignUp, { type operationsSignUpMutation } from './__generated__/operationsSignUpMutation.graphql';
import Subscribe, { type operationsSubscribeMutation } from './__generated__/operationsSubscribeMutation.graphql';
import SubscriptionFields, { type operationsSubscription$key } from './__generated__/operationsSubscription.graphql';
import UserErrorFields, { type operationsUserError$key } from './__generated__/operationsUserError.graphql';
import Watch, { type operationsWatchSubscription } from './__generated__/operationsWatchSubscription.graphql';

const Authorization = `Bearer ${api.key}`;

const send: FetchFunction = async ({ text }, variables) => {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { Authorization, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: text, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer;
};

const watch: SubscribeFunction = ({ text }, variables) =>
  Observable.create((sink) => live.subscribe({ query: text ?? '', variables }, sink as never));

const environment = new Environment({ network: Network.create(send, watch), store: new Store(new RecordSource()) });

function query<Q extends OperationType>(document: GraphQLTaggedNode, variables: Q['variables'], cached = false) {
  const fetchPolicy = cached ? 'store-or-network' : 'network-only';
  return fetchQuery<Q>(environment, document, variables, { fetchPolicy }).toPromise();
}

function mutate<M extends MutationParameters>(mutation: GraphQLTaggedNode, variables: M['variables']) {
  return new Promise<M['response']>((resolve, reject) =>
    commitMutation<M>(environment, { mutation, variables, onCompleted: resolve, onError: reject }),
  );
}

function subscribed(key: operationsSubscription$key): Subscribed {
  const { id, status, cancelAtPeriodEnd, items } = readInlineData(SubscriptionFields, key);
  const [item] = items;
  if (!item) throw new Error('the subscription has no item');
  return { id, status, cancelAtPeriodEnd, itemId: item.id, quantity: item.quantity ?? null };
}

function answer<T>(done: T | null | undefined, userErrors: readonly operationsUserError$key[]): Answer<T> {
  const [first] = userErrors;
  if (first) {
    const { code, declineCode } = readInlineData(UserErrorFields, first);
    // Relay keeps a place for codes of a newer server.
    if (code === '%future added value') throw new Error('a code that this schema does not have');
    return { refused: { explanation: explain(code), declineCode: declineCode ?? null } };
  }
  return { done: present(done) };
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the answer lacks what it has to have');
  return value;
}

await journey('relay', {
  async plans(first, after) {
    const { edges, pageInfo } = present((await query<operationsPlansQuery>(Plans, { first, after }))?.products);
    const items = edges.map(({ node: { name, defaultPrice } }) => {
      const { id, unitAmount } = present(defaultPrice);
      return { name, priceId: id, ...present(unitAmount) };
    });
    return { items, next: pageInfo.hasNextPage ? present(pageInfo.endCursor) : null };
  },
  async signUp(email, externalId) {
    const { createCustomer } = await mutate<operationsSignUpMutation>(SignUp, { input: { email, externalId } });
    const { customer, userErrors } = present(createCustomer);
    return answer(customer, userErrors);
  },
  async subscribe(customerId, priceId, quantity, paymentMethod) {
    const input = { customerId, priceId, quantity, paymentMethod };
    const { createSubscription } = await mutate<operationsSubscribeMutation>(Subscribe, { input });
    const { subscription, userErrors } = present(createSubscription);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async setSeats(subscriptionId, id, quantity) {
    const input = { subscriptionId, items: [{ id, quantity }] };
    const { updateSubscriptionItems } = await mutate<operationsSetSeatsMutation>(SetSeats, { input });
    const { subscription, userErrors } = present(updateSubscriptionItems);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async cancel(subscriptionId) {
    const { cancelSubscription } = await mutate<operationsCancelMutation>(Cancel, { input: { subscriptionId } });
    const { subscription, userErrors } = present(cancelSubscription);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async subscription(customerId) {
    const data = await query<operationsNewestSubscriptionQuery>(NewestSubscription, { customerId }, true);
    const newest = present(data?.customer).subscriptions.edges[0];
    return newest ? subscribed(newest.node) : null;
  },
  watch(customerId, show) {
    const watching = requestSubscription<operationsWatchSubscription>(environment, {
      subscription: Watch,
      variables: { customerId },
      onNext: (data) => show(subscribed(present(data).subscriptionUpdated)),
      onError: (error) => {
        throw error;
      },
    });
    return () => watching.dispose();
  },
  close: () => void live.dispose(),
});
