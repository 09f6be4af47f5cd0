import { useEffect, useState } from 'react';
import { useClient, useQuery } from 'urql';

import { graphql } from './gql';
import { unreachable } from './refusals';
import { day, inWords, money } from './words';

const InvoicesDocument = graphql(`
  query Invoices($after: String) {
    viewer {
      customer {
        id
        invoices(first: 5, after: $after) {
          edges {
            node {
              id
              number
              status
              createdAt
              hostedInvoiceUrl
              total {
                amount
                currency
              }
            }
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  }
`);

/** A customer's invoices, page after page: Graphcache puts the pages together. Each update that was seen may have brought one. */
export function Invoices({ updates }: { updates: number }) {
  const [after, setAfter] = useState<string | null>(null);
  const client = useClient();
  const [{ data, error, fetching }] = useQuery({ query: InvoicesDocument, variables: { after }, requestPolicy: 'cache-and-network' });
  useEffect(() => {
    if (updates > 0) void client.query(InvoicesDocument, { after: null }, { requestPolicy: 'network-only' }).toPromise();
  }, [updates, client]);
  const invoices = data?.viewer?.customer?.invoices;
  return (
    <section className="card" aria-labelledby="invoices">
      <h2 id="invoices">Invoices</h2>
      {error && <p role="alert" className="alert">{unreachable(error)}</p>}
      {invoices && (invoices.edges.length === 0 ? <p>None yet.</p> : (
        <table>
          <thead>
            <tr><th scope="col">Date</th><th scope="col">Total</th><th scope="col">Status</th><th scope="col">Invoice</th></tr>
          </thead>
          <tbody>
            {invoices.edges.map(({ node: { id, number, status, createdAt, hostedInvoiceUrl, total } }) => (
              <tr key={id}>
                <td>{day(createdAt)}</td>
                <td>{money(total)}</td>
                <td>{inWords(status)}</td>
                <td>{hostedInvoiceUrl ? <a href={hostedInvoiceUrl}>{number ?? 'Open'}</a> : number}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ))}
      {invoices?.pageInfo.hasNextPage && (
        <button className="quiet" disabled={fetching} onClick={() => setAfter(invoices.pageInfo.endCursor ?? null)}>Show more</button>
      )}
    </section>
  );
}
