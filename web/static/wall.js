/**
 * wall.js – a wall display: only the video, for months. It reconnects for ever, and video that is not live does not
 * look live.
 *
 * Query: view, spotlight, exclude (may be repeated), page, rung, audio=0, token.
 */

import {Client} from './azulejo.js';
import {Tiles} from './tiles.js';
import {byId, fillRoom, roomOfPage, sentence, tokenOfPage} from './ui.js';

const query = new URLSearchParams(location.search);
const room = roomOfPage();
const video = byId('wall', HTMLVideoElement);
const truth = byId('truth', HTMLElement);
const title = byId('title', HTMLElement);
const text = byId('text', HTMLElement);
const toast = byId('toast', HTMLElement);
const note = byId('note', HTMLElement);
const sense = byId('sense', HTMLButtonElement);
const listen = query.get('audio') !== '0';
const asked = (/** @type {string} */ name) => query.get(name) || undefined;
const excluded = query.getAll('exclude').filter(Boolean);
/** the selection in the address */
const home = {view: asked('view'), spotlight: asked('spotlight'), exclude: excluded.length ? excluded : undefined, page: Number(asked('page')) || undefined};

/** @type {Date|null} the time of the newest frame */
let newest = null;
let why = '';

const client = new Client({
  room,
  name: '',
  token: tokenOfPage() || undefined,
  listen,
  select: {...home, rung: asked('rung')},
  persistent: true,
});
const tiles = new Tiles(video, {view: 'main', ...defined(home)}, (name) => say(name ? `${name}: tap again for all` : 'All'));

/** @template {object} T @param {T} some @returns {Partial<T>} without what is undefined */
function defined(some) {
  return /** @type {Partial<T>} */ (Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)));
}

client.on('stream', (stream) => {
  newest = new Date();
  video.srcObject = stream;
  client.follow(video);
  video.play().catch(() => { // browsers refuse audio without a click after a reload
    video.muted = true;
    video.play().catch(() => {});
  });
});
client.on('stats', () => { newest = new Date(); });
client.on('state', ({state, reason, attempt}) => {
  document.body.dataset.state = state;
  const live = state === 'live';
  if (state === 'connecting') refused = '';
  document.body.classList.toggle('stale', !live);
  truth.hidden = live;
  if (live) {
    why = '';
    return;
  }
  if (reason) why = sentence(reason);
  const first = attempt === 1 && !why;
  title.textContent = first ? 'Connecting…' : refused || 'No picture';
  text.textContent = first ? '' : [why, newest && `Last picture ${newest.toLocaleString()}.`, state !== 'closed' && 'Trying again…'].filter(Boolean).join(' ');
});

/** The mistake in the address of this wall, by the code of the server's error. */
const wrong = new Map([
  ['unsupported', 'The address of this wall asks for what is not there'], ['bad_view', 'The address of this wall asks for what is not there'],
  ['unauthorized', 'The token of this wall is no longer good'], ['forbidden', 'The token of this wall does not open it'],
]);
/** The reason why the server refuses the selection of the address; '' while it does not. */
let refused = '';
client.on('error', ({code, message}) => {
  refused = wrong.get(code) || refused;
  if (!wrong.has(code)) say(message);
});
client.on('layout', missing);

/** Shows a note while no participant has the name that the address puts in the spotlight. @param {import('./azulejo.js').Layout} layout */
function missing({tiles}) {
  const who = home.spotlight;
  const here = !who || tiles.some((t) => t.id === who || t.name === who);
  remark(here ? '' : `Nobody here is called “${who}”.`);
}

/** @param {string} words shown over the video; '' none */
function remark(words) {
  const audio = query.get('audio');
  note.textContent = [words, audio && audio !== '0' && audio !== '1' && `audio=${audio}: accepted are 0 and 1.`].filter(Boolean).join(' ');
  note.hidden = !note.textContent;
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let toastTimer;
/** @param {string} words */
function say(words) {
  toast.textContent = words;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { toast.hidden = true; }, 2500);
}

function toggleSound() {
  if (!listen) return say('This wall is without sound');
  video.muted = !video.muted;
  sense.classList.toggle('off', video.muted);
  sense.setAttribute('aria-label', video.muted ? 'Turn sound on' : 'Turn sound off');
  say(video.muted ? 'Sound off' : 'Sound on');
}

sense.addEventListener('click', toggleSound);
document.addEventListener('keydown', (e) => {
  if (tiles.key(e) || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'm') toggleSound();
  if (e.key === 'f') document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen().catch(() => {});
});

/** @type {ReturnType<typeof setTimeout>|undefined} */
let idleTimer;
function stir() {
  document.body.classList.remove('idle');
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => document.body.classList.add('idle'), 3000);
}
for (const kind of ['pointermove', 'pointerdown', 'keydown']) document.addEventListener(kind, stir);

/** Keeps the display awake. The browser releases the lock when the page is hidden. */
async function stayAwake() {
  if (document.visibilityState !== 'visible' || !navigator.wakeLock) return;
  await navigator.wakeLock.request('screen').catch(() => {}); // it is refused on low battery
}
document.addEventListener('visibilitychange', stayAwake);

/** A jump of the clock means that the machine slept. */
let last = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - last > 10000) client.check();
  last = now;
}, 1000);

document.title = `${room} – wall`;
fillRoom(room);
sense.hidden = !listen;
remark('');
stir();
stayAwake();
tiles.follow(client);
client.open();
