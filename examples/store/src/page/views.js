// The views: home, albums, artists and search, each with an address of its own.

import { $, $$, byline, changes, clock, element, file, icon, json, label, picture, plural, price, setIcon, shop, size } from './dom.js';
import { changeQuality, chosen, isCurrent, isPlaying, offerOf, playFrom, qualityFor } from './player.js';
import { downloadAlbum, downloadTrack, showOffer } from './download.js';

const view = $('#view');
/** Views that were left, by address, to come back to as they were. */
const left = new Map();
let here = null;

/** The address within the shop. */
const inside = address => new URL(address, document.baseURI).href.slice(new URL('.', document.baseURI).href.length);

/** Goes to an address of this shop. */
export function go(address, { replace = false } = {}) {
  leave();
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  return arrive({ focus: !replace });
}

function leave() {
  if (!here) return;
  left.set(here.address, { ...here, scroll: scrollY });
  if (left.size > 12) left.delete(left.keys().next().value);
}

/** Shows the view of the address. */
async function arrive({ back = false, focus = true } = {}) {
  const address = inside(location.href);
  const kept = back && left.get(address);
  const [kind, id] = new URL(location.href).pathname.slice(new URL('.', document.baseURI).pathname.length).split('/');
  const made = here = kept || { address, nodes: [], title: null };
  if (!kept) {
    const make = { album, artist, search }[kind] ?? home;
    try {
      Object.assign(made, await make(id));
    } catch (error) {
      Object.assign(made, { title: null, nodes: [element('p.empty', {}, error.message || 'The shop cannot be reached. Reload the page to try again.')] });
    }
    if (here !== made) return;
  }
  document.title = made.title ? `${made.title} · ${shop.name}` : shop.name;
  view.replaceChildren(...made.nodes);
  refresh();
  if (kind !== 'search') $('#search').value = '';
  scrollTo(0, kept ? kept.scroll : 0);
  if (focus && kind !== 'search') ($('h1', view) ?? view).focus({ preventScroll: true });
}

/* Home. */

async function home() {
  const grid = element('ul.grid', { 'aria-label': 'Albums' });
  const more = endless(grid, from => `albums?from=${from}&count=60`, items => items.map(albumCard));
  const total = await more();
  performance.mark('albums');
  const heading = element('h1', { tabindex: -1 }, shop.tagline || shop.name);
  const counts = element('p.counts', {}, `${plural(shop.albums, 'album')}, ${plural(shop.tracks, 'track')}`);
  const empty = total ? null : element('p.empty', {}, 'There is no music here yet.');
  return { title: null, nodes: [element('div.intro', {}, heading, counts), grid, empty].filter(Boolean) };
}

function albumCard(album) {
  const link = element('a.album', { href: `album/${album.id}`, 'data-inside': '' },
    element('span.art', {}, picture(album.cover, 400)),
    element('b', {}, album.title), element('small', {}, [album.artist, album.year].filter(Boolean).join(' · ') || plural(album.tracks, 'track')));
  return element('li', {}, link);
}

/** A list that grows while one scrolls. Gives the function that gets the next portion. */
function endless(list, address, make) {
  let [from, total, busy] = [0, Infinity, false];
  const end = element('li.end', { 'aria-hidden': 'true' });
  const seen = new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) more(); }, { rootMargin: '1200px' });
  async function more() {
    if (busy || from >= total) return total;
    busy = true;
    const told = await json(address(from)).finally(() => { busy = false; });
    [from, total] = [from + told.items.length, told.total];
    end.before(...make(told.items, told));
    refresh();
    if (from >= total) { seen.disconnect(); end.remove(); }
    return total;
  }
  list.append(end);
  seen.observe(end);
  return more;
}

/* Tracks. */

function trackRow(tracks, at, { numbered = false, album = false } = {}) {
  const track = tracks[at];
  const lead = numbered
    ? element('span.lead', {}, element('i', {}, String(track.number || at + 1)), icon('play'))
    : element('span.lead.art', {}, picture(track.id, 160), element('span', {}, icon('play')));
  const second = numbered ? (track.artist === album.artist ? null : track.artist) : byline(track);
  const names = element('span.names', {}, element('b', {}, track.title), second ? element('small', {}, second) : null);
  const row = element('button.row', {}, lead, names, element('span.duration', {}, clock(track.duration)));
  row.addEventListener('click', () => playFrom(tracks, at));
  const get = element('a.get', {}, element('span', {}), icon('get'));
  get.addEventListener('click', event => { event.preventDefault(); downloadTrack(track, get); });
  const made = element('li.track', { 'data-track': track.id }, row, track.offers.length ? get : null);
  made.show = () => {
    const playing = isPlaying(track);
    made.classList.toggle('current', isCurrent(track));
    setIcon(lead, playing ? 'pause' : 'play');
    row.setAttribute('aria-label', `${playing ? 'Pause' : 'Play'} ${track.title}${track.artist ? ` by ${track.artist}` : ''}, ${clock(track.duration)}`);
    if (isCurrent(track)) row.setAttribute('aria-current', 'true'); else row.removeAttribute('aria-current');
    if (!track.offers.length || get.hasAttribute('aria-busy')) return;
    const name = qualityFor(track);
    const offer = offerOf(track, name);
    get.title = `${label(name)}, ${size(offer)}`;
    showOffer(get, offer, file(track, name), price(offer), `Download ${track.title}`);
  };
  return made;
}

/* Albums. */

async function album(id) {
  const told = await json(`albums/${id}`);
  const seconds = told.tracks.reduce((sum, track) => sum + track.duration, 0);
  const artist = told.artist && element('a', { href: `artist/${told.artist_id}`, 'data-inside': '' }, told.artist);
  const facts = [told.year, plural(told.tracks.length, 'track'), clock(seconds)].filter(Boolean).join(' · ');
  const play = element('button.buy.play', {}, icon('play'), element('span', {}, 'Play'));
  play.addEventListener('click', () => playFrom(told.tracks, Math.max(0, told.tracks.findIndex(isCurrent))));
  const zip = element('a.buy.quiet', { id: 'zip' }, icon('get'), element('span', {}));
  zip.addEventListener('click', event => { event.preventDefault(); downloadAlbum(told, name(), zip); });
  const qualities = element('select', { id: 'quality', 'aria-label': 'Quality' }, ...told.offers.map(offer => element('option', { value: offer.profile }, label(offer.profile))));
  qualities.addEventListener('change', () => changeQuality(qualities.value));
  const exact = element('p.exact', {});
  const name = () => told.offers.some(offer => offer.profile === chosen()) ? chosen() : told.offers.at(-1)?.profile;
  const actions = element('div.actions', {}, play, told.offers.length ? zip : null, told.offers.length ? element('label.select', {}, qualities) : null);
  const head = element('div.head', {}, element('span.art.large', {}, picture(told.cover, 800, { loading: 'eager' })),
    element('div', {}, element('h1', { tabindex: -1 }, told.title), element('p.by', {}, artist || '', artist ? ' · ' : '', facts), actions, exact));
  const list = element('ol.tracks', { 'aria-label': 'Tracks' }, ...told.tracks.map((_, at) => trackRow(told.tracks, at, { numbered: true, album: told })));
  head.show = () => {
    setIcon(play, told.tracks.some(isPlaying) ? 'pause' : 'play');
    $('span', play).textContent = told.tracks.some(isPlaying) ? 'Pause' : 'Play';
    if (!told.offers.length) return;
    for (const offer of told.offers) {
      const parts = told.tracks.map(track => offerOf(track, offer.profile));
      Object.assign(offer, { exact: parts.every(part => part.exact), bytes: sum(parts, 'bytes'), price: sum(parts, 'price') });
    }
    qualities.value = name();
    const offer = told.offers.find(other => other.profile === name());
    showOffer(zip, offer, `albums/${told.id}/${offer.profile}.zip`, `Album for ${offer.exact ? '' : 'about '}${price(offer)}`, `Download the album ${told.title}`);
    exact.textContent = `One ZIP of MP3 ${label(offer.profile)} · ${size(offer)}`;
  };
  return { title: told.title, nodes: [head, list, notes(told.notes)].filter(Boolean) };
}

const sum = (parts, what) => parts.reduce((total, part) => total + part[what], 0);

/** What a release has to tell. */
function notes({ story, links, dates }) {
  const out = (url, text) => element('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, text, icon('out'));
  const day = text => {
    const date = new Date(`${text}T12:00:00Z`);
    return Number.isNaN(date.valueOf()) ? text : date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
  };
  const part = (title, ...children) => element('section.note', {}, element('h2', {}, title), ...children);
  const parts = [
    story && part('The story', ...story.split(/\n\s*\n/).map(text => element('p', {}, text.trim()))),
    dates.length && part('On tour', element('ul', {}, ...dates.map(date =>
      element('li', {}, element('time', { datetime: date.day }, day(date.day)), element('span', {}, date.url ? out(date.url, date.place) : date.place))))),
    links.length && part('Links', element('ul', {}, ...links.map(link => element('li', {}, out(link.url, link.title))))),
  ].filter(Boolean);
  return parts.length ? element('div.notes', {}, ...parts) : null;
}

/* Artists and search. */

async function artist(id) {
  const told = await json(`artists/${id}`);
  const heading = element('h1', { tabindex: -1 }, told.name || 'Unknown artist');
  const counts = element('p.counts', {}, plural(told.albums.length, 'album'));
  return { title: told.name, nodes: [element('div.intro', {}, heading, counts), element('ul.grid', { 'aria-label': 'Albums' }, ...told.albums.map(albumCard))] };
}

async function search() {
  const query = new URL(location.href).searchParams.get('q') ?? '';
  if ($('#search').value.trim() !== query) $('#search').value = query;
  const heading = element('h1', { tabindex: -1 }, `“${query}”`);
  const list = element('ol.tracks', { 'aria-label': 'Tracks' });
  const [tracks, above] = [[], []];
  const more = endless(list, from => `tracks?q=${encodeURIComponent(query)}&from=${from}&count=60`, (items, told) => {
    const first = tracks.length;
    tracks.push(...items);
    if (!first && told.artists.length) {
      above.push(element('ul.chips', { 'aria-label': 'Artists' }, ...told.artists.map(one =>
        element('li', {}, element('a.chip', { href: `artist/${one.id}`, 'data-inside': '' }, one.name)))));
    }
    if (!first && told.albums.length > 1) above.push(element('ul.grid.small', { 'aria-label': 'Albums' }, ...told.albums.map(albumCard)));
    return items.map((_, at) => trackRow(tracks, first + at));
  });
  const total = await more();
  const counts = element('p.counts', { role: 'status' }, total ? `${plural(total, 'track')}` : 'Nothing is called that.');
  return { title: query, nodes: [element('div.intro', {}, heading, counts), ...above, list] };
}

/** What is shown is as it is now. */
function refresh() {
  for (const part of $$('.track, .head', view)) part.show?.();
}
changes.addEventListener('change', refresh);

document.addEventListener('click', event => {
  const link = event.target.closest('a[data-inside]');
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.href);
});
addEventListener('popstate', () => { leave(); arrive({ back: true }); });
history.scrollRestoration = 'manual';

export const begin = () => arrive({ focus: false });
