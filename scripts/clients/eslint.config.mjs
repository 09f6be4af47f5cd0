// The schema by graphql-eslint's recommended and Relay rules, and the operations of codegen/ by its recommended ones.
import graphqlPlugin from '@graphql-eslint/eslint-plugin';

const { parser, processor, configs } = graphqlPlugin;
// One for both: the plugin keeps the first that it meets.
const parserOptions = { graphQLConfig: { schema: 'schema.graphql', documents: 'codegen/src/operations.ts' } };

// Parts of the object that they are read from. A type that is added is an object of its own, unless it is named here.
const embedded = ['Actor', 'BillingHealth', 'Money', 'OperationStep', 'PageInfo', 'PausedCollection', 'PriceTier', 'Recurring', 'StripeCall',
  'StripeLink', 'SubscriptionTransition', 'UserError', 'Viewer'];

export default [
  { ignores: ['**/*.{ts,mjs}', '!codegen/src/operations.ts'] },
  { files: ['codegen/src/operations.ts'], processor },
  {
    files: ['schema.graphql'],
    languageOptions: { parser, parserOptions },
    plugins: { '@graphql-eslint': graphqlPlugin },
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      '@graphql-eslint/strict-id-in-types': ['error', {
        acceptedIdNames: ['id'],
        acceptedIdTypes: ['ID'],
        exceptions: { types: embedded, suffixes: ['Connection', 'Edge', 'Payload'] },
      }],
      // What an object has a few of, such as a subscription's items, is a plain list: nothing there is paged.
      '@graphql-eslint/relay-edge-types': ['error', {
        withEdgeSuffix: true,
        shouldImplementNode: true,
        listTypeCanWrapOnlyEdgeType: false,
      }],
    },
  },
  {
    files: ['codegen/src/operations.ts/*.graphql'],
    languageOptions: { parser, parserOptions },
    plugins: { '@graphql-eslint': graphqlPlugin },
    rules: configs['flat/operations-recommended'].rules,
  },
];
