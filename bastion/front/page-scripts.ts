// The two small scripts of the bastion's pages, as text: the policy of each page allows exactly one of them, by its hash.

/** Where the sign-in script sends the one-time secret. */
export const ENTER_PATH = '/_postern/enter';
/** Response header of our own pages: the stable code. A page that waits reads in it whether there is still a refusal. */
export const CODE_HEADER = 'Postern-Code';
/** Response header of our own pages: what the log calls this request. */
export const REQUEST_ID_HEADER = 'Postern-Request-Id';

/** Asks for the same address until the answer is no longer the refusal that this page shows, then loads it. */
export const RETRY_SCRIPT = `
(() => {
  const shown = document.querySelector('[data-code]').dataset.code;
  const notice = document.querySelector('.wait');
  let wait = 1500;
  const again = () => setTimeout(attempt, wait * (0.75 + Math.random() / 2));
  const attempt = async () => {
    wait = Math.min(wait * 1.3, 15000);
    if (document.hidden) return again();
    try {
      const answer = await fetch(location.href, { cache: 'no-store', redirect: 'manual', headers: { accept: 'application/problem+json' } });
      if (answer.body) answer.body.cancel();
      if (answer.headers.get('${CODE_HEADER}') !== shown) return location.reload();
    } catch {
      notice.textContent = 'The bastion does not answer; trying again.';
    }
    again();
  };
  again();
})();
`;

/** Exchanges the one-time secret in the fragment for a session, and never leaves it in the address bar. */
export const SIGN_IN_SCRIPT = `
(() => {
  const notice = document.querySelector('.wait');
  const enter = async () => {
    const found = /(?:^#|&)postern=([^&]*)/.exec(location.hash);
    if (!found) {
      const link = document.querySelector('a[data-sign-in]');
      const tried = Number(sessionStorage.getItem('postern-sign-in') || 0);
      // Once, and then only by hand: a browser that keeps no cookies would go round in circles.
      if (!link || Date.now() - tried < 30000) return;
      sessionStorage.setItem('postern-sign-in', String(Date.now()));
      return location.replace(link.href);
    }
    const rest = location.hash.slice(1).split('&').filter((part) => !part.startsWith('postern=')).join('&');
    history.replaceState(null, '', location.pathname + location.search + (rest ? '#' + rest : ''));
    notice.textContent = 'Signing in ...';
    try {
      const answer = await fetch('${ENTER_PATH}', {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'content-type': 'application/json', accept: 'application/problem+json' },
        body: JSON.stringify({ secret: found[1] }),
      });
      if (answer.ok) return location.reload();
      const problem = await answer.json();
      notice.textContent = problem.title + '. ' + problem.advice;
    } catch {
      notice.textContent = 'The bastion does not answer. Open the link again.';
    }
  };
  addEventListener('hashchange', enter);
  enter();
})();
`;
