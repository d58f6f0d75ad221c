// Downloads: of tracks and of whole albums.

import { $, changed, file, label, price, say, setIcon, size, sleep } from './dom.js';
import { ask, offerOf, progressOf, qualityFor } from './player.js';

/** Waits until there is something to be downloaded, tells how far it is, and lets the browser have it. */
async function get(button, address, what, offer, progress) {
  if (button.hasAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  const tell = async () => {
    while (button.hasAttribute('aria-busy')) {
      const done = await progress();
      if (button.hasAttribute('aria-busy')) button.style.setProperty('--done', `${done * 100}%`);
      await sleep(350);
    }
  };
  if (!offer.exact) tell();
  let why = await ask(address);
  while (why.again) {
    say(`Many are asking. Your download starts in ${why.again} s…`, { stay: true });
    await sleep(why.again * 1000);
    why = await ask(address);
  }
  if (!offer.exact) await progress();
  button.removeAttribute('aria-busy');
  button.style.removeProperty('--done');
  if (why.ok) {
    const link = document.createElement('a');
    link.href = address;
    link.download = '';
    link.click();
    setIcon(button, 'done');
    say(`Downloading “${what}”`);
    setTimeout(() => setIcon(button, 'get'), 2500);
  } else {
    say(`“${what}” cannot be downloaded: ${why.text}.`, { bad: true, stay: true });
  }
  changed();
}

export function downloadTrack(track, button) {
  const name = qualityFor(track);
  const progress = async () => (await progressOf(track, name))?.done ?? 0;
  return get(button, file(track, name), track.title, offerOf(track, name), progress);
}

export function downloadAlbum(album, name, button) {
  const offer = album.offers.find(other => other.profile === name);
  const progress = async () => {
    const all = await Promise.all(album.tracks.map(track => progressOf(track, name)));
    return all.reduce((sum, one) => sum + (one?.done ?? 0), 0) / all.length;
  };
  return get(button, `albums/${album.id}/${name}.zip`, album.title, offer, progress);
}

/** What a button says of an offer. */
export function showOffer(button, offer, address, text, spoken) {
  button.setAttribute('aria-disabled', String(!offer));
  if (!offer) return;
  button.href = address;
  $('span', button).textContent = text;
  button.setAttribute('aria-label', `${spoken} at ${label(offer.profile)}, ${size(offer)}, ${offer.exact ? '' : 'about '}${price(offer)}`);
}
