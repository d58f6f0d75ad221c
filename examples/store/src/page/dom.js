// Elements, texts and numbers.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
export const sleep = ms => new Promise(done => setTimeout(done, ms));

/** What this shop is, once it is known. */
export const shop = { name: document.title, tagline: '', currency: 'EUR', profiles: [], member: null };
let money = null;
export function setShop(told) {
  Object.assign(shop, told);
  money = new Intl.NumberFormat('en', { style: 'currency', currency: shop.currency });
}

const count = new Intl.NumberFormat('en');
const digits = () => money.resolvedOptions().maximumFractionDigits;
export const number = value => count.format(value);
export const label = profile => profile.toUpperCase();
export const price = offer => money.format(offer.price / 10 ** digits());
/** Small files in kB: nothing is "0.0 MB". */
export const size = offer => (offer.exact ? '' : 'about ')
  + (offer.bytes < 1e5 ? `${Math.ceil(offer.bytes / 1e3)} kB` : `${(offer.bytes / 1e6).toFixed(1)} MB`);
export const clock = seconds => {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = value => String(Math.floor(value)).padStart(2, '0');
  return (hours ? `${hours}:${two(minutes)}` : minutes) + `:${two(seconds % 60)}`;
};
export const plural = (value, word) => `${number(value)} ${word}${value === 1 ? '' : 's'}`;

export const file = (track, profile) => `tracks/${track.id}/${profile}.mp3`;
export const cover = (id, edge) => `tracks/${id}/cover?edge=${edge}`;
export const byline = track => [track.artist, track.album].filter(Boolean).join(' · ') || clock(track.duration);

export function icon(name) {
  const make = tag => document.createElementNS('http://www.w3.org/2000/svg', tag);
  const [svg, use] = [make('svg'), make('use')];
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}
export const setIcon = (holder, name) => $('use', holder).setAttribute('href', `#icon-${name}`);

/** `element('a.row', { href: 'x' }, 'text', child)` */
export function element(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  const made = document.createElement(tag);
  made.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}
export const picture = (id, edge, attributes = {}) =>
  element('img', { src: cover(id, edge), alt: '', loading: 'lazy', decoding: 'async', width: edge, height: edge, ...attributes });

export async function json(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

let hideStatus = 0;
export function say(text, { bad = false, stay = false } = {}) {
  const status = $('#status');
  clearTimeout(hideStatus);
  status.textContent = text;
  status.className = text ? `shown${bad ? ' bad' : ''}` : '';
  if (text && !stay) hideStatus = setTimeout(() => { status.className = ''; }, 4000);
}

/** Something that others want to know of has changed. */
export const changes = new EventTarget();
export const changed = () => changes.dispatchEvent(new Event('change'));
