import type { TypedDocumentNode } from '@graphql-typed-document-node/core';

import { explain } from '../../explain';
import type { Answer, Billing, Subscribed } from '../../journey';
import { type FragmentType, useFragment } from './gql';
import {
  CancelDocument,
  CurrentPlanDocument,
  PlansDocument,
  SetSeatsDocument,
  SignUpDocument,
  SubscribeDocument,
  SubscriptionFieldsFragment,
  UserErrorFieldsFragment,
  WatchDocument,
} from './operations';

/** What a library brings: it sends one operation, and rejects when the answer has errors beside the data. */
export interface Library {
  query<T, V extends Record<string, unknown>>(document: TypedDocumentNode<T, V>, variables: V): Promise<T>;
  mutate<T, V extends Record<string, unknown>>(document: TypedDocumentNode<T, V>, variables: V): Promise<T>;
  subscribe?<T, V extends Record<string, unknown>>(
    document: TypedDocumentNode<T, V>,
    variables: V,
    next: (data: T) => void,
  ): () => void;
  close?(): void;
}

/** The journey's client over the types that graphql-codegen has made, whatever library sends the operations. */
export function billing(library: Library): Billing {
  const { subscribe } = library;
  return {
    async plans(first, after) {
      const { products } = await library.query(PlansDocument, { first, after });
      const { edges, pageInfo } = present(products, 'products');
      const items = edges.map(({ node: { name, defaultPrice } }) => {
        const { id, unitAmount } = present(defaultPrice, 'defaultPrice');
        return { name, priceId: id, ...amountOf(present(unitAmount, 'unitAmount')) };
      });
      return { items, next: pageInfo.hasNextPage ? present(pageInfo.endCursor, 'endCursor') : null };
    },
    async signUp(email, externalId) {
      const { createCustomer } = await library.mutate(SignUpDocument, { input: { email, externalId } });
      const { customer, userErrors } = present(createCustomer, 'createCustomer');
      return answer(customer, userErrors);
    },
    async subscribe(customerId, priceId, quantity, paymentMethod) {
      const input = { customerId, priceId, quantity, paymentMethod };
      const { createSubscription } = await library.mutate(SubscribeDocument, { input });
      const { subscription, userErrors } = present(createSubscription, 'createSubscription');
      return answer(subscription && subscribed(subscription), userErrors);
    },
    async setSeats(subscriptionId, id, quantity) {
      const input = { subscriptionId, items: [{ id, quantity }] };
      const { updateSubscriptionItems } = await library.mutate(SetSeatsDocument, { input });
      const { subscription, userErrors } = present(updateSubscriptionItems, 'updateSubscriptionItems');
      return answer(subscription && subscribed(subscription), userErrors);
    },
    async cancel(subscriptionId) {
      const { cancelSubscription } = await library.mutate(CancelDocument, { input: { subscriptionId } });
      const { subscription, userErrors } = present(cancelSubscription, 'cancelSubscription');
      return answer(subscription && subscribed(subscription), userErrors);
    },
    async subscription(customerId) {
      const { customer } = await library.query(CurrentPlanDocument, { customerId });
      const newest = present(customer, 'customer').subscriptions.edges[0];
      return newest ? subscribed(newest.node) : null;
    },
    ...(subscribe && {
      watch: (customerId, show) =>
        subscribe(WatchDocument, { customerId }, ({ subscriptionUpdated }) => show(subscribed(subscriptionUpdated))),
    }),
    ...(library.close && { close: library.close }),
  } satisfies Billing;
}

function subscribed(masked: FragmentType<typeof SubscriptionFieldsFragment>): Subscribed {
  const { id, status, cancelAtPeriodEnd, items } = useFragment(SubscriptionFieldsFragment, masked);
  const item = present(items[0], 'item');
  return { id, status, cancelAtPeriodEnd, itemId: item.id, quantity: item.quantity ?? null };
}

function answer<T>(
  done: T | null | undefined,
  userErrors: readonly FragmentType<typeof UserErrorFieldsFragment>[],
): Answer<T> {
  const [error] = useFragment(UserErrorFieldsFragment, userErrors);
  if (error) return { refused: { explanation: explain(error.code), declineCode: error.declineCode ?? null } };
  return { done: present(done, 'entity') };
}

function amountOf({ amount, currency }: { amount: number; currency: string }) {
  return { amount, currency };
}

function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`the answer has no ${what}`);
  return value;
}
