// The start, the keyboard, the search field and the members' door.

import { $, $$, json, say, setShop, shop } from './dom.js';
import { position, seekTo, toggle } from './player.js';
import './sheet.js';
import { begin, go } from './views.js';

const search = $('#search');
let typed = 0;
let before = null;
search.addEventListener('input', () => {
  clearTimeout(typed);
  typed = setTimeout(() => {
    const query = search.value.trim();
    const searching = location.pathname.endsWith('/search');
    if (query) {
      if (!searching) before = location.href;
      go(`search?q=${encodeURIComponent(query)}`, { replace: searching });
    } else if (searching) {
      go(before ?? './', { replace: true });
    }
  }, 120);
});

document.addEventListener('keydown', event => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const at = document.activeElement;
  const typing = at.matches('input:not([type=range]):not([type=radio])');
  if (typing && event.key === 'ArrowDown' && at === search) return event.preventDefault(), $('#view .row')?.focus();
  if (typing || $('dialog[open]') && event.key !== ' ') return;
  const slider = at.matches('input, select');
  const rows = $$('#view .row, #view .album');
  const row = rows.indexOf(at);
  // In a grid of covers up and down are a line.
  const across = at.matches('.album') ? rows.filter(other => other.offsetTop === rows[0].offsetTop).length : 1;
  const move = by => rows[Math.max(0, Math.min(rows.length - 1, row < 0 ? 0 : row + by))]?.focus();
  const keys = {
    '/': () => (search.focus(), search.select(), true),
    ' ': () => !at.matches('button, a, input, select, summary') && toggle() !== false,
    ArrowLeft: () => !slider && (at.matches('.album') ? move(-1) : seekTo(position() - 5), true),
    ArrowRight: () => !slider && (at.matches('.album') ? move(1) : seekTo(position() + 5), true),
    ArrowUp: () => !slider && row >= 0 && (row < across ? false : (move(-across), true)),
    ArrowDown: () => !slider && rows.length > 0 && (move(across), true),
  };
  if (keys[event.key]?.()) event.preventDefault();
});

const door = $('#door');
$('#key').addEventListener('click', () => { $('#refused').textContent = ''; door.showModal(); $('#token').focus(); });
async function enter() {
  const body = JSON.stringify({ token: $('#token').value });
  const answer = await fetch('enter', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } }).catch(() => null);
  if (answer?.ok) location.href = (await answer.json()).home;
  else $('#refused').textContent = answer ? 'No shop has a lock for this key.' : 'The shop cannot be reached.';
}
$('#open').addEventListener('click', enter);
$('#token').addEventListener('keydown', event => { if (event.key === 'Enter') enter(); });

// Skip links lead within the page, whatever its base is.
for (const link of $$('.skip')) {
  link.addEventListener('click', event => {
    event.preventDefault();
    const to = $(link.getAttribute('href'));
    if (to.hidden) return;
    to.focus();
    to.scrollIntoView();
  });
}

try {
  setShop(await json('shop'));
  if (shop.member) {
    $('#key span').textContent = shop.member;
    $('#key').classList.add('member');
    $('#key').setAttribute('aria-label', `${shop.member}, member`);
  }
} catch {
  say('The shop cannot be reached. Reload the page to try again.', { bad: true, stay: true });
}
await begin();
