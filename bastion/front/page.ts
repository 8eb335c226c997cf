// The bastion's own HTML pages: one shell without anything from outside, locked down by a policy of hashes.

import { createHash } from 'node:crypto';

const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--ground:#f6f7f9;--card:#fff;--line:#d5d9de;--mark:#0b5cad}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--soft:#9aa4af;--ground:#14171b;--card:#1d2126;--line:#343a42;--mark:#7cb7ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);
font:1rem/1.55 system-ui,sans-serif}
main{width:100%;max-width:36rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.4rem;line-height:1.25}
p{margin:.5rem 0;overflow-wrap:anywhere}
.detail{color:var(--soft)}
.wait{color:var(--mark)}
dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:1.5rem 0 0;padding-top:1rem;border-top:1px solid var(--line);
font-size:.85rem;color:var(--soft)}
dd{margin:0;font-family:ui-monospace,monospace;overflow-wrap:anywhere}
`;

export interface Page {
  readonly title: string;
  /** HTML of the main part: already escaped. */
  readonly main: string;
  /** One of the constant scripts of `page-scripts.ts`. */
  readonly script?: string | undefined;
  /** Seconds after which a browser without scripts loads the page again. */
  readonly refresh?: number | undefined;
}

/** Makes text harmless inside HTML, also inside a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function renderPage(page: Page): string {
  const refresh =
    page.refresh === undefined ? '' : `<noscript><meta http-equiv="refresh" content="${page.refresh}"></noscript>`;
  const script = page.script === undefined ? '' : `<script>${page.script}</script>`;
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(page.title)}</title>` +
    `<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">${refresh}` +
    `<style>${STYLE}</style></head><body><main>${page.main}</main>${script}</body></html>\n`
  );
}

/** Header fields that go with every page of ours; nobody may frame, store or extend it. */
export function pageHeaders(script: string | undefined): string[] {
  return [
    'Content-Type',
    'text/html; charset=utf-8',
    'Content-Security-Policy',
    policy(script),
    'Referrer-Policy',
    'no-referrer',
    'X-Frame-Options',
    'DENY',
  ];
}

const STYLE_HASH = hash(STYLE);
const policies = new Map<string | undefined, string>();

/** Computed once per script: there are as many as constants. */
function policy(script: string | undefined): string {
  const known = policies.get(script);
  if (known !== undefined) return known;
  const scripts = script === undefined ? "'none'" : `'${hash(script)}'`;
  const text =
    `default-src 'none'; style-src '${STYLE_HASH}'; script-src ${scripts}; connect-src 'self'; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  policies.set(script, text);
  return text;
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
