/** picture.js – what a video element shows. patch, motion and life run inside the page; evaluate() passes them there. */

import {until} from './server.js';

/**
 * The page's video moves in every sense: pictures come, its clock advances, and a rectangle of it
 * is neither black nor still. A machine that is busy with other things gets time.
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
 * Counts new pictures for a while.
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
 * Finds the rectangle of one colour, in pixels of the picture, and how much of it has the colour.
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
 * How bright a rectangle is and how much it changes within a second: a picture is neither black nor still.
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
