/** browsers.js – Debian's Chromium and Firefox with cameras of known colour; every page is watched for errors. */

import assert from 'node:assert/strict';
import {chromium} from 'playwright-core';
import puppeteer from 'puppeteer-core';
import {defer} from './server.js';

const chromiumPath = process.env.AZULEJO_CHROMIUM || '/usr/bin/chromium';
const firefoxPath = process.env.AZULEJO_FIREFOX || '/usr/bin/firefox-esr';

const flags = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection',
];

/**
 * @param {import('node:test').TestContext} t
 * @param {{camera?: string, deny?: boolean}} [options] a y4m file the camera plays; deny: the user refuses it
 */
export async function openChromium(t, {camera, deny} = {}) {
  const args = flags.filter((f) => !(deny && f === '--use-fake-ui-for-media-stream'));
  if (camera) args.push(`--use-file-for-fake-video-capture=${camera}`);
  if (deny) args.push('--deny-permission-prompts');
  const browser = await chromium.launch({executablePath: chromiumPath, args, headless: false});
  defer(t, () => browser.close());
  return browser;
}

/** @param {import('node:test').TestContext} t */
export async function openFirefox(t) {
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath: firefoxPath, headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0,
      'media.peerconnection.ice.loopback': true, 'media.peerconnection.ice.obfuscate_host_addresses': false,
      'dom.min_background_timeout_value': 4, 'dom.min_background_timeout_value_without_budget_throttling': 4, 'dom.timeout.enable_budget_timer_throttling': false, // no page is throttled
    },
  });
  defer(t, () => browser.close());
  return browser;
}

/**
 * Collects the errors of a page and fails the test for them.
 * @param {import('node:test').TestContext} t
 * @param {{on: Function}} page of playwright or puppeteer
 * @param {RegExp} [expected] errors that this test causes
 */
export function watch(t, page, expected = /(?!)/) {
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (/** @type {any} */ m) => { if (m.type() === 'error' || m.type() === 'assert') complaints.push(m.text()); });
  page.on('pageerror', (/** @type {Error} */ err) => complaints.push(String(err.stack || err)));
  defer(t, () => assert.deepEqual(complaints.filter((c) => !expected.test(c)), [], 'the page complained'));
}

/** Fills in the lobby and joins. @param {any} page @param {string} url @param {string} name */
export async function join(page, url, name) {
  await page.goto(url);
  await page.waitForFunction(() => document.querySelector('#camera option'));
  await page.evaluate((/** @type {string} */ name) => { /** @type {HTMLInputElement} */ (document.querySelector('#name')).value = name; }, name);
  await page.evaluate(() => /** @type {HTMLButtonElement} */ (document.querySelector('#join')).click());
}
