// Holds the program's own pages to axe's rules, on a desk and on a phone: the playground, the status page, and those of
// the sandbox. CHROMIUM names the browser, API_URL and API_KEY the server, and SANDBOX the sandbox behind it.
import assert from 'node:assert/strict';

import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

const { API_URL, API_KEY, SANDBOX, CHROMIUM = '/usr/bin/chromium' } = process.env;
const origin = new URL(API_URL).origin;

async function ask(query) {
  const response = await fetch(API_URL, {
    method: 'POST',
    headers: { Authorization: `Bearer ${API_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}

/** A customer with a paid subscription, whose pages are visited. */
async function subscriber() {
  const { createCustomer } = await ask('mutation { createCustomer(input: { email: "pages@example.com" }) { customer { id } } }');
  const { priceByLookupKey } = await ask('{ priceByLookupKey(lookupKey: "team_monthly") { id } }');
  const { id } = createCustomer.customer;
  const { createSubscription, createBillingPortalSession } = await ask(`mutation {
    createSubscription(input: { customerId: "${id}", priceId: "${priceByLookupKey.id}", paymentMethod: "pm_card_visa" }) {
      subscription { latestInvoice { hostedInvoiceUrl } }
    }
    createBillingPortalSession(input: { customerId: "${id}", returnUrl: "${origin}" }) { url }
  }`);
  return { portal: createBillingPortalSession.url, invoice: createSubscription.subscription.latestInvoice.hostedInvoiceUrl };
}

const { portal, invoice } = await subscriber();
const signIn = async (page) => {
  await page.type('#key', API_KEY);
  await Promise.all([page.waitForNavigation(), page.click('main button')]);
};
const pages = {
  'the playground without a key': [origin, (page) => page.waitForSelector('#welcome:not([hidden])')],
  'the playground': [`${origin}/#key=${API_KEY}`, (page) => page.waitForSelector('.graphiql-execute-button')],
  'the status page before signing in': [`${origin}/status`],
  'the status page': [`${origin}/status`, signIn],
  "the sandbox's overview": [`${SANDBOX}/_sim/inspect?still=1`],
  "the sandbox's portal": [portal],
  "the sandbox's invoice": [invoice],
};

const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
const findings = [];
try {
  for (const width of [1280, 390]) {
    for (const [name, [address, ready]] of Object.entries(pages)) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.setViewport({ width, height: 844 });
      await page.goto(address);
      await ready?.(page);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ exclude: ['.graphiql-container'] })); // GraphiQL is not ours
      for (const { id, nodes } of violations) {
        findings.push(`${name}, ${width} wide: ${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) findings.push(`${name} is ${wide} wide where the screen has ${width}`);
      await context.close();
    }
  }
} finally {
  await browser.close();
}
assert.deepEqual(findings, []);
console.log(`${Object.keys(pages).length} pages, at 1280 and 390: nothing found`);
