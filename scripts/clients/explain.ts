import type { UserErrorCode } from './codegen/src/gql/graphql';

/**
 * What a page would tell a person whose change was refused. A code that is new in the schema does not compile here, and a
 * client whose generated type has another set of codes cannot call it.
 */
export function explain(code: UserErrorCode): string {
  switch (code) {
    case 'INVALID_INPUT':
      return 'Please correct the marked field.';
    case 'NOT_FOUND':
      return 'This does not exist any more.';
    case 'IDEMPOTENCY_KEY_REUSED':
      return 'This form was sent before with something else in it. Please reload the page.';
    case 'OPERATION_IN_PROGRESS':
      return 'An earlier change is still under way. Please try again in a moment.';
    case 'STRIPE_REJECTED':
      return 'The payment provider refused the change.';
    case 'STRIPE_UNAVAILABLE':
      return 'The payment provider does not answer. Please try again later.';
    case 'PRICE_IS_DEFAULT':
      return 'This price is what the product is sold for.';
    case 'PRICE_UNCHANGED':
      return 'The price is that already.';
    case 'PRICE_NOT_ACTIVE':
    case 'PRODUCT_ARCHIVED':
      return 'This plan is not on sale any more.';
    case 'EMAIL_TAKEN':
    case 'EXTERNAL_ID_TAKEN':
      return 'There is an account for this already.';
    case 'CARD_DECLINED':
      return 'The card was declined.';
    case 'AUTHENTICATION_REQUIRED':
      return 'Your bank asks you to confirm the payment.';
    case 'PAYMENT_METHOD_REQUIRED':
      return 'Please add a card first.';
    case 'INVALID_TRANSITION':
      return 'This subscription cannot be changed that way now.';
    case 'SUBSCRIPTION_ENDED':
      return 'This subscription has ended.';
    case 'AMBIGUOUS_ITEM':
      return 'Please choose which part of the subscription to change.';
    default:
      return code satisfies never;
  }
}
