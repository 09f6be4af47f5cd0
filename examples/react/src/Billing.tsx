import { useState, useSyncExternalStore } from 'react';
import { useMutation, useQuery, useSubscription } from 'urql';

import type { Connection } from './clients';
import { graphql } from './gql';
import { Invoices } from './Invoices';
import { Plan } from './Plan';
import { refusalOf, unreachable } from './refusals';

const BillingDocument = graphql(`
  query Billing {
    viewer {
      customer {
        id
        subscriptions(first: 5) {
          edges {
            node {
              id
              ...Plan
            }
          }
        }
      }
    }
  }
`);

const LiveDocument = graphql(`
  subscription Live {
    subscriptionUpdated {
      id
      ...Plan
    }
  }
`);

const PortalDocument = graphql(`
  mutation Portal($input: CreateBillingPortalSessionInput!) {
    createBillingPortalSession(input: $input) {
      url
      userErrors {
        code
        message
      }
    }
  }
`);

/** One customer's billing: its plans, its invoices and its cards. It follows every change, whoever makes it. */
export function Billing({ email, connection }: { email: string; connection: Connection }) {
  const live = useSyncExternalStore(connection.watch, connection.isOpen);
  const [{ data, error, fetching }, read] = useQuery({ query: BillingDocument });
  const known = data?.viewer?.customer?.subscriptions.edges.map(({ node }) => node);

  // The cache takes what a live update brings for a subscription it knows. A new one is in no list yet, and neither is a new
  // invoice, which counts as an update of its subscription: read those again.
  const [updates, setUpdates] = useState(0);
  useSubscription({ query: LiveDocument }, (_, update) => {
    const id = update.subscriptionUpdated.id;
    if (known && !known.some((subscription) => subscription.id === id)) read({ requestPolicy: 'network-only' });
    setUpdates((n) => n + 1);
    return update;
  });

  const customer = data?.viewer?.customer;
  if (fetching && !customer) return <p role="status">Loading…</p>;
  if (error || !customer) return <p role="alert" className="alert">{error ? unreachable(error) : 'Please sign in again.'}</p>;
  return (
    <>
      <p className="lead">
        {email} <span className={live ? 'live on' : 'live'}>{live ? 'Live' : 'Connecting…'}</span>
      </p>
      {known?.length
        ? known.map((subscription) => <Plan key={subscription.id} subscription={subscription} />)
        : <p className="card">
            {location.hash.includes('subscribed')
              ? 'Your plan is being set up. It appears here in a moment.'
              : <>You have no plan yet. <a href="#pricing">Choose one</a></>}
          </p>}
      <Invoices updates={updates} />
      <PaymentMethods customerId={customer.id} />
    </>
  );
}

function PaymentMethods({ customerId }: { customerId: string }) {
  const [{ fetching }, open] = useMutation(PortalDocument);
  const [refused, setRefused] = useState<string | null>(null);

  async function go() {
    const answer = await open({ input: { customerId, returnUrl: `${location.origin}/#billing` } });
    const url = answer.data?.createBillingPortalSession?.url;
    if (url) location.assign(url);
    setRefused(refusalOf(answer, answer.data?.createBillingPortalSession));
  }

  return (
    <section className="card" aria-labelledby="cards">
      <h2 id="cards">Payment methods</h2>
      <p>Your cards are kept by Stripe. Add or remove them there.</p>
      <button className="quiet" disabled={fetching} onClick={go}>Manage payment methods</button>
      {refused && <p role="alert" className="alert">{refused}</p>}
    </section>
  );
}
