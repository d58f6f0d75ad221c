// The sheet of the track that plays: its qualities, its download, and its words as they are sung.

import { $, $$, byline, changes, cover, element, file, json, label, number, price, size } from './dom.js';
import { changeQuality, current, isCurrent, offerOf, position, qualityFor, seekTo } from './player.js';
import { downloadTrack } from './download.js';
import { go } from './views.js';

const [sheet, song] = ['#sheet', '#song'].map(selector => $(selector));
let shown = null;
let lines = [];
let line = -1;

function open() {
  if (!current().track) return;
  show();
  sheet.showModal();
  follow();
}

function show() {
  const { track } = current();
  if (!track) return;
  const thumb = cover(track.id, 160);
  if ($('#thumb').getAttribute('src') !== thumb) $('#thumb').src = thumb;
  $('#now b').textContent = track.title;
  $('#now small').textContent = byline(track);
  $('#now').setAttribute('aria-label', `${track.title}, ${byline(track)}: words, quality and download`);
  const name = qualityFor(track);
  const offer = offerOf(track, name);
  $('#chip').hidden = !offer;
  $('#chip').textContent = offer ? label(name) : '';
  $('#chip').setAttribute('aria-label', offer ? `${label(name)}: change quality` : '');
  if (shown !== track) change(track);
  for (const card of $$('#qualities label')) {
    const its = offerOf(track, $('input', card).value);
    $('input', card).checked = its.profile === name;
    $('.bytes', card).textContent = size(its);
    $('.price', card).textContent = price(its);
  }
  const buy = $('#buy');
  buy.hidden = !offer;
  if (!offer) return;
  buy.href = file(track, name);
  $('span', buy).textContent = `Download for ${offer.exact ? '' : 'about '}${price(offer)}`;
  $('#exact').textContent = offer.exact
    ? `MP3 ${label(name)} · exactly ${number(offer.bytes)} bytes`
    : `MP3 ${label(name)} · variable: exact once it is pressed`;
}

function change(track) {
  shown = track;
  $('#cover').src = cover(track.id, 800);
  $('#title').textContent = track.title;
  const inside = (text, address) => element('a', { href: address, 'data-inside': '' }, text);
  const parts = [track.artist && element('span', {}, track.artist), track.album_id && inside(track.album, `album/${track.album_id}`)];
  $('#byline').replaceChildren(...parts.filter(Boolean).flatMap((part, at) => at ? [' · ', part] : [part]));
  $('#qualities .cards').replaceChildren(...track.offers.map(offer => {
    const input = element('input', { type: 'radio', name: 'quality', value: offer.profile });
    input.addEventListener('change', () => changeQuality(offer.profile));
    return element('label.card', {}, input, element('div', {}, element('b', {}, label(offer.profile)), element('small.bytes'), element('small.price')));
  }));
  sing(track);
}

/** Gets the words of a track. */
async function sing(track) {
  [lines, line] = [[], -1];
  song.hidden = true;
  sheet.classList.remove('sung');
  const known = await json(`tracks/${track.id}`).catch(() => null);
  if (shown !== track || !known) return;
  if (known.sung.length) {
    lines = known.sung.map(([at, text]) => {
      const words = element('button.line', {}, text || '♪');
      words.addEventListener('click', () => seekTo(at / 1000));
      return { at: at / 1000, words };
    });
    song.replaceChildren(...lines.map(each => each.words));
  } else if (known.lyrics) {
    song.replaceChildren(element('p.words', {}, known.lyrics));
  }
  song.hidden = !known.sung.length && !known.lyrics;
  sheet.classList.toggle('sung', known.sung.length > 0);
  follow();
}

/** Shows the line that is sung now. */
function follow() {
  if (!lines.length || !shown || !isCurrent(shown)) return;
  const at = position() + 0.15;
  const now = lines.findLastIndex(each => each.at <= at);
  if (now === line) return;
  line = now;
  lines.forEach((each, index) => {
    each.words.classList.toggle('here', index === now);
    each.words.classList.toggle('past', index < now);
    if (index === now) each.words.setAttribute('aria-current', 'true'); else each.words.removeAttribute('aria-current');
  });
  if (!sheet.open) return;
  const words = lines[Math.max(0, now)].words;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  song.scrollTo({ top: words.offsetTop - song.clientHeight / 3, behavior: still ? 'auto' : 'smooth' });
}

$('#now').addEventListener('click', open);
$('#chip').addEventListener('click', () => { open(); $('#qualities input:checked')?.focus(); });
$('#buy').addEventListener('click', event => { event.preventDefault(); downloadTrack(shown, $('#buy')); });
for (const dialog of $$('dialog')) {
  $('.close', dialog).addEventListener('click', () => dialog.close());
  // Beside it.
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close(); });
}
sheet.addEventListener('click', event => {
  const link = event.target.closest('a[data-inside]');
  if (!link) return;
  event.preventDefault();
  sheet.close();
  go(link.href);
});
changes.addEventListener('change', show);
for (const audio of $$('audio')) audio.addEventListener('timeupdate', follow);
setInterval(follow, 100);
