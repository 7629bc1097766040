/** Every page loads without a complaint, at every size, with and without something to show. */

import assert from 'node:assert/strict';
import test from 'node:test';
import {openChromium, openFirefox, watch} from './browsers.js';
import {demo} from './server.js';

const addresses = ['/', '/join/demo', '/join/nobody', '/wall/demo', '/footage/demo', '/footage/nobody'];

test('Chromium: no page complains or needs to be scrolled sideways', {timeout: 120000}, async (t) => {
  const server = await demo(t, 2);
  const browser = await openChromium(t);
  for (const [width, height] of [[1280, 800], [360, 640]]) {
    const context = await browser.newContext({viewport: {width, height}, isMobile: width < 500});
    for (const address of addresses) {
      const page = await context.newPage();
      watch(t, page);
      await page.goto(server.url + address, {waitUntil: 'networkidle'});
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${address} is ${wide} px too wide for ${width} px`);
      await page.close();
    }
  }
});

test('Firefox: no page complains', {timeout: 120000}, async (t) => {
  const server = await demo(t, 2);
  const browser = await openFirefox(t);
  for (const address of addresses) {
    const page = await browser.newPage();
    watch(t, page);
    await page.goto(server.url + address);
    await page.waitForFunction(() => document.readyState === 'complete');
    await page.close();
  }
});

test('the front page shows the rooms and leads into them', {timeout: 60000}, async (t) => {
  const server = await demo(t, 2);
  const browser = await openChromium(t);
  const page = await browser.newPage();
  watch(t, page);
  await page.goto(server.url);
  const card = page.locator('.room', {hasText: 'demo'});
  await card.waitFor();
  assert.match(await card.textContent() || '', /2 tiles.*recording/);
  assert.equal(await card.locator('rect').count(), 2);
  await card.getByText('Wall').click();
  await page.waitForURL(`${server.url}/wall/demo`);
  await page.goto(server.url);
  await page.fill('#room', 'yard');
  await page.press('#room', 'Enter');
  await page.waitForURL(`${server.url}/join/yard`);
});
