/** picture.js – reads what a video element shows. patch, motion, life, under and agreement run inside the page; evaluate() passes them there. */

import {until} from './server.js';

/**
 * Waits until the video of the page moves: frames arrive, its clock advances, and a rectangle of it is neither black
 * nor still. A busy machine gets time.
 * @param {any} page @param {string} selector @param {{x: number, y: number, w: number, h: number}} area
 */
export async function moves(page, selector, area) {
  return until(`a moving picture in ${selector}`, 20000, async () => {
    const shown = await page.evaluate(motion, {selector, ms: 1500});
    const alive = await page.evaluate(life, {selector, ...area});
    if (shown.frames >= 12 && shown.advanced > 0.7 && alive.brightness > 30 && alive.changed > 0.004) return shown;
    throw new Error(JSON.stringify({shown, alive}));
  });
}

/**
 * Counts the new frames within ms.
 * @param {{selector: string, ms: number}} what
 */
export async function motion({selector, ms}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector(selector));
  let frames = 0, on = true;
  const count = () => {
    frames++;
    if (on) video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
  const start = video.currentTime;
  await new Promise((done) => setTimeout(done, ms));
  on = false;
  return {frames, advanced: video.currentTime - start, width: video.videoWidth, height: video.videoHeight};
}

/**
 * The rectangle around one colour, in pixels of the video, and the share of it that has the colour.
 * @param {{selector: string, rgb: number[]}} what
 */
export function patch({selector, rgb}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector(selector));
  const scale = 4, w = Math.floor(video.videoWidth / scale), h = Math.floor(video.videoHeight / scale);
  if (!w) return null;
  const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), {width: w, height: h}).getContext('2d'));
  context.drawImage(video, 0, 0, w, h);
  const {data} = context.getImageData(0, 0, w, h);
  let left = w, right = -1, top = h, bottom = -1, hits = 0;
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 4 * (y * w + x);
      if (Math.abs(data[at] - rgb[0]) > 40 || Math.abs(data[at + 1] - rgb[1]) > 40 || Math.abs(data[at + 2] - rgb[2]) > 40) continue;
      hits++;
      left = Math.min(left, x); right = Math.max(right, x);
      top = Math.min(top, y); bottom = Math.max(bottom, y);
    }
  }
  if (!hits) return null;
  const box = {x: left * scale, y: top * scale, w: (right - left + 1) * scale, h: (bottom - top + 1) * scale};
  return {...box, share: hits / ((right - left + 1) * (bottom - top + 1))};
}

/**
 * The brightness of a rectangle and the share of it that changes within a second: live video is neither black nor still.
 * @param {{selector: string, x: number, y: number, w: number, h: number}} what
 */
export async function life({selector, x, y, w, h}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector(selector));
  const read = () => {
    const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), {width: 64, height: 36}).getContext('2d'));
    context.drawImage(video, x, y, w, h, 0, 0, 64, 36);
    return context.getImageData(0, 0, 64, 36).data;
  };
  const before = read();
  await new Promise((done) => setTimeout(done, 1000));
  const after = read();
  let sum = 0, changed = 0;
  for (let i = 0; i < after.length; i += 4) {
    sum += after[i] + after[i + 1] + after[i + 2];
    if (Math.abs(after[i] - before[i]) + Math.abs(after[i + 1] - before[i + 1]) + Math.abs(after[i + 2] - before[i + 2]) > 60) changed++;
  }
  return {brightness: sum / (after.length / 4 * 3), changed: changed / (after.length / 4)};
}

/**
 * The tiles that the page knows, from the largest down, and the colour of the video under the middle of each.
 * @param {{selector: string}} what
 */
export function under({selector}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector(selector));
  if (!video?.videoWidth) return [];
  const box = video.getBoundingClientRect();
  const scale = Math.min(box.width / video.videoWidth, box.height / video.videoHeight);
  const left = box.x + (box.width - video.videoWidth * scale) / 2, top = box.y + (box.height - video.videoHeight * scale) / 2;
  const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d'));
  return [...document.querySelectorAll('.tile')].map((node) => {
    const r = node.getBoundingClientRect();
    context.drawImage(video, (r.x + r.width / 4 - left) / scale, (r.y + r.height / 4 - top) / scale, r.width / 2 / scale, r.height / 2 / scale, 0, 0, 1, 1);
    return {id: /** @type {HTMLElement} */ (node).dataset.id || '', area: r.width * r.height, rgb: [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]};
  });
}

/**
 * Counts frames, and those whose colours are not those of the tiles over them, until the tiles have changed so often.
 * window.agreement has the counts so far.
 * @param {{selector: string, colours: Record<string, number[]>, changes: number}} what
 */
export async function agreement({selector, colours, changes}) {
  const video = /** @type {HTMLVideoElement} */ (document.querySelector(selector));
  const small = {width: 64, height: 36};
  const context = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), small).getContext('2d', {willReadFrequently: true}));
  const counted = /** @type {any} */ (window).agreement = {frames: 0, wrong: 0, changes: 0};
  let shape = '';
  const tiles = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.tile')]).map(({style, dataset}) => {
    const part = (/** @type {string} */ s) => parseFloat(s) / 100;
    return {id: dataset.id || '', x: part(style.left), y: part(style.top), w: part(style.width), h: part(style.height)};
  });
  while (counted.changes < changes) {
    await new Promise((done) => video.requestVideoFrameCallback(done)); // the page's own callback came first
    context.drawImage(video, 0, 0, small.width, small.height);
    const now = tiles();
    const good = now.every(({id, x, y, w, h}) => {
      const {data} = context.getImageData(Math.floor((x + w / 2) * small.width), Math.floor((y + h / 2) * small.height), 1, 1);
      return colours[id].every((n, i) => Math.abs(n - data[i]) < 40);
    });
    counted.frames++;
    if (!good) counted.wrong++;
    const is = JSON.stringify(now);
    if (shape && is !== shape) counted.changes++;
    shape = is;
  }
  return counted;
}
