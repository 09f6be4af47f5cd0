// gql.tada: no generated documents, the types follow from the text of the operations.
import { print } from 'graphql';
import { type FragmentOf, readFragment, type TadaDocumentNode } from 'gql.tada';

import { explain } from '../explain';
import { type Answer, api, journey, type Subscribed } from '../journey';
import { graphql } from './graphql';

const subscriptionFields = graphql(`
  fragment SubscriptionFields on Subscription {
    id
    status
    cancelAtPeriodEnd
    items {
      id
      quantity
    }
  }
`);

const userErrorFields = graphql(`
  fragment UserErrorFields on UserError {
    code
    message
    path
    declineCode
  }
`);

const plans = graphql(`
  query Plans($first: Int!, $after: String) {
    products(first: $first, after: $after, filter: { active: true }, orderBy: { field: NAME }) {
      edges {
        node {
          id
          name
          defaultPrice {
            id
            unitAmount {
              amount
              currency
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const newestSubscription = graphql(
  `
    query NewestSubscription($customerId: ID!) {
      customer(id: $customerId) {
        id
        subscriptions(first: 1) {
          edges {
            node {
              id
              ...SubscriptionFields
            }
          }
        }
      }
    }
  `,
  [subscriptionFields],
);

const signUp = graphql(
  `
    mutation SignUp($input: CreateCustomerInput!) {
      createCustomer(input: $input) {
        customer {
          id
        }
        userErrors {
          ...UserErrorFields
        }
      }
    }
  `,
  [userErrorFields],
);

const subscribe = graphql(
  `
    mutation Subscribe($input: CreateSubscriptionInput!) {
      createSubscription(input: $input) {
        subscription {
          id
          ...SubscriptionFields
        }
        userErrors {
          ...UserErrorFields
        }
      }
    }
  `,
  [subscriptionFields, userErrorFields],
);

const setSeats = graphql(
  `
    mutation SetSeats($input: UpdateSubscriptionItemsInput!) {
      updateSubscriptionItems(input: $input) {
        subscription {
          id
          ...SubscriptionFields
        }
        userErrors {
          ...UserErrorFields
        }
      }
    }
  `,
  [subscriptionFields, userErrorFields],
);

const cancel = graphql(
  `
    mutation Cancel($input: CancelSubscriptionInput!) {
      cancelSubscription(input: $input) {
        subscription {
          id
          ...SubscriptionFields
        }
        userErrors {
          ...UserErrorFields
        }
      }
    }
  `,
  [subscriptionFields, userErrorFields],
);

async function send<T, V>(document: TadaDocumentNode<T, V>, variables: V): Promise<T> {
  const response = await fetch(api.url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${api.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function subscribed(masked: FragmentOf<typeof subscriptionFields>): Subscribed {
  const { id, status, cancelAtPeriodEnd, items } = readFragment(subscriptionFields, masked);
  const item = present(items[0]);
  return { id, status, cancelAtPeriodEnd, itemId: item.id, quantity: item.quantity };
}

function answer<T>(done: T | null, userErrors: readonly FragmentOf<typeof userErrorFields>[]): Answer<T> {
  const [error] = readFragment(userErrorFields, userErrors);
  if (error) return { refused: { explanation: explain(error.code), declineCode: error.declineCode } };
  return { done: present(done) };
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the answer lacks what it has to have');
  return value;
}

await journey('tada', {
  async plans(first, after) {
    const { edges, pageInfo } = present((await send(plans, { first, after })).products);
    const items = edges.map(({ node: { name, defaultPrice } }) => {
      const { id, unitAmount } = present(defaultPrice);
      return { name, priceId: id, ...present(unitAmount) };
    });
    return { items, next: pageInfo.hasNextPage ? present(pageInfo.endCursor) : null };
  },
  async signUp(email, externalId) {
    const { customer, userErrors } = present((await send(signUp, { input: { email, externalId } })).createCustomer);
    return answer(customer, userErrors);
  },
  async subscribe(customerId, priceId, quantity, paymentMethod) {
    const input = { customerId, priceId, quantity, paymentMethod };
    const { subscription, userErrors } = present((await send(subscribe, { input })).createSubscription);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async setSeats(subscriptionId, id, quantity) {
    const input = { subscriptionId, items: [{ id, quantity }] };
    const { subscription, userErrors } = present((await send(setSeats, { input })).updateSubscriptionItems);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async cancel(subscriptionId) {
    const { subscription, userErrors } = present((await send(cancel, { input: { subscriptionId } })).cancelSubscription);
    return answer(subscription && subscribed(subscription), userErrors);
  },
  async subscription(customerId) {
    const newest = present((await send(newestSubscription, { customerId })).customer).subscriptions.edges[0];
    return newest ? subscribed(newest.node) : null;
  },
});
