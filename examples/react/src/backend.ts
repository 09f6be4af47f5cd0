/** What the application's own backend says: see server.mjs. */
export interface Config {
  /** Where Tallystick is. */
  url: string;
  /** The key for visitors. */
  catalogKey: string;
  /** Who is signed in. */
  user: { email: string; name: string | null } | null;
}

/** Why a sign-up was refused, in the words of Tallystick. */
export interface Refused {
  code: string;
  message: string;
  path: string[] | null;
}

export async function config(): Promise<Config> {
  return (await ask('GET', 'config')).json();
}

export async function signUp(email: string, name: string): Promise<Refused[]> {
  const response = await ask('POST', 'sign-up', { email, name });
  return response.status === 422 ? (await response.json()).userErrors : [];
}

export async function signIn(email: string): Promise<void> {
  await ask('POST', 'sign-in', { email });
}

export async function signOut(): Promise<void> {
  await ask('POST', 'sign-out', {});
}

/** A token for the customer's browser, which is valid until expiresAt. */
export async function session(): Promise<{ token: string; expiresAt: string }> {
  return (await ask('POST', 'session', {})).json();
}

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`/api/${path}`, {
    method,
    ...(body !== undefined && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  });
  // Nobody is signed in any more, such as after signing out in another tab: the page begins anew, and asks to sign in.
  if (response.status === 401) location.reload();
  if (!response.ok && response.status !== 422) throw new Error('The server does not answer as it should. Please try again.');
  return response;
}
