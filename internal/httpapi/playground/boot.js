'use strict';

(() => {
  // The key lives as long as the tab: localStorage would keep it on the disk and show it to every other tab.
  const storedKey = 'tallystick.key';

  const tour = [
    `# Tallystick keeps your billing data and Stripe
# in step. Press play (or Ctrl-Enter) to run this
# query. Ctrl-Space completes a field; the book on
# the left opens the whole schema. The other tabs
# go on with the tour.

query Products {
  products(first: 5) {
    edges {
      node {
        id
        name
        defaultPrice {
          unitAmount { amount currency }
          recurring { interval intervalCount }
        }
      }
    }
  }
}
`,
    `# A new price replaces the old one here and in
# Stripe, or in neither. Put in the id of a product
# from the first tab.

mutation ChangePrice {
  updateProductPrice(input: { productId: "…", unitAmount: 3400 }) {
    product { name defaultPrice { unitAmount { amount currency } } }
    previousPrice { status unitAmount { amount currency } }
    operation {
      status
      steps { name status }
      stripeCalls { method path status durationMs }
    }
    userErrors { message code path }
  }
}
`,
    `# How the two halves are doing: how Stripe answers,
# what waits, and what needs someone to look at it.

query Health {
  billingHealth {
    status
    stripe
    pendingOperations
    oldestPendingAt
    needsAttention
  }
  operations(first: 5) {
    edges {
      node { kind status createdAt lastError }
    }
  }
}
`,
  ];

  const element = (id) => document.getElementById(id);
  const input = element('key');
  const state = element('key-state');
  const root = ReactDOM.createRoot(element('graphiql'));
  let key = sessionStorage.getItem(storedKey) || '';
  let generation = 0;

  function showState(kind, text) {
    state.dataset.state = kind;
    state.textContent = text;
  }

  async function fetcher(params) {
    if (!key) {
      input.focus();
      return { errors: [{ message: 'Paste a key at the top first: the server prints the admin key when it starts.' }] };
    }
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: {
        Accept: 'application/graphql-response+json, application/json',
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(params),
    });
    if (response.status === 401) {
      showState('bad', 'This key is not valid here');
    } else {
      showState('good', 'Connected');
    }
    return response.json();
  }

  function render() {
    element('welcome').hidden = key !== '';
    element('key-forget').hidden = key === '';
    root.render(
      React.createElement(GraphiQL, {
        key: generation, // another key may see another schema: start anew
        fetcher,
        schema: key ? undefined : null,
        defaultTabs: tour.map((query) => ({ query })),
        isHeadersEditorEnabled: false,
        shouldPersistHeaders: false,
        inputValueDeprecation: true,
      }),
    );
  }

  function useKey(next) {
    key = next;
    if (key) {
      sessionStorage.setItem(storedKey, key);
    } else {
      sessionStorage.removeItem(storedKey);
    }
    input.value = key;
    showState('', '');
    generation += 1;
    render();
  }

  element('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    useKey(input.value.trim());
  });
  element('key-forget').addEventListener('click', () => useKey(''));

  input.value = key;
  render();
})();
