// What relay-compiler reads. The program imports what it writes, as babel-plugin-relay would make an application do.
import { graphql } from 'relay-runtime';

export const plans = graphql`
  query operationsPlansQuery($first: Int!, $after: String) {
    ...operationsPlans @arguments(first: $first, after: $after)
    products(first: $first, after: $after, filter: { active: true }, orderBy: { field: NAME }) {
      edges {
        node {
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
`;

export const plansFragment = graphql`
  fragment operationsPlans on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "String" })
  @refetchable(queryName: "operationsPlansPaginationQuery") {
    products(first: $first, after: $after, filter: { active: true }, orderBy: { field: NAME })
      @connection(key: "operationsPlans_products") {
      edges {
        node {
          name
        }
      }
    }
  }
`;

export const invoicesFragment = graphql`
  fragment operationsInvoices on Customer
  @argumentDefinitions(first: { type: "Int", defaultValue: 10 }, after: { type: "String" })
  @refetchable(queryName: "operationsInvoicesPaginationQuery") {
    invoices(first: $first, after: $after) @connection(key: "operationsInvoices_invoices") {
      edges {
        node {
          number
          status
          total {
            amount
            currency
          }
        }
      }
    }
  }
`;

export const subscriptionFields = graphql`
  fragment operationsSubscription on Subscription @inline {
    id
    status
    cancelAtPeriodEnd
    items {
      id
      quantity
    }
  }
`;

export const userErrorFields = graphql`
  fragment operationsUserError on UserError @inline {
    code
    message
    path
    declineCode
  }
`;

export const newestSubscription = graphql`
  query operationsNewestSubscriptionQuery($customerId: ID!) {
    customer(id: $customerId) {
      ...operationsInvoices
      subscriptions(first: 1) {
        edges {
          node {
            ...operationsSubscription
          }
        }
      }
    }
  }
`;

export const signUp = graphql`
  mutation operationsSignUpMutation($input: CreateCustomerInput!) {
    createCustomer(input: $input) {
      customer {
        id
      }
      userErrors {
        ...operationsUserError
      }
    }
  }
`;

export const subscribe = graphql`
  mutation operationsSubscribeMutation($input: CreateSubscriptionInput!) {
    createSubscription(input: $input) {
      subscription {
        ...operationsSubscription
      }
      userErrors {
        ...operationsUserError
      }
    }
  }
`;

export const setSeats = graphql`
  mutation operationsSetSeatsMutation($input: UpdateSubscriptionItemsInput!) {
    updateSubscriptionItems(input: $input) {
      subscription {
        ...operationsSubscription
      }
      userErrors {
        ...operationsUserError
      }
    }
  }
`;

export const cancel = graphql`
  mutation operationsCancelMutation($input: CancelSubscriptionInput!) {
    cancelSubscription(input: $input) {
      subscription {
        ...operationsSubscription
      }
      userErrors {
        ...operationsUserError
      }
    }
  }
`;

export const watch = graphql`
  subscription operationsWatchSubscription($customerId: ID!) {
    subscriptionUpdated(customerId: $customerId) {
      ...operationsSubscription
    }
  }
`;
