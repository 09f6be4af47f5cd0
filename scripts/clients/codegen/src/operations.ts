import { graphql } from './gql';

export const PlansDocument = graphql(`
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

export const SubscriptionFieldsFragment = graphql(`
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

export const CurrentPlanDocument = graphql(`
  query CurrentPlan($customerId: ID!) {
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
`);

export const UserErrorFieldsFragment = graphql(`
  fragment UserErrorFields on UserError {
    code
    message
    path
    declineCode
  }
`);

export const SignUpDocument = graphql(`
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
`);

export const SubscribeDocument = graphql(`
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
`);

export const SetSeatsDocument = graphql(`
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
`);

export const CancelDocument = graphql(`
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
`);

export const WatchDocument = graphql(`
  subscription Watch($customerId: ID!) {
    subscriptionUpdated(customerId: $customerId) {
      id
      ...SubscriptionFields
    }
  }
`);
