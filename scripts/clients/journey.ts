import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

/** Where the API is, and the key for it. */
export const api = { url: required('API_URL'), key: required('API_KEY') };

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start this through scripts/clients/run`);
  return value;
}

/** A product on sale, with its default price. */
export interface Plan {
  name: string;
  priceId: string;
  amount: number;
  currency: string;
}

/** A page of a list. */
export interface Page<T> {
  items: T[];
  /** The cursor to go on from; null at the end. */
  next: string | null;
}

/** A subscription with one item. */
export interface Subscribed {
  id: string;
  itemId: string;
  status: string;
  quantity: number | null;
  cancelAtPeriodEnd: boolean;
}

/** Why a change was refused, as explain words it. */
export interface Refusal {
  explanation: string;
  declineCode: string | null;
}

/** What a change came to. */
export type Answer<T> = { done: T } | { refused: Refusal };

/** What each client library is made to do, each with documents and types of its own. */
export interface Billing {
  plans(first: number, after: string | null): Promise<Page<Plan>>;
  signUp(email: string, externalId: string): Promise<Answer<{ id: string }>>;
  subscribe(customerId: string, priceId: string, quantity: number, card: string): Promise<Answer<Subscribed>>;
  setSeats(subscriptionId: string, itemId: string, quantity: number): Promise<Answer<Subscribed>>;
  cancel(subscriptionId: string): Promise<Answer<Subscribed>>;
  /** The customer's newest subscription: out of the cache, where the library has one. */
  subscription(customerId: string): Promise<Subscribed | null>;
  /** Calls show with each state of the customer's subscriptions, until the returned function is called. */
  watch?(customerId: string, show: (subscription: { id: string; cancelAtPeriodEnd: boolean }) => void): () => void;
  close?(): void;
}

/** Takes a client through everything that a frontend does, and fails where an answer is not what it has to be. */
export async function journey(name: string, billing: Billing): Promise<void> {
  const plans = await everyPage((after) => billing.plans(2, after));
  const names = new Set(plans.map((plan) => plan.name)); // a cache may answer with the pages so far
  assert.deepEqual([...names].sort(), ['Business', 'Starter', 'Team'], 'the plans, over two pages');
  const team = plans.find((plan) => plan.name === 'Team');
  assert.ok(team);
  assert.deepEqual([team.amount, team.currency], [2900, 'USD']);

  const email = `${name}@example.com`;
  const customer = accepted(await billing.signUp(email, randomUUID()));
  assert.equal(refused(await billing.signUp(email, randomUUID())).explanation, 'There is an account for this already.');

  const declined = refused(await billing.subscribe(customer.id, team.priceId, 1, 'pm_card_chargeDeclined'));
  assert.deepEqual(declined, { explanation: 'The card was declined.', declineCode: 'generic_decline' });

  const begun = accepted(await billing.subscribe(customer.id, team.priceId, 3, 'pm_card_visa'));
  assert.deepEqual([begun.status, begun.quantity, begun.cancelAtPeriodEnd], ['ACTIVE', 3, false]);
  assert.deepEqual(await billing.subscription(customer.id), begun);

  const live = billing.watch && watched(billing.watch.bind(billing), customer.id);
  await live?.until((subscription) => subscription.id === begun.id && !subscription.cancelAtPeriodEnd);

  assert.equal(accepted(await billing.setSeats(begun.id, begun.itemId, 5)).quantity, 5);
  assert.equal((await billing.subscription(customer.id))?.quantity, 5, 'what a mutation answered is what is read next');
  assert.equal(refused(await billing.setSeats(begun.id, begun.itemId, 0)).explanation, 'Please correct the marked field.');

  assert.equal(accepted(await billing.cancel(begun.id)).cancelAtPeriodEnd, true);
  await live?.until((subscription) => subscription.id === begun.id && subscription.cancelAtPeriodEnd);
  live?.stop();
  billing.close?.();
  console.log(`${name}: prices, sign-up, subscription, seats, cancellation${live ? ', live updates' : ''}`);
}

async function everyPage<T>(page: (after: string | null) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = null;
  do {
    const { items: more, next }: Page<T> = await page(after);
    assert.notEqual(next, after, 'each page leads on');
    items.push(...more);
    after = next;
  } while (after !== null);
  return items;
}

function accepted<T>(answer: Answer<T>): T {
  if ('refused' in answer) assert.fail(`refused: ${answer.refused.explanation}`);
  return answer.done;
}

function refused<T>(answer: Answer<T>): Refusal {
  if ('done' in answer) assert.fail(`accepted: ${JSON.stringify(answer.done)}`);
  return answer.refused;
}

/** Keeps what a watch shows, so that a step can wait for what it brought about. */
function watched(watch: NonNullable<Billing['watch']>, customerId: string) {
  type Shown = Parameters<Parameters<typeof watch>[1]>[0];
  const seen: Shown[] = [];
  let wake = () => {};
  const stop = watch(customerId, (subscription) => {
    seen.push(subscription);
    wake();
  });
  return {
    stop,
    async until(is: (subscription: Shown) => boolean): Promise<void> {
      const late = setTimeout(() => {
        throw new Error(`the live update did not come; what came: ${JSON.stringify(seen)}`);
      }, 20_000);
      while (!seen.some(is)) await new Promise<void>((resolve) => (wake = resolve));
      clearTimeout(late);
    },
  };
}
