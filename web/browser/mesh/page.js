/*
 * A client as people have them: a mesh over STOMP, with sockjs-client 1.5.1 and stompjs 2.3.3. It knows nothing of
 * azulejo. It reads from its address: server, room, transport, colour, token, and waits, if it should not begin.
 */
/* global SockJS, Stomp */
'use strict';

const ask = new URLSearchParams(location.search);
const room = ask.get('room');
const me = Math.random().toString(36).slice(2);
const others = []; // keys heard
const peers = new Map(); // by key
window.state = {transport: '', refused: '', heard: others};

let local, client;

/** A picture of one colour that is never the same, and the microphone. */
async function capture() {
  const canvas = document.querySelector('#mine'), context = canvas.getContext('2d');
  let n = 0;
  const draw = () => {
    context.fillStyle = `#${ask.get('colour')}`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = n++ % 2 ? '#fff' : '#000';
    context.fillRect(0, 0, 4, 4);
  };
  draw();
  setInterval(draw, 100);
  const stream = canvas.captureStream(10);
  const sound = await navigator.mediaDevices.getUserMedia({audio: true});
  for (const track of sound.getAudioTracks()) stream.addTrack(track);
  return stream;
}

function show(key, stream) {
  let video = document.getElementById(`v-${key}`);
  if (!video) {
    video = Object.assign(document.createElement('video'), {id: `v-${key}`, autoplay: true, muted: true, playsInline: true});
    document.querySelector('#remote').append(video);
  }
  video.srcObject = stream;
}

function connection(key) {
  const pc = new RTCPeerConnection();
  pc.addEventListener('icecandidate', ({candidate}) => {
    if (!candidate) return;
    client.send(`/app/peer/iceCandidate/${key}/${room}`, {}, JSON.stringify({key: me, body: candidate}));
  });
  pc.addEventListener('track', (e) => show(key, e.streams[0]));
  for (const track of local.getTracks()) pc.addTrack(track, local);
  peers.set(key, pc);
  return pc;
}

async function offer(key) {
  const pc = connection(key);
  const description = await pc.createOffer();
  pc.setLocalDescription(description);
  client.send(`/app/peer/offer/${key}/${room}`, {}, JSON.stringify({key: me, body: description}));
}

async function onOffer({key, body}) {
  const pc = connection(key);
  pc.setRemoteDescription(new RTCSessionDescription(body));
  const description = await pc.createAnswer();
  pc.setLocalDescription(description);
  client.send(`/app/peer/answer/${key}/${room}`, {}, JSON.stringify({key: me, body: description}));
}

/** Asks who is there, waits for one second, and offers to all who answered, once. */
function begin() {
  client.send('/app/call/key', {}, {});
  setTimeout(() => {
    for (const key of others) if (!peers.has(key)) offer(key);
  }, 1000);
}

function subscribe() {
  const on = (topic, take) => client.subscribe(topic, (message) => take(message.body));
  on(`/topic/peer/iceCandidate/${me}/${room}`, (text) => {
    const {key, body} = JSON.parse(text);
    peers.get(key).addIceCandidate(new RTCIceCandidate({candidate: body.candidate, sdpMLineIndex: body.sdpMLineIndex, sdpMid: body.sdpMid}));
  });
  on(`/topic/peer/offer/${me}/${room}`, (text) => onOffer(JSON.parse(text)));
  on(`/topic/peer/answer/${me}/${room}`, (text) => {
    const {key, body} = JSON.parse(text);
    peers.get(key).setRemoteDescription(new RTCSessionDescription(body));
  });
  on('/topic/call/key', () => client.send('/app/send/key', {}, JSON.stringify(me)));
  on('/topic/send/key', (text) => {
    const key = JSON.parse(text);
    if (key !== me && !others.includes(key)) others.push(key);
  });
}

window.addEventListener('load', async () => {
  if (!ask.get('token')) local = await capture();
  const socket = new SockJS(ask.get('server'), null, {transports: [ask.get('transport')]});
  client = Stomp.over(socket);
  client.debug = null;
  client.connect(ask.get('token') ? {token: ask.get('token')} : {}, () => {
    window.state.transport = socket.transport;
    subscribe();
    if (!ask.has('waits')) begin();
    window.state.connected = true;
  }, (why) => {
    window.state.refused ||= typeof why === 'string' ? why : `${why.headers.message}: ${why.body}`;
  });
});
