// Goes through the example in a Chromium as two people do: one at a desk by keyboard alone, one on a phone. Every page is
// held to axe's rules on the way. CHROMIUM names the browser, TALLYSTICK_URL and TALLYSTICK_KEY a server with the demo
// catalogue, and SCREENSHOTS a directory for pictures.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import axe from 'axe-core';
import puppeteer from 'puppeteer-core';

const { CHROMIUM = '/usr/bin/chromium', SCREENSHOTS, TALLYSTICK_URL, TALLYSTICK_KEY } = process.env;
let server, browser, origin;

before(async () => {
  assert.ok(TALLYSTICK_URL && TALLYSTICK_KEY, 'TALLYSTICK_URL and TALLYSTICK_KEY name the server to test with');
  server = spawn(process.execPath, [fileURLToPath(new URL('../server.mjs', import.meta.url))], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  origin = await new Promise((resolve, reject) => {
    said(/Open (http\S+)\//).then(resolve);
    server.on('exit', (code) => reject(new Error(`server.mjs ended with ${code}`)));
  });
  await ask('mutation { createCustomer(input: { email: "taken@example.com" }) { customer { id } } }');
  browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--lang=en-US'], env: { ...process.env, LANG: 'en_US.UTF-8' } });
});

after(async () => {
  await browser?.close();
  server?.kill();
});

for (const person of [
  { name: 'desk', width: 1280, height: 900, choose: byKeyboard },
  { name: 'phone', width: 390, height: 844, choose: byTouch },
]) {
  test(`a subscription from the ${person.name}`, { timeout: 120_000 }, async () => {
    const page = await open(person);
    const { choose } = person;
    const email = `${person.name}@example.com`;
    const on = (text) => see(page, text);

    await page.goto(origin);
    await on('$29.00 a month per seat');
    await fine(page, person, 'plans');
    await choose(page, 'Start with Team');
    await fine(page, person, 'sign-up');
    await fill(page, choose, 'E-mail', 'taken@example.com');
    await choose(page, 'Create account');
    await on('exists already');
    assert.equal(await page.$eval('[aria-invalid=true]', (input) => input.name), 'email');
    await fine(page, person, 'sign-up-refused');
    await fill(page, choose, 'Your name', 'Grace');
    await fill(page, choose, 'E-mail', email);
    await choose(page, 'Create account');
    await on('Sign out');
    await choose(page, 'Billing');
    await on('You have no plan yet.');
    await fine(page, person, 'nothing-yet');

    await choose(page, 'Choose one');
    await choose(page, 'Start with Team');
    await page.waitForSelector('#pay');
    await fine(page, person, 'checkout');
    await choose(page, await page.$eval('#pay', (button) => button.textContent));
    await on('Renews on');
    await on('1 seat for $29.00 a month');
    await on('Paid');
    await on('Live');
    await fine(page, person, 'billing');

    await fill(page, choose, 'Seats', '0');
    await choose(page, 'Save seats');
    assert.ok(await page.$eval('input[type=number]', (input) => !input.checkValidity()), 'the browser says what is allowed');
    await fill(page, choose, 'Seats', '5');
    await choose(page, 'Save seats');
    await on('5 seats for $29.00 a month each');

    await choose(page, 'Cancel the plan');
    await fine(page, person, 'cancel');
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel the plan', 'the dialog gives the focus back');
    await choose(page, 'Cancel the plan');
    await choose(page, 'Cancel the plan', 'dialog ');
    await on('Ends on');
    await choose(page, 'Keep the plan');
    await on('Renews on');

    // Somebody else changes the subscription; the page follows by itself.
    await elsewhere(email, 'cancelSubscription');
    await on('Ends on');

    await choose(page, 'Plans');
    await choose(page, 'Switch to Business');
    await on('You are on Business now.');
    await choose(page, 'Billing');
    await on('5 seats for $99.00 a month each');
    await choose(page, 'Sign out');
    await on('Start with Team');
    assert.deepEqual(page.complaints, []);
    await page.close();
  });
}

test('signing in by a link, and what the backend refuses', { timeout: 60_000 }, async () => {
  const page = await open({ width: 1280, height: 900 });
  await page.goto(`${origin}/#sign-up`);
  await fill(page, byKeyboard, 'E-mail', 'DESK@example.com');
  await byKeyboard(page, 'Create account');
  await see(page, 'exists already');
  const link = said(/sign in by (\S+)/);
  await byKeyboard(page, 'Sign in', 'main ');
  await fill(page, byKeyboard, 'E-mail', 'desk@example.com');
  await byKeyboard(page, 'Send me a link');
  await see(page, 'a link is on its way');
  await page.goto(await link);
  await see(page, '5 seats for $99.00 a month each');

  // Signed out in another tab: the next token is refused, and the page begins anew.
  await page.setRequestInterception(true);
  page.on('request', async (request) => {
    if (!request.url().endsWith('/api/session')) return request.continue();
    await page.deleteCookie({ name: 'user', url: origin });
    await request.respond({ status: 401, contentType: 'application/json', body: '{}' });
  });
  await page.reload();
  await see(page, 'Please sign in to see your billing.');
  await page.close();

  const stranger = await open({ width: 1280, height: 900 });
  for (const ticket of ['', 'ticket.x.99999999999999.x', 'cookie.x']) {
    await stranger.goto(`${origin}/api/enter?ticket=${ticket}`);
    await see(stranger, 'Send me a link');
  }

  for (const [sent, status] of [['', 400], ['{', 400], ['"'.padEnd(20_000, 'x'), 413]]) {
    const response = await fetch(`${origin}/api/sign-up`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: sent });
    assert.equal(response.status, status);
  }
  assert.equal((await fetch(`${origin}/api/sign-up`, { method: 'POST', body: '{}' })).status, 415, 'a form of another origin');
  await stranger.close();
});

/** What the backend writes in its terminal from now on: the first match. */
function said(pattern) {
  return new Promise((resolve) => server.stdout.on('data', (text) => {
    const match = pattern.exec(text);
    if (match) resolve(match[1]);
  }));
}

async function open({ width, height }) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width, height, hasTouch: width < 500, isMobile: width < 500 });
  page.complaints = [];
  page.on('console', (message) => {
    // The browser logs the 422 of a refused form, and the 429 of a script that clicks faster than a person.
    if (['error', 'warn'].includes(message.type()) && !/status of (422|429)/.test(message.text())) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  return page;
}

/** Waits until the page says something. */
async function see(page, text) {
  await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout: 20_000 }, text).catch(async () => {
    assert.fail(`the page does not say ${JSON.stringify(text)}, but:\n${await page.evaluate(() => document.body.innerText)}\n${page.complaints.join('\n')}`);
  });
}

/** A button, a link or a labelled field. */
async function find(page, name, within) {
  const handle = await page.waitForFunction((wanted, root) => {
    const named = [...document.querySelectorAll(`${root}:is(a, button)`)].find((e) => e.innerText === wanted && !e.disabled && e.checkVisibility());
    const label = [...document.querySelectorAll(`${root}label`)].find((e) => e.innerText === wanted);
    return named ?? label?.control;
  }, { timeout: 20_000 }, name, within).catch(() => assert.fail(`there is no ${within}${name} to choose`));
  return handle.asElement();
}

/** Goes to an element with the Tab key, and presses Enter. */
async function byKeyboard(page, name, within = '') {
  let element = await find(page, name, within);
  for (let presses = 0; !(await element.evaluate((e) => e === document.activeElement)); presses++) {
    assert.ok(presses < 80, `Tab does not lead to ${name}`);
    await page.keyboard.press('Tab');
    if (!(await element.evaluate((e) => e.isConnected))) element = await find(page, name, within); // the page was drawn anew
  }
  if (await element.evaluate((e) => e.matches('a, button'))) await page.keyboard.press('Enter');
}

async function byTouch(page, name, within = '') {
  const element = await find(page, name, within);
  await element.scrollIntoView();
  await element.tap();
}

async function fill(page, choose, label, value) {
  await choose(page, label);
  await page.keyboard.down('Control');
  await page.keyboard.press('a');
  await page.keyboard.up('Control');
  await page.keyboard.type(value);
}

/** Holds a page to axe's rules and to the width of the screen. */
async function fine(page, { name, width }, what) {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${what}-${name}.png` });
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`), [], `accessibility of ${what}`,
  );
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${what} is ${wide} wide, the screen ${width}`);
}

/** What a colleague does to the only subscription of a customer. */
async function elsewhere(email, mutation) {
  const { customerByEmail } = await ask(
    'query ($email: String!) { customerByEmail(email: $email) { subscriptions { edges { node { id } } } } }', { email });
  const [{ node: { id } }] = customerByEmail.subscriptions.edges;
  const data = await ask(
    `mutation ($id: ID!) { ${mutation}(input: { subscriptionId: $id }) { userErrors { message } } }`, { id });
  assert.deepEqual(data[mutation].userErrors, []);
}

/** Asks Tallystick with the key that may do everything. */
async function ask(query, variables) {
  const response = await fetch(TALLYSTICK_URL, {
    method: 'POST',
    headers: { Authorization: `Bearer ${TALLYSTICK_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}
