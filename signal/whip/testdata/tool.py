"""A WHIP publisher and a WHEP viewer that are not ours: aiortc (Debian's python3-aiortc) and urllib.

    tool.py publish URL CODEC RRGGBB HZ   sends a picture of one colour and a tone
    tool.py view URL                      prints what it decodes, once a picture or a second of sound

Both run until their standard input ends, then DELETE the session. The ICE agent stays on the loopback interface.
"""

import asyncio
import fractions
import json
import math
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request

import aioice.ice
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def say(**facts):
    print(json.dumps(facts), flush=True)


def http(method, url, body=None, **headers):
    request = urllib.request.Request(url, data=body, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        say(refused=answer.status, body=answer.read().decode())
        raise


class Colour(VideoStreamTrack):
    """320x180, the same picture again and again."""

    def __init__(self, rgb):
        super().__init__()
        plane = av.VideoFrame(320, 180, "rgb24")
        row = bytes(rgb) * 320 + bytes(plane.planes[0].line_size - 960)
        plane.planes[0].update(row * 180)
        self.picture = plane.reformat(format="yuv420p")

    async def recv(self):
        pts, base = await self.next_timestamp()
        self.picture.pts, self.picture.time_base = pts, base
        return self.picture


class Tone(AudioStreamTrack):
    """Mono, 48 kHz, in pieces of 20 ms."""

    def __init__(self, hz):
        super().__init__()
        self.hz, self.n, self.begin = hz, 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.begin is None:
            self.begin = loop.time()
        await asyncio.sleep(max(0, self.begin + self.n / 48000 - loop.time()))
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * self.hz * (self.n + i) / 48000))) for i in range(960)))
        frame.pts, frame.sample_rate, frame.time_base = self.n, 48000, fractions.Fraction(1, 48000)
        self.n += 960
        return frame


async def pictures(track):
    try:
        while True:
            frame = await track.recv()
            rgb = frame.to_ndarray(format="rgb24")
            h, w = rgb.shape[:2]
            middle = rgb[h // 2 - 8:h // 2 + 8, w // 2 - 8:w // 2 + 8].reshape(-1, 3).mean(axis=0)
            say(w=w, h=h, rgb=[int(v) for v in middle])
    except MediaStreamError:
        pass


async def sounds(track):
    samples = []
    try:
        while True:
            frame = await track.recv()
            samples.extend(frame.to_ndarray().flatten()[::len(frame.layout.channels)].tolist())
            if len(samples) >= frame.sample_rate:
                crossings = sum(1 for a, b in zip(samples, samples[1:]) if a < 0 <= b)
                say(hz=crossings, peak=max(samples))
                samples = []
    except MediaStreamError:
        pass


async def main():
    what, url = sys.argv[1:3]
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []
    if what == "publish":
        codec, colour, hz = sys.argv[3:6]
        pc.addTransceiver(Tone(int(hz)), direction="sendonly")
        video = pc.addTransceiver(Colour(bytes.fromhex(colour)), direction="sendonly")
        all_codecs = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([c for c in all_codecs if c.mimeType == "video/" + codec])
    else:
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
        pc.on("track", lambda track: tasks.append(asyncio.ensure_future((sounds if track.kind == "audio" else pictures)(track))))
    pc.on("connectionstatechange", lambda: say(state=pc.connectionState))

    await pc.setLocalDescription(await pc.createOffer())
    loop = asyncio.get_running_loop()
    offer = pc.localDescription.sdp.encode()
    status, headers, answer = await loop.run_in_executor(None, lambda: http("POST", url, offer, Content_Type="application/sdp"))
    say(status=status, location=headers["Location"], etag=headers["ETag"])
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    await loop.run_in_executor(None, sys.stdin.read)
    session = urllib.parse.urljoin(url, headers["Location"])
    status, _, _ = await loop.run_in_executor(None, lambda: http("DELETE", session))
    say(deleted=status)
    await pc.close()
    for task in tasks:
        task.cancel()


asyncio.run(main())
