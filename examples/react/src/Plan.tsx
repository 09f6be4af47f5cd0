import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useMutation } from 'urql';

import { Field } from './Field';
import { type FragmentType, graphql, useFragment } from './gql';
import type { CancellationReason, PlanFragment as Subscription } from './gql/graphql';
import { refusalOf } from './refusals';
import { day, inWords, money, period } from './words';

const PlanFragment = graphql(`
  fragment Plan on Subscription {
    id
    status
    cancelAtPeriodEnd
    cancelAt
    currentPeriodEnd
    trialEnd
    endedAt
    availableActions
    items {
      id
      quantity
      price {
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
      product {
        id
        name
      }
    }
    latestInvoice {
      id
      status
      hostedInvoiceUrl
      amountRemaining {
        amount
        currency
      }
    }
  }
`);

const SeatsDocument = graphql(`
  mutation Seats($input: UpdateSubscriptionItemsInput!) {
    updateSubscriptionItems(input: $input) {
      subscription {
        id
        ...Plan
      }
      userErrors {
        code
        message
      }
    }
  }
`);

const CancelDocument = graphql(`
  mutation Cancel($input: CancelSubscriptionInput!) {
    cancelSubscription(input: $input) {
      subscription {
        id
        ...Plan
      }
      userErrors {
        code
        message
      }
    }
  }
`);

const ResumeDocument = graphql(`
  mutation Resume($input: ResumeSubscriptionInput!) {
    resumeSubscription(input: $input) {
      subscription {
        id
        ...Plan
      }
      userErrors {
        code
        message
      }
    }
  }
`);

const PayDocument = graphql(`
  mutation Pay($input: PayInvoiceInput!) {
    payInvoice(input: $input) {
      invoice {
        id
        status
        subscription {
          id
          ...Plan
        }
      }
      userErrors {
        code
        message
      }
    }
  }
`);

/** A subscription, and what its customer may change of it. */
export function Plan({ subscription: masked }: { subscription: FragmentType<typeof PlanFragment> }) {
  const subscription = useFragment(PlanFragment, masked);
  const { status, items, availableActions } = subscription;
  const title = useId();
  return (
    <section className="card" aria-labelledby={title}>
      <h2 id={title}>
        {items.map(({ product }) => product.name).join(' and ')} <span className={`badge ${status}`}>{inWords(status)}</span>
      </h2>
      {items.map((item) => <p key={item.id}>{itemInWords(item)}</p>)}
      <p>{whatComes(subscription)}</p>
      <Unpaid subscription={subscription} />
      {availableActions.includes('CHANGE_PRICE') && items.map((item) => item.quantity != null && (
        <Seats key={item.id} subscriptionId={subscription.id} item={{ ...item, quantity: item.quantity }} several={items.length > 1} />
      ))}
      <div className="actions">
        {availableActions.includes('RESUME') && <Resume subscriptionId={subscription.id} />}
        {availableActions.includes('CANCEL_AT_PERIOD_END') && <Cancel subscription={subscription} />}
      </div>
    </section>
  );
}

function itemInWords({ quantity, price: { unitAmount, recurring }, product }: Subscription['items'][number]): string {
  const seats = quantity == null ? product.name : `${quantity} ${quantity === 1 ? 'seat' : 'seats'}`;
  const each = unitAmount ? ` for ${money(unitAmount)}${recurring ? ` ${period(recurring)}` : ''}${quantity === 1 ? '' : ' each'}` : '';
  return seats + each;
}

function whatComes({ status, endedAt, cancelAt, trialEnd, currentPeriodEnd }: Subscription): string {
  if (endedAt) return `Ended on ${day(endedAt)}.`;
  if (cancelAt) return `Ends on ${day(cancelAt)}.`;
  if (status === 'TRIALING' && trialEnd) return `Free until ${day(trialEnd)}.`;
  return currentPeriodEnd ? `Renews on ${day(currentPeriodEnd)}.` : '';
}

function Unpaid({ subscription: { latestInvoice: invoice } }: { subscription: Subscription }) {
  const [{ fetching }, pay] = useMutation(PayDocument);
  const [refused, setRefused] = useState<string | null>(null);
  if (invoice?.status !== 'OPEN') return null;
  return (
    <div role="alert" className="alert">
      <p>{money(invoice.amountRemaining)} could not be charged.</p>
      <button disabled={fetching} onClick={async () => {
        const answer = await pay({ input: { invoiceId: invoice.id } });
        setRefused(refusalOf(answer, answer.data?.payInvoice));
      }}>Try the card again</button>
      {invoice.hostedInvoiceUrl && <a className="button quiet" href={invoice.hostedInvoiceUrl}>Pay another way</a>}
      {refused && <p>{refused}</p>}
    </div>
  );
}

/** The number of seats. One key for each number sent makes a double click harmless. */
function Seats({ subscriptionId, item, several }: {
  subscriptionId: string;
  item: Subscription['items'][number] & { quantity: number };
  several: boolean;
}) {
  const [{ fetching }, update] = useMutation(SeatsDocument);
  const [wanted, setWanted] = useState<string | null>(null);
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [said, setSaid] = useState<{ good: boolean; text: string } | null>(null);

  async function save(event: FormEvent) {
    event.preventDefault();
    const quantity = Number(wanted ?? item.quantity);
    const answer = await update({ input: { subscriptionId, items: [{ id: item.id, quantity }], idempotencyKey: key } });
    const refused = refusalOf(answer, answer.data?.updateSubscriptionItems);
    setSaid(refused ? { good: false, text: refused } : { good: true, text: 'Saved. The difference goes on your next invoice.' });
    if (!answer.error) setKey(crypto.randomUUID());
    if (!refused) setWanted(null);
  }

  return (
    <form className="seats" onSubmit={save}>
      <Field
        label={several ? `Seats of ${item.product.name}` : 'Seats'}
        type="number"
        min={1}
        max={10_000}
        required
        value={wanted ?? item.quantity}
        onChange={(event) => { setWanted(event.target.value); setSaid(null); }}
        error={said?.good === false ? said.text : undefined}
      />
      <button className="quiet" disabled={fetching || wanted === null || wanted === String(item.quantity)}>Save seats</button>
      <p role="status">{said?.good ? said.text : ''}</p>
    </form>
  );
}

function Resume({ subscriptionId }: { subscriptionId: string }) {
  const [{ fetching }, resume] = useMutation(ResumeDocument);
  const [refused, setRefused] = useState<string | null>(null);
  return (
    <>
      <button disabled={fetching} onClick={async () => {
        const answer = await resume({ input: { subscriptionId } });
        setRefused(refusalOf(answer, answer.data?.resumeSubscription));
      }}>Keep the plan</button>
      {refused && <p role="alert" className="alert">{refused}</p>}
    </>
  );
}

const reasons: Record<string, CancellationReason> = {
  'It costs too much': 'TOO_EXPENSIVE',
  'I miss something': 'MISSING_FEATURES',
  'I use another service': 'SWITCHED_SERVICE',
  'I do not use it enough': 'UNUSED',
  'Something else': 'OTHER',
};

/** A cancellation at the end of the period, after a question. The browser's own dialog keeps the focus, and gives it back. */
function Cancel({ subscription }: { subscription: Subscription }) {
  const [{ fetching }, cancel] = useMutation(CancelDocument);
  const [open, setOpen] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const reason = useId();

  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const chosen = reasons[String(new FormData(event.currentTarget).get('reason'))];
    const answer = await cancel({ input: { subscriptionId: subscription.id, ...(chosen && { reason: chosen }) } });
    const because = refusalOf(answer, answer.data?.cancelSubscription);
    setRefused(because);
    if (!because) setOpen(false);
  }

  return (
    <>
      <button className="quiet" onClick={() => setOpen(true)}>Cancel the plan</button>
      <dialog ref={dialog} aria-labelledby={title} onClose={() => setOpen(false)}>
        <form onSubmit={submit}>
          <h2 id={title}>Cancel the plan?</h2>
          <p>
            {subscription.currentPeriodEnd
              ? `You can use it until ${day(subscription.currentPeriodEnd)}, and change your mind until then.`
              : 'You can use it until the end of the period.'}
          </p>
          <div className="field">
            <label htmlFor={reason}>Why do you leave?</label>
            <select id={reason} name="reason" defaultValue="">
              <option value="">I would rather not say</option>
              {Object.keys(reasons).map((text) => <option key={text}>{text}</option>)}
            </select>
          </div>
          {refused && <p role="alert" className="alert">{refused}</p>}
          <div className="actions">
            <button type="button" className="quiet" onClick={() => setOpen(false)}>Go back</button>
            <button className="danger" disabled={fetching}>Cancel the plan</button>
          </div>
        </form>
      </dialog>
    </>
  );
}
