import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { Provider } from 'urql';

import { Account } from './Account';
import { type Config, signOut } from './backend';
import { Billing } from './Billing';
import { customerClient, visitorClient } from './clients';
import { Pricing } from './Pricing';

const titles = { pricing: 'Plans', 'sign-up': 'Create an account', 'sign-in': 'Sign in', billing: 'Billing' };
type Page = keyof typeof titles;

/** The page that the address names; the plans by default. */
function usePage(): Page {
  const hash = useSyncExternalStore(
    (changed) => {
      addEventListener('hashchange', changed);
      return () => removeEventListener('hashchange', changed);
    },
    () => location.hash.slice(1).split('?')[0],
  );
  return hash !== undefined && hash in titles ? (hash as Page) : 'pricing';
}

export function App({ config }: { config: Config }) {
  const [user, setUser] = useState(config.user);
  const page = usePage();
  const visitor = useMemo(() => visitorClient(config.url, config.catalogKey), [config]);
  // Another user is another client: nothing of one customer stays in the cache of the next.
  const customer = useMemo(() => (user ? customerClient(config.url) : null), [config, user]);
  const heading = useHeading(page);

  return (
    <>
      <header>
        <a className="brand" href="#pricing">Acme</a>
        <nav aria-label="Main">
          <a href="#pricing" aria-current={page === 'pricing' ? 'page' : undefined}>Plans</a>
          {user ? (
            <>
              <a href="#billing" aria-current={page === 'billing' ? 'page' : undefined}>Billing</a>
              <button className="plain" onClick={() => signOut().then(() => { setUser(null); location.hash = '#pricing'; })}>
                Sign out
              </button>
            </>
          ) : (
            <a href="#sign-in" aria-current={page === 'sign-in' ? 'page' : undefined}>Sign in</a>
          )}
        </nav>
      </header>
      <main>
        <h1 ref={heading} tabIndex={-1}>{titles[page]}</h1>
        {page === 'pricing' && (
          <Provider value={visitor}><Pricing customer={customer?.client ?? null} /></Provider>
        )}
        {(page === 'sign-up' || page === 'sign-in') && (
          <Account key={page} page={page} signedUp={(somebody) => { setUser(somebody); location.hash = '#pricing'; }} />
        )}
        {page === 'billing' && (customer
          ? <Provider value={customer.client}><Billing email={user?.email ?? ''} connection={customer.connection} /></Provider>
          : <p>Please <a href="#sign-in">sign in</a> to see your billing.</p>)}
      </main>
    </>
  );
}

/** Names the page in the window's title, and takes people who do not see it change to its heading. */
function useHeading(page: Page) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(page);
  useEffect(() => {
    document.title = `${titles[page]} – Acme`;
    if (shown.current !== page) heading.current?.focus();
    shown.current = page;
  }, [page]);
  return heading;
}
