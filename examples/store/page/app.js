'use strict';

const $ = (selector, root = document) => root.querySelector(selector);
const [list, detail, player, seek, status] = ['#tracks', '#detail', '#player', '#seek', '#status'].map(s => $(s));
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const count = new Intl.NumberFormat('en');
const sleep = ms => new Promise(done => setTimeout(done, ms));

let tracks = [];
let selected = null;
let quality = localStorage.getItem('quality') || '256';
/** What is heard, or was last: one of the two audio elements, and what it plays. */
let sounding = { audio: $('audio[data-slot=a]'), track: null, quality: null };
/** What is to take its place as soon as it can: the other element. */
let coming = null;

const label = name => name.toUpperCase();
const megabytes = offer => `${offer.exact ? '' : 'about '}${(offer.bytes / 1e6).toFixed(1)} MB`;
const price = offer => euros.format(offer.price / 100);
const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
const path = (track, name) => `/tracks/${track.id}/${name}`;
const file = (track, name) => `${path(track, name)}.mp3`;
const cover = track => `/tracks/${track.id}/cover`;
const offerOf = (track, name) => track.offers.find(offer => offer.profile === name);
const byline = track => [track.artist, track.album].filter(Boolean).join(' · ') || clock(track.duration);
/** The quality asked for, or the next best that this track is to be had in. */
const qualityFor = track => offerOf(track, quality) ? quality : track.offers.at(-1)?.profile;

let hideStatus = 0;
function say(text, { bad = false, stay = false } = {}) {
  clearTimeout(hideStatus);
  status.textContent = text;
  status.className = text ? `shown${bad ? ' bad' : ''}` : '';
  if (text && !stay) hideStatus = setTimeout(() => { status.className = ''; }, 4000);
}

const icon = name => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
};
const setIcon = (holder, name) => $('use', holder).setAttribute('href', `#${name}`);
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/* The list. */

function makeRow(track) {
  const picture = element('img', '');
  picture.src = cover(track);
  picture.alt = '';
  picture.loading = 'lazy';
  const art = element('span', 'art', picture, element('span', '', icon('play')));
  const names = element('span', 'names', element('b', '', track.title), element('small', '', byline(track)));
  const row = element('button', 'row', art, names, element('span', 'duration', clock(track.duration)));
  row.addEventListener('click', () => {
    select(track);
    if (sounding.track === track || coming?.track === track) toggle(); else start(track, { at: 0 });
  });
  const get = element('a', 'get', element('span', 'bytes'), element('span', 'price', element('span', ''), icon('get')));
  get.addEventListener('click', event => download(event, track, get));
  track.row = element('li', 'track', row, get);
  return track.row;
}

function showRow(track) {
  const name = qualityFor(track);
  const offer = offerOf(track, name);
  const get = $('.get', track.row);
  get.setAttribute('aria-disabled', !offer);
  $('.bytes', get).textContent = offer ? megabytes(offer) : '';
  $('.price span', get).textContent = offer ? price(offer) : 'not on offer';
  if (offer) {
    get.href = file(track, name);
    get.setAttribute('aria-label', `Download ${track.title} at ${label(name)}, ${megabytes(offer)}, ${price(offer)}`);
  }
  const now = (coming ?? sounding).track === track;
  track.row.classList.toggle('current', now);
  setIcon($('.art', track.row), now && wantsSound() ? 'pause' : 'play');
  const verb = now && wantsSound() ? 'Pause' : 'Play';
  $('.row', track.row).setAttribute('aria-label', `${verb} ${track.title}${track.artist ? ` by ${track.artist}` : ''}`);
  if (now) $('.row', track.row).setAttribute('aria-current', 'true');
  else $('.row', track.row).removeAttribute('aria-current');
}

/* The selected track. */

function select(track) {
  selected = track;
  detail.hidden = false;
  $('#cover').src = $('#thumb').src = cover(track);
  $('#title').textContent = track.title;
  $('#byline').textContent = [track.artist, track.album, clock(track.duration)].filter(Boolean).join(' · ');
  $('#now b').textContent = track.title;
  $('#now small').textContent = byline(track);
  $('#now').setAttribute('aria-label', `${track.title}: quality and download`);
  $('#lyrics').hidden = !track.lyrics;
  $('#lyrics p').textContent = track.lyrics;
  $('#toggle').disabled = $('#skip').disabled = false;
  const cards = track.offers.map(offer => {
    const input = document.createElement('input');
    Object.assign(input, { type: 'radio', name: 'quality', value: offer.profile });
    input.addEventListener('change', () => changeQuality(offer.profile));
    const text = element('div', '', element('b', '', label(offer.profile)), element('small', 'bytes'), element('small', 'price'));
    return element('label', 'card', input, text);
  });
  $('#qualities .cards').replaceChildren(...cards);
  show();
}

function show() {
  tracks.forEach(showRow);
  const loading = coming !== null || sounding.audio.seeking || (!sounding.audio.paused && sounding.audio.readyState < 3);
  player.classList.toggle('loading', loading && wantsSound());
  setIcon($('#toggle'), wantsSound() ? 'pause' : 'play');
  $('#toggle').setAttribute('aria-label', wantsSound() ? 'Pause' : 'Play');
  if (!selected) return;
  const name = qualityFor(selected);
  const offer = offerOf(selected, name);
  for (const card of $('#qualities .cards').children) {
    const input = $('input', card);
    const its = offerOf(selected, input.value);
    input.checked = input.value === name;
    $('.bytes', card).textContent = megabytes(its);
    $('.price', card).textContent = price(its);
  }
  const buy = $('#buy');
  buy.hidden = $('#chip').hidden = !offer;
  if (!offer) return;
  $('#chip span').textContent = label(name);
  buy.href = file(selected, name);
  if (!buy.hasAttribute('aria-busy')) $('span', buy).textContent = `Download for ${offer.exact ? '' : 'about '}${price(offer)}`;
  $('#exact').textContent = offer.exact
    ? `MP3 ${label(name)} · exactly ${count.format(offer.bytes)} bytes`
    : `MP3 ${label(name)} · variable: exact once it is pressed`;
}

function changeQuality(name) {
  quality = name;
  localStorage.setItem('quality', name);
  show();
  // Only what is heard is exchanged; another track may be selected on a phone's sheet.
  const now = coming ?? sounding;
  if (now.track && now.track === selected && now.quality !== name) start(now.track, { play: wantsSound() });
}

/* Playing. */

let wanted = false;
const wantsSound = () => wanted;

/** Plays `track` at the chosen quality. The same track goes on at the old one until the new one can take over. */
function start(track, { at = null, play = true } = {}) {
  abandon();
  wanted = play;
  const before = sounding;
  const takesOver = before.track === track;
  if (!takesOver) silence(before);
  const audio = [...document.querySelectorAll('audio')].find(other => other !== before.audio);
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
  on('ended', () => { if (sounding === next) skip(1) || finish(); });
  on('error', () => { if (audio.getAttribute('src')) fail(next); });
  audio.preload = 'auto';
  audio.src = file(track, next.quality);
  // Begun within the click, without a sound until it takes over: browsers allow nothing else.
  audio.muted = takesOver;
  if (play) sound(audio); else audio.load();
  tell(track);
  select(track);
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
  if (!coming) return;
  silence(coming);
  coming = null;
}

function finish() {
  wanted = false;
  show();
}

/** Finds out why nothing is heard; what is only busy is asked again. */
async function fail(what) {
  const at = what.audio.currentTime;
  silence(what);
  const answer = await fetch(file(what.track, what.quality), { headers: { Range: 'bytes=0-0' } }).catch(() => null);
  if ((coming ?? sounding) !== what) return;
  const again = answer?.headers.get('Retry-After');
  if (again || answer?.ok) {
    const seconds = Number(again ?? 1);
    say(`Many are asking. Trying again in ${seconds} s…`, { stay: true });
    await sleep(seconds * 1000);
    if ((coming ?? sounding) === what) start(what.track, { at: sounding === what ? at : null, play: wanted });
    return;
  }
  coming = null;
  if (sounding === what) sounding = { ...what, track: null };
  wanted = !sounding.audio.paused;
  say(answer ? `“${what.track.title}” cannot be played: ${(await answer.text()).trim()}.` : 'The store cannot be reached.', { bad: true, stay: true });
  show();
}

function toggle() {
  if (!selected) return;
  const now = coming ?? sounding;
  if (now.track === null) return start(selected, { at: 0 });
  wanted = !wanted;
  if (!coming) { if (wanted) sound(sounding.audio); else sounding.audio.pause(); }
  else if (sounding.track === coming.track) { if (wanted) sound(sounding.audio); else sounding.audio.pause(); }
  show();
}

function skip(by) {
  const now = (coming ?? sounding).track ?? selected;
  const next = tracks[tracks.indexOf(now) + by];
  if (next) start(next, { at: 0 });
  return Boolean(next);
}

function seekTo(seconds) {
  const { audio, track } = sounding;
  if (!track) return;
  audio.currentTime = Math.max(0, Math.min(track.duration - 0.1, seconds));
  showPosition();
}

function showPosition() {
  const track = (coming ?? sounding).track ?? selected;
  if (!track) return;
  const at = sounding.track === track ? sounding.audio.currentTime : 0;
  seek.disabled = sounding.track !== track;
  seek.max = track.duration;
  if (!seek.matches(':active')) seek.value = at;
  seek.setAttribute('aria-valuetext', `${clock(at)} of ${clock(track.duration)}`);
  $('#played').style.width = `${Math.min(100, at / track.duration * 100)}%`;
  $('#clock').textContent = `${clock(at)} / ${clock(track.duration)}`;
}

function tell(track) {
  if (!('mediaSession' in navigator)) return;
  const { title, artist, album } = track;
  navigator.mediaSession.metadata = new MediaMetadata({ title, artist, album, artwork: [{ src: cover(track) }] });
}

/* What exists already. */

let watching = null;

/** Shows which parts of what is played exist, until all do. */
async function watch() {
  const { track, quality: name } = coming ?? sounding;
  const watched = watching = { track, name };
  $('#ready').replaceChildren();
  showPosition();
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
async function progressOf(track, name) {
  const answer = await fetch(`${path(track, name)}/progress`).catch(() => null);
  if (!answer?.ok) return null;
  const progress = await answer.json();
  const before = offerOf(track, name);
  if (progress.offer && (before.exact !== progress.offer.exact || before.bytes !== progress.offer.bytes)) {
    Object.assign(before, progress.offer);
    show();
  }
  return progress;
}

/* Downloads. */

/** Waits until there is something to be downloaded, and tells how far it is. */
async function download(event, track, button) {
  event.preventDefault();
  if (button.hasAttribute('aria-busy')) return;
  const name = qualityFor(track);
  button.setAttribute('aria-busy', 'true');
  const text = button.id === 'buy' ? $('span', button) : null;
  const tellProgress = async () => {
    while (button.hasAttribute('aria-busy')) {
      const progress = await progressOf(track, name);
      if (progress && text && button.hasAttribute('aria-busy')) {
        text.textContent = `Pressing… ${Math.floor(progress.done * 100)} %`;
        button.style.setProperty('--done', `${progress.done * 100}%`);
      }
      await sleep(350);
    }
  };
  if (!offerOf(track, name).exact) tellProgress();
  let answer = null;
  for (;;) {
    answer = await fetch(file(track, name), { headers: { Range: 'bytes=0-0' } }).catch(() => null);
    const again = answer?.headers.get('Retry-After');
    if (!again) break;
    say(`Many are asking. Your download starts in ${again} s…`, { stay: true });
    await sleep(Number(again) * 1000);
  }
  await progressOf(track, name);
  button.removeAttribute('aria-busy');
  button.style.removeProperty('--done');
  if (answer?.ok) {
    const link = document.createElement('a');
    link.href = file(track, name);
    link.download = '';
    link.click();
    setIcon(button, 'done');
    say(`Downloading “${track.title}”`);
    setTimeout(() => setIcon(button, 'get'), 2500);
  } else {
    say(answer ? `“${track.title}” cannot be downloaded: ${(await answer.text()).trim()}.` : 'The store cannot be reached.', { bad: true });
  }
  show();
}

/* Controls. */

const sheet = open => {
  document.body.classList.toggle('sheet', open);
  $(open ? '#close' : '#now').focus({ preventScroll: true });
};
$('#toggle').addEventListener('click', toggle);
$('#skip').addEventListener('click', () => skip(1));
$('#now').addEventListener('click', () => sheet(true));
$('#chip').addEventListener('click', () => { sheet(true); $('#qualities input:checked')?.focus(); });
$('#close').addEventListener('click', () => sheet(false));
$('#veil').addEventListener('click', () => sheet(false));
$('#buy').addEventListener('click', event => download(event, selected, $('#buy')));
seek.addEventListener('change', () => seekTo(Number(seek.value)));
seek.addEventListener('input', () => {
  $('#played').style.width = `${seek.value / seek.max * 100}%`;
  $('#clock').textContent = `${clock(seek.value)} / ${clock(seek.max)}`;
});
if ('mediaSession' in navigator) {
  const act = (action, does) => navigator.mediaSession.setActionHandler(action, does);
  act('play', toggle);
  act('pause', toggle);
  act('nexttrack', () => skip(1));
  act('previoustrack', () => skip(-1));
  act('seekto', to => seekTo(to.seekTime));
}

document.addEventListener('keydown', event => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const inRadio = event.target.matches('input[type=radio]');
  const rows = [...list.querySelectorAll('.row')];
  const row = rows.indexOf(document.activeElement);
  const keys = {
    ' ': () => !event.target.matches('button, a, input[type=radio], summary') && toggle() !== false,
    ArrowLeft: () => !inRadio && (seekTo(sounding.audio.currentTime - 5), true),
    ArrowRight: () => !inRadio && (seekTo(sounding.audio.currentTime + 5), true),
    ArrowUp: () => !inRadio && event.target !== seek && (rows[row < 0 ? 0 : Math.max(0, row - 1)]?.focus(), true),
    ArrowDown: () => !inRadio && event.target !== seek && (rows[Math.min(rows.length - 1, row + 1)]?.focus(), true),
    Escape: () => document.body.classList.contains('sheet') && (sheet(false), true),
  };
  if (keys[event.key]?.()) event.preventDefault();
});

async function open() {
  const answer = await fetch('/tracks').catch(() => null);
  list.removeAttribute('aria-busy');
  if (!answer?.ok) {
    list.replaceChildren();
    $('#empty').hidden = false;
    $('#empty').textContent = 'The store cannot be reached. Reload the page to try again.';
    return;
  }
  tracks = await answer.json();
  list.replaceChildren(...tracks.map(makeRow));
  $('#empty').hidden = tracks.length > 0;
  $('#empty').textContent = 'There is no music here yet.';
  player.hidden = tracks.length === 0;
  if (tracks.length) select(tracks[0]);
  showPosition();
}
open();
