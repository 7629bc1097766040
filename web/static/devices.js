/** devices.js – cameras and microphones, and texts for their errors. */

/** @typedef {'audio'|'video'} Kind */

/** @param {unknown} err @param {Kind|'both'} kind @returns {string} the error, and what the user can do */
export function explain(err, kind) {
  const what = kind === 'both' ? 'camera and microphone' : kind === 'video' ? 'camera' : 'microphone';
  switch (err instanceof Error ? err.name : '') {
    case 'NotAllowedError': return `The browser does not let this page use the ${what}. Allow it beside the address, or join without.`;
    case 'NotFoundError': return `No ${what} was found. You can join without.`;
    case 'NotReadableError':
    case 'AbortError': return `The ${what} cannot be opened; another program may be using it.`;
    case 'OverconstrainedError': return `The chosen ${what} is gone. Pick another one.`;
    case 'InsecureContext': return `Browsers give the ${what} only to pages on HTTPS or localhost. You can join without.`;
  }
  return `The ${what} did not start: ${err instanceof Error ? err.message : err}`;
}

/**
 * Opens one device; '' is the browser's choice.
 * @param {Kind} kind
 * @param {string} id
 * @returns {Promise<MediaStreamTrack>}
 */
export async function open(kind, id) {
  if (!navigator.mediaDevices) throw Object.assign(new Error('not a secure page'), {name: 'InsecureContext'});
  const deviceId = id ? {exact: id} : undefined;
  const stream = await navigator.mediaDevices.getUserMedia(kind === 'video'
    ? {video: {deviceId, width: {ideal: 1280}, height: {ideal: 720}, frameRate: {ideal: 25, max: 30}}}
    : {audio: {deviceId, echoCancellation: true, noiseSuppression: true, autoGainControl: true}});
  return stream.getTracks()[0];
}

/** Fills a select with the devices of a kind. @param {HTMLSelectElement} select @param {Kind} kind @param {string} chosen */
export async function offer(select, kind, chosen) {
  const all = navigator.mediaDevices ? await navigator.mediaDevices.enumerateDevices() : [];
  const fit = all.filter((d) => d.kind === `${kind}input` && d.deviceId);
  const none = new Option(kind === 'video' ? 'No camera' : 'No microphone', 'none');
  select.replaceChildren(...fit.map((d, i) => new Option(d.label || `${kind === 'video' ? 'Camera' : 'Microphone'} ${i + 1}`, d.deviceId)), none);
  select.value = fit.some((d) => d.deviceId === chosen) ? chosen : 'none';
}

/** Shows the level of a microphone, ten times a second. */
export class LevelMeter {
  /** @type {AudioContext|null} */
  #context = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;

  /** @param {HTMLElement} bar its width is scaled */
  constructor(bar) { this.bar = bar; }

  /** @param {MediaStreamTrack|null} track */
  watch(track) {
    this.stop();
    if (!track) return;
    const context = this.#context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
      this.#show(track.enabled ? Math.max(0, 1 + Math.log10(rms + 1e-6) / 3) : 0);
    }, 100);
  }

  stop() {
    clearInterval(this.#timer);
    this.#context?.close();
    this.#context = null;
    this.#show(0);
  }

  /** @param {number} part */
  #show(part) { this.bar.style.transform = `scaleX(${Math.min(1, part).toFixed(3)})`; }
}
