import { type InputHTMLAttributes, useId } from 'react';

/** A labelled input, with what is wrong with it. */
export function Field({ label, error, ...input }: { label: string; error: string | undefined } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={error !== undefined} aria-describedby={error && `${id}-error`} {...input} />
      {error && <p id={`${id}-error`} role="alert" className="alert">{error}</p>}
    </div>
  );
}
