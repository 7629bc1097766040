/** nat.js – a NAT between a browser and the media port of the server: a test can stop and replace it. */

import {createSocket} from 'node:dgram';
import {once} from 'node:events';
import {defer} from './server.js';

/**
 * A UDP port that forwards to another one, for one client.
 * @param {import('node:test').TestContext} t @param {number} to
 */
export async function openNAT(t, to) {
  const inner = createSocket('udp4'), outer = createSocket('udp4');
  const sockets = [inner, outer];
  let dead = false;
  /** @type {import('node:dgram').RemoteInfo|undefined} */
  let client;
  inner.on('message', (data, from) => {
    client = from;
    if (!dead) outer.send(data, to, '127.0.0.1');
  });
  outer.on('message', (data) => { if (client && !dead) inner.send(data, client.port, client.address); });
  for (const socket of sockets) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    defer(t, () => socket.close());
  }
  return {port: inner.address().port, die: () => { dead = true; }};
}
