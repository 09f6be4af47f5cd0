/** An amount of money in minor units, as people write it. */
export function money({ amount, currency }: { amount: number; currency: string }): string {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  // Stripe writes these two as if they still had cents.
  const digits = ['ISK', 'UGX'].includes(currency) ? 2 : (format.resolvedOptions().maximumFractionDigits ?? 0);
  return format.format(amount / 10 ** digits);
}

/** A day, as people write it. */
export function day(moment: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'long' }).format(new Date(moment));
}

/** How often a price charges: "a month", "every 3 months". */
export function period({ interval, intervalCount }: { interval: string; intervalCount: number }): string {
  const unit = interval.toLowerCase();
  return intervalCount === 1 ? `a ${unit}` : `every ${intervalCount} ${unit}s`;
}

/** A word of the schema in a sentence: "PAST_DUE" is "Past due". */
export function inWords(value: string): string {
  const text = value.toLowerCase().replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
