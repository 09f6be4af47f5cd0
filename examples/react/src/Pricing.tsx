import { useState } from 'react';
import { type Client, Provider, useMutation, useQuery } from 'urql';

import { graphql } from './gql';
import type { PlansQuery } from './gql/graphql';
import { money, period } from './words';
import { refusalOf, unreachable } from './refusals';

const PlansDocument = graphql(`
  query Plans {
    products(first: 20, filter: { active: true }) {
      edges {
        node {
          id
          name
          description
          defaultPrice {
            id
            unitAmount {
              amount
              currency
            }
            recurring {
              interval
              intervalCount
            }
          }
        }
      }
    }
  }
`);

const CurrentPlanDocument = graphql(`
  query CurrentPlan {
    viewer {
      customer {
        id
        subscriptions(first: 5) {
          edges {
            node {
              id
              availableActions
              items {
                id
                price {
                  id
                }
              }
            }
          }
        }
      }
    }
  }
`);

const CheckoutDocument = graphql(`
  mutation Checkout($input: CreateCheckoutSessionInput!) {
    createCheckoutSession(input: $input) {
      url
      userErrors {
        code
        message
      }
    }
  }
`);

const ChangePlanDocument = graphql(`
  mutation ChangePlan($input: ChangeSubscriptionPriceInput!) {
    changeSubscriptionPrice(input: $input) {
      subscription {
        id
        items {
          id
          price {
            id
          }
        }
      }
      userErrors {
        code
        message
      }
    }
  }
`);

type Product = NonNullable<PlansQuery['products']>['edges'][number]['node'];

/** What is on sale, for visitors and customers alike. The prices are read with the visitor's key. */
export function Pricing({ customer }: { customer: Client | null }) {
  const [{ data, error, fetching }] = useQuery({ query: PlansDocument });
  if (fetching) return <p role="status">Loading…</p>;
  if (error) return <p role="alert" className="alert">{unreachable(error)}</p>;
  const plans = (data?.products?.edges ?? [])
    .map(({ node }) => node)
    .filter((product) => product.defaultPrice?.unitAmount && product.defaultPrice.recurring)
    .sort((a, b) => (a.defaultPrice?.unitAmount?.amount ?? 0) - (b.defaultPrice?.unitAmount?.amount ?? 0));
  return (
    <>
      <p className="lead">Change or cancel at any time.</p>
      <ul className="plans">
        {plans.map((product) => (
          <li key={product.id} className="card">
            <h2>{product.name}</h2>
            {product.description && <p>{product.description}</p>}
            <Price product={product} />
            {customer
              ? <Provider value={customer}><Choose product={product} /></Provider>
              : <a className="button" href="#sign-up">Start with {product.name}</a>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Price({ product }: { product: Product }) {
  const { unitAmount, recurring } = product.defaultPrice ?? {};
  if (!unitAmount || !recurring) return null;
  return <p className="price"><strong>{money(unitAmount)}</strong> {period(recurring)} per seat</p>;
}

/** What a customer can do with a plan: subscribe to it, or move to it. */
function Choose({ product }: { product: Product }) {
  const [{ data, fetching }] = useQuery({ query: CurrentPlanDocument });
  const [, checkout] = useMutation(CheckoutDocument);
  const [, change] = useMutation(ChangePlanDocument);
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const priceId = product.defaultPrice?.id ?? '';
  const current = data?.viewer?.customer?.subscriptions.edges
    .map(({ node }) => node)
    .find(({ availableActions }) => availableActions.includes('CHANGE_PRICE'));

  async function choose() {
    setBusy(true);
    const refused = current ? await move(current.id) : await goToCheckout();
    setSaid(refused ?? (current ? `You are on ${product.name} now.` : ''));
    setBusy(false);
  }

  async function move(subscriptionId: string) {
    const answer = await change({ input: { subscriptionId, priceId } });
    return refusalOf(answer, answer.data?.changeSubscriptionPrice);
  }

  async function goToCheckout() {
    const customerId = data?.viewer?.customer?.id ?? '';
    const answer = await checkout({
      input: {
        customerId,
        priceId,
        successUrl: `${location.origin}/#billing?subscribed`,
        cancelUrl: `${location.origin}/#pricing`,
      },
    });
    const url = answer.data?.createCheckoutSession?.url;
    if (url) location.assign(url);
    return refusalOf(answer, answer.data?.createCheckoutSession);
  }

  return (
    <>
      {current?.items.some(({ price }) => price.id === priceId) ? (
        <p className="current">Your plan. <a href="#billing">Manage it</a></p>
      ) : (
        <button disabled={busy || fetching} onClick={choose}>
          {current ? `Switch to ${product.name}` : `Start with ${product.name}`}
        </button>
      )}
      <p role="status">{said}</p>
    </>
  );
}
