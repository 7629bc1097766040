/** join.js – the lobby and the room: select devices, join, see and be seen, leave. */

import {Client, newKey} from './azulejo.js';
import {LevelMeter, explain, offer, open} from './devices.js';
import {People} from './people.js';
import {ScreenShare} from './screen.js';
import {Tiles} from './tiles.js';
import {address, api, byId, count, fillRoom, flow, nameOfToken, roomOfPage, sentence, setIcon, tokenOfPage} from './ui.js';

/** @typedef {'audio'|'video'} Kind */

const room = roomOfPage();
const page = {
  lobby: byId('lobby', HTMLElement), call: byId('call', HTMLElement), gone: byId('gone', HTMLElement),
  mirror: byId('mirror', HTMLVideoElement), stage: byId('stage', HTMLVideoElement),
  blank: byId('blank', HTMLElement), trouble: byId('trouble', HTMLElement),
  veil: byId('veil', HTMLElement), veilTitle: byId('veil-title', HTMLElement), veilText: byId('veil-text', HTMLElement),
  turning: byId('turning', HTMLElement), sound: byId('sound', HTMLButtonElement), numbers: byId('numbers', HTMLElement), busy: byId('busy', HTMLElement),
  name: byId('name', HTMLInputElement), goneTitle: byId('gone-title', HTMLElement), goneText: byId('gone-text', HTMLElement),
};
/** @type {Record<Kind, HTMLSelectElement>} */
const select = {video: byId('camera', HTMLSelectElement), audio: byId('microphone', HTMLSelectElement)};
/** @type {Record<Kind, HTMLButtonElement[]>} */
const buttons = {
  audio: [byId('lobby-mic', HTMLButtonElement), byId('mic', HTMLButtonElement)],
  video: [byId('lobby-cam', HTMLButtonElement), byId('cam', HTMLButtonElement)],
};
/** @type {Record<Kind, MediaStreamTrack|null>} */
const tracks = {audio: null, video: null};
/** @type {Record<Kind, number>} counts requests; a device that opens for an older request is closed again */
const turns = {audio: 0, video: 0};
/** @type {Record<Kind, boolean>} what the user switched off */
const off = {audio: false, video: false};
/** @type {Partial<Record<Kind, string>>} */
const troubles = {};
const meter = new LevelMeter(byId('level', HTMLElement));
const people = new People(byId('here', HTMLElement));
const tiles = new Tiles(page.stage, {view: 'main'});
const screen = new ScreenShare(byId('screen', HTMLButtonElement), (words) => { note = words; notify(); });
/** @type {Client|null} */
let client = null;
let me = '';

// A reload takes the same place back; a duplicated tab must not, so the key rests in the
// storage only while no page holds it.
const key = sessionStorage.getItem(`key/${room}`) || newKey();
sessionStorage.removeItem(`key/${room}`);
addEventListener('pagehide', () => sessionStorage.setItem(`key/${room}`, key));

/** Closes the open device of a kind, and one that is opening. @param {Kind} kind @returns {number} the number of the request */
function drop(kind) {
  tracks[kind]?.stop();
  tracks[kind] = null;
  return ++turns[kind];
}

/** Opens the selected device in place of the open one. @param {Kind} kind @param {string} id '' any, 'none' none */
async function use(kind, id) {
  const turn = drop(kind);
  delete troubles[kind];
  if (id !== 'none' && !off[kind]) {
    try {
      const track = await open(kind, id);
      if (turn !== turns[kind]) return track.stop();
      tracks[kind] = track;
      track.addEventListener('ended', () => lost(kind, track));
    } catch (err) {
      if (turn !== turns[kind]) return;
      troubles[kind] = explain(err, kind);
    }
  }
  await client?.setTrack(kind, tracks[kind]);
  show(kind);
}

/** @param {Kind} kind @param {MediaStreamTrack} track */
function lost(kind, track) {
  if (tracks[kind] !== track) return;
  troubles[kind] = `The ${kind === 'video' ? 'camera' : 'microphone'} was unplugged or taken away.`;
  tracks[kind] = null;
  client?.setTrack(kind, null);
  show(kind);
}

/** Draws the state of one kind everywhere it shows. @param {Kind} kind */
function show(kind) {
  const none = !tracks[kind];
  const words = kind === 'audio'
    ? {on: 'Mute', off: 'Unmute', label: none ? 'Unmute microphone' : 'Mute microphone'}
    : {on: 'Camera off', off: 'Camera on', label: none ? 'Turn camera on' : 'Turn camera off'};
  for (const button of buttons[kind]) {
    button.setAttribute('aria-pressed', String(none));
    setIcon(button, `${kind === 'audio' ? 'mic' : 'cam'}${none ? '-off' : ''}`);
    const span = button.querySelector('span');
    if (span) span.textContent = none ? words.off : words.on;
    else button.setAttribute('aria-label', words.label);
  }
  client?.mute({[kind]: none});
  if (kind === 'video') mirror();
  else if (!client) meter.watch(tracks.audio);
  page.trouble.textContent = Object.values(troubles).join(' ');
  page.trouble.hidden = !page.trouble.textContent;
  if (client) notify();
}

function mirror() {
  page.mirror.srcObject = tracks.video && !client ? new MediaStream([tracks.video]) : null;
  page.blank.hidden = Boolean(tracks.video);
  page.blank.textContent = off.video || select.video.value === 'none' ? 'Your camera is off. Your tile shows your name.' : troubles.video || 'Waiting for the camera…';
}

/** @param {Kind} kind */
async function toggle(kind) {
  const on = !tracks[kind];
  off[kind] = !on;
  for (const b of buttons[kind]) b.disabled = true;
  await use(kind, on && select[kind].value === 'none' ? '' : select[kind].value);
  if (on && tracks[kind]) await offer(select[kind], kind, tracks[kind].getSettings().deviceId || '');
  for (const b of buttons[kind]) b.disabled = false;
}

/** Requests both devices at once, then each alone if that failed. */
async function begin() {
  page.name.value = nameOfToken() || localStorage.getItem('name') || '';
  page.name.readOnly = nameOfToken() !== '';
  company();
  await Promise.all([use('video', ''), use('audio', '')]);
  for (const kind of /** @type {Kind[]} */ (['video', 'audio'])) {
    await offer(select[kind], kind, tracks[kind]?.getSettings().deviceId || '');
  }
  mirror();
}

/** Shows the participants of the room. With a token it requests this room, since the list needs more; without one it uses
 * the list, which does not fail for a room that is not open. */
async function company() {
  const rooms = tokenOfPage()
    ? [await api(`/api/v1/rooms/${encodeURIComponent(room)}`).catch(() => null)]
    : (await api('/api/v1/rooms').catch(() => ({rooms: []}))).rooms;
  const here = rooms.find((/** @type {{room: string}|null} */ r) => r?.room === room)?.participants.length || 0;
  byId('company', HTMLElement).textContent = here ? `${count(here, 'other')} ${here === 1 ? 'is' : 'are'} in the picture already.` : 'Nobody is here yet.';
}

function join() {
  if (!nameOfToken()) localStorage.setItem('name', page.name.value.trim());
  meter.stop();
  client = new Client({room, name: page.name.value.trim(), key, token: tokenOfPage() || undefined, publish: {...tracks}});
  client.on('stream', play);
  client.on('joined', ({id}) => { me = id; });
  client.on('participants', (list) => people.show(list, me));
  client.on('layout', (layout) => people.update(layout.tiles));
  client.on('overload', busy);
  tiles.follow(client);
  screen.offer({room, name: page.name.value.trim(), token: tokenOfPage() || undefined});
  client.on('stats', numbers);
  client.on('state', state);
  client.on('error', (e) => { note = e.message; notify(); setTimeout(() => { note = ''; }, 6000); });
  page.lobby.hidden = true;
  page.gone.hidden = true;
  page.call.hidden = false;
  client.open();
  show('audio');
  show('video');
}

/** @param {MediaStream} stream */
function play(stream) {
  page.stage.srcObject = stream;
  client?.follow(page.stage);
  page.stage.play().catch(() => { page.sound.hidden = false; veil('Ready', '', false); });
}

/** @param {import('./azulejo.js').StateChange} change */
function state({state, reason, attempt}) {
  page.call.dataset.state = state;
  if (state === 'live') { note = ''; page.sound.hidden = true; page.veil.hidden = true; return; }
  if (state === 'closed') return ended(reason);
  if (state === 'waiting') veil('Reconnecting…', sentence(reason), true);
  else if (attempt === 1) veil('Connecting…', '', true);
  page.numbers.textContent = state === 'waiting' ? sentence(reason) : 'Connecting…';
}

/** What the server omits at each level of overload. */
const less = ['', 'The server is busy.', 'The server is busy: half as many pictures a second.', 'The server is busy: smaller pictures, and fewer.'];

/** @param {{level: number}} overload */
function busy({level}) {
  page.busy.textContent = less[Math.min(level, 3)];
  page.busy.hidden = !level;
}

/** @param {string} title @param {string} text @param {boolean} busy */
function veil(title, text, busy) {
  page.veil.hidden = false;
  page.veilTitle.textContent = title;
  page.veilText.textContent = text;
  page.turning.hidden = !busy;
}

let note = '';
function notify() {
  const trouble = page.trouble.textContent || note;
  if (trouble) page.numbers.textContent = trouble;
}

/** @param {import('./azulejo.js').Stats} stats */
function numbers(stats) {
  const parts = [];
  if (stats.down) parts.push(flow(stats.down));
  if (stats.up && tracks.video) parts.push(`sending ${flow(stats.up)}`);
  if (stats.roundTrip !== null) parts.push(`${Math.round(stats.roundTrip)} ms away`);
  page.numbers.textContent = parts.join('  –  ');
  notify();
}

/** @param {string} reason '' when the user left */
function ended(reason) {
  client = null;
  tiles.follow(null);
  screen.stop();
  busy({level: 0});
  page.stage.srcObject = null;
  page.call.hidden = true;
  page.gone.hidden = false;
  page.goneTitle.textContent = reason ? 'You are not in the room.' : 'You have left.';
  page.goneText.textContent = reason && sentence(reason);
  for (const kind of /** @type {Kind[]} */ (['audio', 'video'])) drop(kind);
  byId('again', HTMLButtonElement).focus();
}

byId('enter', HTMLFormElement).addEventListener('submit', (e) => { e.preventDefault(); join(); });
byId('leave', HTMLButtonElement).addEventListener('click', () => client?.close());
byId('again', HTMLButtonElement).addEventListener('click', async () => {
  page.gone.hidden = true;
  page.lobby.hidden = false;
  await Promise.all([use('video', select.video.value), use('audio', select.audio.value)]);
});
page.sound.addEventListener('click', () => { page.stage.play(); page.sound.hidden = true; page.veil.hidden = true; });
for (const kind of /** @type {Kind[]} */ (['audio', 'video'])) {
  for (const button of buttons[kind]) button.addEventListener('click', () => toggle(kind));
  select[kind].addEventListener('change', () => { off[kind] = select[kind].value === 'none'; use(kind, select[kind].value); });
}
document.addEventListener('keydown', (e) => {
  if (!client || tiles.key(e) || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === 'm') toggle('audio');
  if (e.key === 'v') toggle('video');
});

document.title = `Join ${room}`;
fillRoom(room);
page.gone.querySelector('[data-door]')?.setAttribute('href', address('footage', room));
begin();
