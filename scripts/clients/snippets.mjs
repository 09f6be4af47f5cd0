// Takes the samples of a page out of it, so that what is run is what the page says: a sample begins with a comment that
// is its file's name. Usage: node snippets.mjs PAGE.md NAME=DIRECTORY…
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [page, ...wanted] = process.argv.slice(2);
const samples = new Map(
  [...readFileSync(page, 'utf8').matchAll(/^```\w+\n(?:\/\/|#) (\S+\.\w+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]),
);
for (const [name, directory] of wanted.map((pair) => pair.split('='))) {
  if (!samples.has(name)) throw new Error(`${page} has no sample called ${name}`);
  writeFileSync(join(directory, name), samples.get(name));
}
