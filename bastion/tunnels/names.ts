// Which names can be registered: one label of a host name, short enough that a service's name fits beside it.

/** 49, not 63: `NAME--SERVICE` stays one label under a wildcard certificate. */
const LONGEST_NAME = 49;

/** Labels that people and programs take for the site's own, or that browsers and resolvers look up by themselves. */
const RESERVED = new Set([
  'account',
  'accounts',
  'admin',
  'api',
  'auth',
  'autoconfig',
  'autodiscover',
  'bastion',
  'cdn',
  'docs',
  'ftp',
  'health',
  'help',
  'hub',
  'imap',
  'isatap',
  'localhost',
  'login',
  'logout',
  'mail',
  'manage',
  'metrics',
  'oauth',
  'portal',
  'postern',
  'postmaster',
  'pop',
  'root',
  'security',
  'signin',
  'signup',
  'smtp',
  'sso',
  'static',
  'status',
  'support',
  'webmaster',
  'wpad',
  'www',
  // `xn--SERVICE` would be read as an internationalised label.
  'xn',
]);

/** What is wrong with a name, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name.length === 0 || name.length > LONGEST_NAME) return `"${name}" is not 1 to ${LONGEST_NAME} characters long`;
  // No `--`: it separates name and service, and begins an internationalised label in disguise (`xn--`).
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name))
    return `"${name}" holds something besides small letters, digits and single hyphens between them`;
  return RESERVED.has(name) ? `"${name}" is reserved` : undefined;
}
