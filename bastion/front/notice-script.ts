// The two scripts that follow a notebook's job, as text: one for the notebook's own pages, one for the status page.

/** Asks for the status and sends the wish to keep; shared by both. */
const COMMON = `
  const ask = () => fetch('/_postern/status', { cache: 'no-store', credentials: 'same-origin', headers: { accept: 'application/json' } });
  const keep = () => fetch('/_postern/keep', { method: 'POST', credentials: 'same-origin' });
  const span = (ms) => {
    const seconds = Math.max(0, Math.round(ms / 1000));
    if (seconds < 90) return seconds + ' s';
    const minutes = Math.round(seconds / 60);
    if (minutes < 120) return minutes + ' minutes';
    return Math.floor(minutes / 60) + ' h ' + String(minutes % 60).padStart(2, '0') + ' min';
  };
`;

/**
 * Says in a corner of the page that the job ends soon, or ends, or has ended, and loads the page anew when the notebook runs
 * again. It touches nothing of the page's own: one element with a shadow root, no inline style or markup that a
 * Content-Security-Policy could refuse, nothing at all when it can't ask.
 */
export const NOTICE_SCRIPT = `(() => {
  if (window.top !== window || window.__posternNotice) return;
  Object.defineProperty(window, '__posternNotice', { value: true });
${COMMON}
  const OFTEN = 5000, USUAL = 30000, BEFORE_END = 600000, BEFORE_STOP = 300000;
  let run, host, text, button, dismissed = '', timer, stopped = false;

  const element = (tag, style, parent) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(style)) made.style.setProperty(name, value);
    parent.append(made);
    return made;
  };
  const build = () => {
    host = element('postern-notice', { position: 'fixed', right: '16px', bottom: '16px', 'z-index': '2147483647' }, document.documentElement);
    host.setAttribute('role', 'status');
    const root = host.attachShadow({ mode: 'open' });
    const box = element('div', {
      'max-width': '340px', padding: '12px 14px', font: '14px/1.45 system-ui, sans-serif', color: '#1b1f24', background: '#fff8e6',
      border: '1px solid #d9a400', 'border-radius': '8px', 'box-shadow': '0 2px 10px rgba(0,0,0,.25)',
    }, root);
    text = element('div', { 'margin-bottom': '8px' }, box);
    const look = { margin: '0 8px 0 0', padding: '4px 10px', font: 'inherit', color: '#1b1f24', background: '#fff', border: '1px solid #b58900', 'border-radius': '5px', cursor: 'pointer' };
    button = element('button', look, box);
    const close = element('button', look, box);
    close.textContent = 'Dismiss';
    close.onclick = () => { dismissed = host.dataset.about; host.style.setProperty('display', 'none'); };
  };
  const show = (about, sentence, label, action) => {
    if (about === dismissed) return;
    if (!host) build();
    if (!host.isConnected) document.documentElement.append(host);
    host.style.setProperty('display', 'block');
    host.dataset.about = about;
    text.textContent = sentence;
    button.style.setProperty('display', label ? 'inline-block' : 'none');
    button.textContent = label || '';
    button.onclick = action || null;
  };
  const hide = () => { if (host) host.style.setProperty('display', 'none'); };
  const kept = async () => {
    button.disabled = true;
    try { await keep(); } finally { button.disabled = false; }
    look();
  };

  const judge = (status) => {
    const again = run !== undefined && status.run !== run;
    if (again && status.ready) {
      show('again', 'The notebook runs again. The page is loaded anew.', 'Load now', () => location.reload());
      stopped = true;
      // A page with unsaved work asks first, and stays when told to.
      location.reload();
      return USUAL;
    }
    if (again) { show('again', 'The notebook is starting again; this page follows by itself.'); return OFTEN; }
    run = status.run;
    const why = status.reason ? ' (' + status.reason + ')' : '';
    if (status.state === 'preempted') {
      show('state', 'The batch system stops this job' + why + '. If it starts it again, this page follows by itself.');
      return OFTEN;
    }
    if (status.state === 'ending') { show('state', 'The job ends now' + why + '.'); return OFTEN; }
    const usual = Math.min(USUAL, (status.idleTimeoutMs || Infinity) / 6);
    const left = status.deadline === undefined ? Infinity : status.deadline - status.now;
    const stop = status.stopAt === undefined ? Infinity : status.stopAt - status.now;
    const window = Math.min(BEFORE_STOP, status.stopAt === undefined ? 0 : (status.stopAt - status.idleSince) / 2);
    if (stop <= window && stop < left) show('idle', 'Nobody seems to use this notebook: it is stopped in ' + span(stop) + '.', 'Keep it running', kept);
    else if (left <= BEFORE_END) show('deadline' + (left <= 120000), 'The job of this notebook ends in ' + span(left) + '. Save your work.');
    else { hide(); dismissed = ''; }
    return Math.max(1000, Math.min(usual, stop <= 2 * window ? window / 10 : usual, left <= BEFORE_END ? OFTEN : left - BEFORE_END));
  };
  const look = async () => {
    clearTimeout(timer);
    if (stopped) return;
    let next = USUAL;
    try {
      const answer = await ask();
      if (answer.ok) next = judge(await answer.json());
      else if (answer.status === 503 && run !== undefined) {
        const { code, title, advice } = await answer.json();
        if (code !== 'tunnel-paused') show('gone', title + '. ' + advice);
        next = OFTEN;
      } else if (answer.status === 401 || answer.status === 403) next = 4 * USUAL;
    } catch { next = run === undefined ? USUAL : OFTEN; }
    timer = setTimeout(look, next);
  };
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
  window.addEventListener('online', look);
  look();
})();
`;

/** Keeps the status page's figures true. */
export const STATUS_SCRIPT = `
(() => {
${COMMON}
  const at = (id) => document.getElementById(id);
  const notice = document.querySelector('.wait');
  const button = at('keep');
  const show = (status) => {
    at('state').textContent = status.ready ? status.state : status.state + ', does not answer';
    at('time-left').textContent = status.deadline === undefined ? 'not known' : span(status.deadline - status.now);
    at('not-used-for').textContent = status.idleSince === undefined ? 'in use' : span(status.now - status.idleSince);
    const stop = status.stopAt === undefined ? undefined : status.stopAt - status.now;
    notice.textContent = stop === undefined ? (status.reason || '') : 'It is stopped in ' + span(stop) + ' unless somebody uses it.';
    button.hidden = stop === undefined;
  };
  const look = async () => {
    try {
      const answer = await ask();
      const json = await answer.json();
      if (answer.ok) show(json);
      else notice.textContent = json.title + '. ' + json.advice;
    } catch {
      notice.textContent = 'The bastion does not answer; trying again.';
    }
  };
  button.onclick = async () => { await keep(); await look(); };
  setInterval(look, 5000);
  look();
})();
`;
