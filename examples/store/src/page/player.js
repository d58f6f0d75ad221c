// Playing: a queue, two audio elements that take over from each other, and what of a rendition exists.

import { $, $$, changed, clock, cover, file, json, label, say, setIcon, sleep, shop } from './dom.js';

const [player, seek, volume] = ['#player', '#seek', '#volume'].map(selector => $(selector));

let quality = localStorage.getItem('quality') || '256';
/** What is heard, or was last: one of the two audio elements, and what it plays. */
let sounding = { audio: $('audio[data-slot=a]'), track: null, quality: null };
/** What is to take its place as soon as it can: the other element. */
let coming = null;
let wanted = false;
let queue = { tracks: [], at: -1 };
/** What failed though nothing is known to be wrong with it: tried again once. */
const failed = new Set();

export const current = () => coming ?? sounding;
export const isPlaying = track => wanted && current().track?.id === track.id;
export const isCurrent = track => current().track?.id === track.id;
export const position = () => coming && coming.track !== sounding.track ? 0 : sounding.audio.currentTime;
export const offerOf = (track, name) => track.offers.find(offer => offer.profile === name);
/** The quality asked for, or the best that this track is to be had in up to it, or else the first. */
export function qualityFor(track) {
  if (offerOf(track, quality)) return quality;
  const rank = shop.profiles.indexOf(quality);
  const below = track.offers.filter(offer => shop.profiles.indexOf(offer.profile) < rank);
  return (below.at(-1) ?? track.offers.at(-1))?.profile;
}
export const chosen = () => quality;

export function changeQuality(name) {
  quality = name;
  localStorage.setItem('quality', name);
  const now = current();
  if (now.track && now.quality !== qualityFor(now.track)) start(now.track, { play: wanted });
  show();
}

/** Plays one of `tracks`; the others follow. */
export async function playFrom(tracks, at) {
  const track = tracks[at];
  if (isCurrent(track)) return toggle();
  queue = { tracks, at };
  await playQueued();
}

async function playQueued() {
  const track = queue.tracks[queue.at];
  if (!track.offers.length) {
    // Of a search: what it is to be had in is not known yet.
    const known = await json(`tracks/${track.id}`).catch(() => null);
    if (queue.tracks[queue.at] !== track) return;
    if (known) Object.assign(track, known);
  }
  if (!track.offers.length) return say(`“${track.title}” is not on offer here.`, { bad: true });
  start(track, { at: 0 });
}

/** Plays `track` at the chosen quality. The same track goes on at the old one until the new one can take over. */
function start(track, { at = null, play = true } = {}) {
  abandon();
  wanted = play;
  player.hidden = false;
  const before = sounding;
  const takesOver = before.track === track;
  if (!takesOver) silence(before);
  const audio = $$('audio').find(other => other !== before.audio);
  const next = coming = { audio, track, quality: qualityFor(track), stop: new AbortController() };
  const here = () => takesOver && at === null ? before.audio.currentTime : at ?? 0;
  let corrections = 3;
  const take = () => {
    if (coming !== next) return;
    if (audio.readyState >= 1 && Math.abs(audio.currentTime - here()) > 0.2 && corrections-- > 0) {
      audio.currentTime = here();
    } else if (audio.readyState >= 3 && !audio.seeking) {
      coming = null;
      sounding = next;
      silence(before);
      audio.muted = false;
      if (wanted) sound(audio); else audio.pause();
      say('');
      show();
    }
  };
  const on = (event, act) => audio.addEventListener(event, act, { signal: next.stop.signal });
  for (const event of ['loadedmetadata', 'seeked', 'canplay']) on(event, take);
  for (const event of ['seeking', 'seeked', 'waiting', 'playing', 'play', 'pause', 'loadedmetadata']) on(event, show);
  on('timeupdate', showPosition);
  on('seeked', showPosition);
  on('ended', () => { if (sounding === next && !skip(1)) { wanted = false; show(); } });
  on('error', () => { if (audio.getAttribute('src')) fail(next); });
  audio.preload = 'auto';
  audio.volume = Number(volume.value);
  audio.src = file(track, next.quality);
  // Begun within the click, without a sound until it takes over: browsers allow nothing else.
  audio.muted = takesOver;
  if (play) sound(audio); else audio.load();
  tell(track);
  show();
  watch();
}

const sound = audio => audio.play().catch(error => {
  if (error.name === 'NotAllowedError') { wanted = false; show(); }
});

function silence(what) {
  what.stop?.abort();
  what.audio.pause();
  what.audio.removeAttribute('src');
  what.audio.load();
}

function abandon() {
  if (coming) silence(coming);
  coming = null;
}

/** Finds out why nothing is heard: what is only busy is asked again, what is damaged is not. */
async function fail(what) {
  const at = what.audio.currentTime;
  silence(what);
  const why = await ask(file(what.track, what.quality));
  if (current() !== what) return;
  const name = `${what.track.id} ${what.quality}`;
  if (why.again || (why.ok && !failed.has(name))) {
    if (!why.again) failed.add(name);
    say(why.again ? `Many are asking. Trying again in ${why.again} s…` : 'Trying again…', { stay: true });
    await sleep((why.again ?? 1) * 1000);
    if (current() === what) start(what.track, { at: sounding === what ? at : null, play: wanted });
    return;
  }
  coming = null;
  if (sounding === what) sounding = { ...what, track: null };
  wanted = false;
  watching = null;
  const text = why.ok ? 'this track is damaged and cannot be had' : why.text;
  say(`“${what.track.title}” cannot be played: ${text}.`, { bad: true, stay: true });
  show();
}

/** Whether a file's music can be had now: asked for, and let go of at its first byte. */
export async function ask(address) {
  const stop = new AbortController();
  const answer = await fetch(address, { signal: stop.signal, headers: { Range: 'bytes=0-' } }).catch(() => null);
  if (!answer) return { ok: false, text: 'the shop cannot be reached' };
  const again = answer.headers.get('Retry-After');
  const text = answer.ok ? '' : (await answer.text()).trim();
  stop.abort();
  return { ok: answer.ok, again: again && Number(again), text };
}

export function toggle() {
  if (!current().track) return queue.at >= 0 ? playQueued() : null;
  wanted = !wanted;
  if (!coming || sounding.track === coming.track) {
    if (wanted) sound(sounding.audio); else sounding.audio.pause();
  }
  show();
}

/** To the next track of the queue, or the one before; from the middle of a track back to its start. */
export function skip(by) {
  if (by < 0 && !coming && position() > 3) return seekTo(0), true;
  if (!queue.tracks[queue.at + by]) return false;
  queue = { tracks: queue.tracks, at: queue.at + by };
  playQueued();
  return true;
}

export function seekTo(seconds) {
  const { audio, track } = sounding;
  if (!track || coming && coming.track !== track) return;
  audio.currentTime = Math.max(0, Math.min(track.duration - 0.1, seconds));
  showPosition();
}

function show() {
  const { audio } = sounding;
  const loading = coming !== null || audio.seeking || (!audio.paused && audio.readyState < 3);
  player.classList.toggle('loading', loading && wanted);
  setIcon($('#toggle'), wanted ? 'pause' : 'play');
  $('#toggle').setAttribute('aria-label', wanted ? 'Pause' : 'Play');
  $('#previous').disabled = queue.at < 0;
  $('#next').disabled = !queue.tracks[queue.at + 1];
  if ('mediaSession' in navigator) navigator.mediaSession.playbackState = wanted ? 'playing' : 'paused';
  showPosition();
  changed();
}

function showPosition() {
  const track = current().track;
  // Where nothing is heard yet there is nothing to seek in.
  seek.disabled = !track || sounding.track !== track || sounding.audio.readyState < 1;
  if (!track) return;
  const at = position();
  seek.max = track.duration;
  if (!seek.matches(':active')) seek.value = at;
  seek.setAttribute('aria-valuetext', `${clock(at)} of ${clock(track.duration)}`);
  $('#played').style.width = `${Math.min(100, at / track.duration * 100)}%`;
  $('#clock').textContent = `${clock(at)} / ${clock(track.duration)}`;
  if ('mediaSession' in navigator && navigator.mediaSession.setPositionState) {
    navigator.mediaSession.setPositionState({ duration: track.duration, position: Math.min(at, track.duration) });
  }
}

function tell(track) {
  if (!('mediaSession' in navigator)) return;
  const { title, artist, album } = track;
  const artwork = [400, 800].map(edge => ({ src: cover(track.id, edge), sizes: `${edge}x${edge}` }));
  navigator.mediaSession.metadata = new MediaMetadata({ title, artist, album, artwork });
}

let watching = null;

/** Shows which parts of what is played exist, until all do. */
async function watch() {
  const { track, quality: name } = current();
  const watched = watching = { track, name };
  $('#ready').replaceChildren();
  while (watching === watched) {
    const progress = await progressOf(track, name);
    if (watching !== watched) return;
    if (progress) {
      $('#ready').replaceChildren(...progress.ready.map(([from, to]) => {
        const part = document.createElement('i');
        part.style.left = `${from * 100}%`;
        part.style.width = `${(to - from) * 100}%`;
        return part;
      }));
      if (coming && !offerOf(track, name).exact) say(`Pressing ${label(name)}… ${Math.floor(progress.done * 100)} %`, { stay: true });
      if (progress.complete) return;
    }
    await sleep(document.hidden ? 2000 : 350);
  }
}

/** How far a rendition is, and what it costs by now. */
export async function progressOf(track, name) {
  const progress = await json(`tracks/${track.id}/${name}/progress`).catch(() => null);
  const before = offerOf(track, name);
  if (progress?.offer && (before.exact !== progress.offer.exact || before.bytes !== progress.offer.bytes)) {
    Object.assign(before, progress.offer);
    changed();
  }
  return progress;
}

$('#toggle').addEventListener('click', toggle);
$('#next').addEventListener('click', () => skip(1));
$('#previous').addEventListener('click', () => skip(-1) || seekTo(0));
seek.addEventListener('change', () => seekTo(Number(seek.value)));
seek.addEventListener('input', () => {
  $('#played').style.width = `${seek.value / seek.max * 100}%`;
  $('#clock').textContent = `${clock(seek.value)} / ${clock(seek.max)}`;
});
volume.value = localStorage.getItem('volume') ?? 1;
volume.addEventListener('input', () => {
  for (const audio of $$('audio')) audio.volume = Number(volume.value);
  localStorage.setItem('volume', volume.value);
});
if ('mediaSession' in navigator) {
  const act = (action, does) => navigator.mediaSession.setActionHandler(action, does);
  act('play', () => wanted || toggle());
  act('pause', () => wanted && toggle());
  act('nexttrack', () => skip(1));
  act('previoustrack', () => skip(-1) || seekTo(0));
  act('seekto', to => seekTo(to.seekTime));
}
