// The script of the owner's page, as text: the page's policy allows exactly this one, by its hash. It shows, and asks the API.

export const MANAGE_SCRIPT = `
(() => {
  const $ = (id) => document.getElementById(id);
  const say = (text) => { $('said').textContent = text; };
  const ask = async (method, path, body) => {
    const init = { method, credentials: 'same-origin', headers: { accept: 'application/json' } };
    if (body !== undefined) { init.headers['content-type'] = 'application/json'; init.body = JSON.stringify(body); }
    const answer = await fetch(path, init);
    const json = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok) throw new Error(json.title + '. ' + (json.detail || json.advice));
    return json;
  };
  const words = (text) => text.split(/[\\s,]+/).filter((word) => word !== '');
  const item = (share) => {
    const row = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Take back';
    button.addEventListener('click', () => act(() => ask('DELETE', '/api/shares/' + encodeURIComponent(share.id)), 'The link is taken back, and who came by it is out.'));
    row.append((share.note || 'Link') + ', until ' + new Date(share.expires).toLocaleString() + ' ', button);
    return row;
  };
  const show = (state) => {
    for (const input of document.querySelectorAll('input[name=kind]')) input.checked = input.value === state.policy.kind;
    $('people').value = state.policy.people.join(', ');
    $('groups').value = state.policy.groups.join(', ');
    $('origin').textContent = state.decided ? 'You decided this on ' + new Date(state.decided).toLocaleString() + '.' : 'This is what the job asked for.';
    $('reset').hidden = !state.decided;
    $('shares').replaceChildren(...state.shares.map(item));
  };
  const refresh = async () => show(await ask('GET', '/api/access'));
  const act = async (work, done) => {
    try { await work(); await refresh(); say(done); } catch (error) { say(error.message); }
  };
  $('access').addEventListener('submit', (event) => {
    event.preventDefault();
    const kind = new FormData($('access')).get('kind');
    const invited = kind === 'invited';
    const policy = { kind, people: invited ? words($('people').value) : [], groups: invited ? words($('groups').value) : [] };
    act(() => ask('PUT', '/api/access', policy), 'Saved. Whoever lost access is out.');
  });
  $('reset').addEventListener('click', () => act(() => ask('DELETE', '/api/access'), 'Back to what the job asked for.'));
  $('invite').addEventListener('submit', (event) => {
    event.preventDefault();
    act(async () => {
      const made = await ask('POST', '/api/shares', { hours: Number($('hours').value), note: $('note').value });
      $('link').textContent = made.url;
    }, 'Here is the link. It is shown only now.');
  });
  refresh().catch((error) => say(error.message));
})();
`;
