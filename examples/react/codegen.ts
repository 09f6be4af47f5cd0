import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: 'src/**/*.{ts,tsx}',
  generates: {
    'src/gql/': { preset: 'client' },
    'src/gql/schema.json': { plugins: ['introspection'], config: { minify: true, descriptions: false } },
  },
  config: {
    useTypeImports: true,
    strictScalars: true,
    scalars: { Int64: 'number', DateTime: 'string', CurrencyCode: 'string', Metadata: 'Record<string, string>' },
  },
};
export default config;
