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
# Stripe, or in neither. The variables below name
# a product of the sandbox's catalogue.

mutation ChangePrice($productId: ID!) {
  updateProductPrice(input: { productId: $productId, unitAmount: 3400 }) {
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

  // What the second tab needs. Only the sandbox's: a click must not change what is really sold.
  const firstProduct = '{ billingHealth { stripe } products(first: 1, filter: { active: true }) { edges { node { id } } } }';

  // What GraphiQL may keep on the disk. Its history and its tabs hold people's e-mails, and live as long as the page.
  const keptOnDisk = /^graphiql:(theme|visiblePlugin|\w*Flex)$/;
  const memory = new Map();
  const storage = {
    getItem: (name) => (keptOnDisk.test(name) ? localStorage.getItem(name) : (memory.get(name) ?? null)),
    setItem: (name, value) => (keptOnDisk.test(name) ? localStorage.setItem(name, value) : memory.set(name, value)),
    removeItem: (name) => (keptOnDisk.test(name) ? localStorage.removeItem(name) : memory.delete(name)),
    clear: () => memory.clear(),
    get length() { return memory.size; },
  };

  const element = (id) => document.getElementById(id);
  const input = element('key');
  const state = element('key-state');
  const root = ReactDOM.createRoot(element('graphiql'));
  let key = keyOfLink() || sessionStorage.getItem(storedKey) || '';
  let generation = 0;

  // keyOfLink takes the key out of the link that the server prints. No browser sends what follows the #, and the address
  // bar and the history must not keep it.
  function keyOfLink() {
    const linked = new URLSearchParams(location.hash.slice(1)).get('key');
    if (linked) {
      history.replaceState(null, '', location.pathname + location.search);
      sessionStorage.setItem(storedKey, linked);
    }
    return linked;
  }

  function showState(kind, text) {
    state.dataset.state = kind;
    state.textContent = text;
  }

  async function fetcher(params) {
    if (!key) {
      input.focus();
      return { errors: [{ message: 'Paste a key at the top first: the server prints the admin key when it starts.' }] };
    }
    const response = await ask(params);
    if (response.status === 401) {
      showState('bad', 'This key is not valid here');
    } else {
      showState('good', 'Connected');
    }
    return response.json();
  }

  function ask(params) {
    return fetch('/graphql', {
      method: 'POST',
      headers: {
        Accept: 'application/graphql-response+json, application/json',
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(params),
    });
  }

  // variables are those of the second tab; without a product the reader puts an id in.
  async function variables() {
    let productId = 'pdt_…';
    if (key) {
      const answer = await ask({ query: firstProduct }).then((response) => response.json()).catch(() => ({}));
      if (answer.data?.billingHealth?.stripe === 'SANDBOX') {
        productId = answer.data.products?.edges[0]?.node.id ?? productId;
      }
    }
    return JSON.stringify({ productId }, null, 2);
  }

  async function render() {
    const began = generation;
    element('welcome').hidden = key !== '';
    element('key-forget').hidden = key === '';
    const ofSecondTab = await variables();
    if (began !== generation) {
      return; // another key has been entered meanwhile
    }
    root.render(
      React.createElement(GraphiQL, {
        key: generation, // another key may see another schema: start anew
        fetcher,
        schema: key ? undefined : null,
        defaultTabs: tour.map((query, i) => ({ query, variables: i === 1 ? ofSecondTab : undefined })),
        storage,
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
    memory.clear();
    render();
  }

  element('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    useKey(input.value.trim());
  });
  element('key-forget').addEventListener('click', () => useKey(''));

  // Tab leaves an editor, as it leaves every other field; while a completion is offered, it takes that.
  element('graphiql').addEventListener('keydown', (event) => {
    if (event.key === 'Tab' && event.target.closest('.CodeMirror') && !document.querySelector('.CodeMirror-hints')) {
      event.stopPropagation();
    }
  }, true);

  // GraphiQL's editors have no names for those who cannot see them.
  const names = [
    ['.graphiql-query-editor textarea', 'GraphQL document'],
    ['.graphiql-editor-tools + section textarea, .graphiql-editor-tool textarea', 'Variables'],
    ['.result-window textarea', 'Answer'],
  ];
  new MutationObserver(() => {
    for (const [selector, name] of names) {
      for (const editor of document.querySelectorAll(`${selector}:not([aria-label])`)) {
        editor.setAttribute('aria-label', name);
      }
    }
  }).observe(element('graphiql'), { childList: true, subtree: true });

  addEventListener('hashchange', () => {
    const linked = keyOfLink();
    if (linked) {
      useKey(linked);
    }
  });
  input.value = key;
  render();
})();
