import { type FormEvent, useState } from 'react';

import { type Config, type Refused, signIn, signUp } from './backend';
import { Field } from './Field';

/** Signing up and signing in. */
export function Account({ page, signedUp }: {
  page: 'sign-up' | 'sign-in';
  signedUp: (user: NonNullable<Config['user']>) => void;
}) {
  const [refused, setRefused] = useState<Refused[]>([]);
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const email = String(form.get('email'));
    const name = String(form.get('name') ?? '');
    setBusy(true);
    setSaid('');
    try {
      if (page === 'sign-in') {
        await signIn(email);
        return setSaid('If there is an account for this address, a link is on its way. (In this example it is printed in the terminal.)');
      }
      const errors = await signUp(email, name);
      if (errors.length === 0) return signedUp({ email, name: name || null });
      setRefused(errors);
    } catch (error) {
      setSaid((error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  const errorOf = (field: string) => refused.find(({ path }) => path?.at(-1) === field)?.message;
  const elsewhere = refused.filter(({ path }) => !['email', 'name'].includes(path?.at(-1) ?? ''));
  return (
    <form className="card narrow" onSubmit={submit}>
      {page === 'sign-up' && <Field label="Your name" name="name" autoComplete="name" error={errorOf('name')} />}
      <Field label="E-mail" name="email" type="email" autoComplete="email" required error={errorOf('email')} />
      <button disabled={busy}>{page === 'sign-up' ? 'Create account' : 'Send me a link'}</button>
      <p role="status">{said}</p>
      {elsewhere.map(({ message }) => <p key={message} role="alert" className="alert">{message}</p>)}
      <p>
        {page === 'sign-up'
          ? <>Have an account? <a href="#sign-in">Sign in</a></>
          : <>New here? <a href="#sign-up">Create an account</a></>}
      </p>
    </form>
  );
}
