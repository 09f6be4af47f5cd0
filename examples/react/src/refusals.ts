import type { CombinedError } from 'urql';

import type { UserErrorCode } from './gql/graphql';

interface Payload {
  userErrors: readonly { code: UserErrorCode; message: string }[];
}

/** Why a change was refused, for the person who asked for it; null when it was not. */
export function refusalOf(answer: { error?: CombinedError | undefined }, payload: Payload | null | undefined): string | null {
  if (answer.error) return unreachable(answer.error);
  const [error] = payload?.userErrors ?? [];
  return error ? (advice[error.code] ?? error.message) : null;
}

/** What a failure beside the data comes to: none of its details is for the person in front of the page. */
export function unreachable(error: CombinedError): string {
  console.error(error);
  return 'Billing does not answer as it should. Please try again in a moment.';
}

// Where the message alone leaves a person without a next step. The type holds the names to those of the schema.
const advice: Partial<Record<UserErrorCode, string>> = {
  PAYMENT_METHOD_REQUIRED: 'Please add a card under “Payment methods” first.',
  AUTHENTICATION_REQUIRED: 'Your bank wants you to confirm the payment. Please pay by the link of the invoice.',
  STRIPE_UNAVAILABLE: 'Payments are not available right now. Please try again in a moment.',
  OPERATION_IN_PROGRESS: 'Your last change is still under way. Please try again in a moment.',
};
