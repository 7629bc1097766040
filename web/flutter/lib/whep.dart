// One receive-only peer connection over WHEP.

import 'dart:async';
import 'dart:convert';

import 'package:flutter_webrtc/flutter_webrtc.dart';
import 'package:http/http.dart' as http;

import 'events.dart';
import 'fragment.dart';
import 'links.dart';
import 'place.dart';
import 'refusal.dart';
import 'rung.dart';

const _patience = Duration(seconds: 10);

/// The ICE servers of a place, to have them before the first offer; null where the server does not answer.
Future<List<Map<String, dynamic>>?> fetchIceServers(http.Client client, Place place) async {
  final request = http.Request('OPTIONS', place.whep());
  request.headers.addAll(place.headers);
  try {
    final response = await client.send(request).timeout(_patience);
    await response.stream.drain<void>();
    return iceServersOf(parseLinks(response.headers['link'] ?? ''));
  } on Exception {
    return null;
  }
}

/// One session: [open] once, [close] at any time, [dispose] when its last picture is no longer shown.
class WhepSession {
  WhepSession(this._client, this._place, {required this.onStream, required this.onNews, required this.onLost});

  final http.Client _client;
  final Place _place;

  /// Told the received stream, before its first picture.
  final void Function(MediaStream stream) onStream;
  final void Function(News news) onNews;

  /// Told once when the media path is lost, or the server ended the session.
  final void Function() onLost;

  final _news = http.Client();
  final _candidates = <String>[];
  RTCPeerConnection? _connection;
  Uri? _address;
  String _etag = '';
  String _sdp = '';
  Timer? _disconnected;
  bool _gathered = false;
  bool _trickling = false;
  bool _closed = false;
  bool _lost = false;

  /// What the server said about ICE servers when it opened the session.
  List<Map<String, dynamic>> iceServers = const [];

  /// Offers, and takes the answer. Without [trickle] the offer waits for all candidates.
  Future<void> open(Uri endpoint, List<Map<String, dynamic>> servers, {bool trickle = true}) async {
    final connection = await createPeerConnection({'iceServers': servers, 'bundlePolicy': 'max-bundle'});
    if (_closed) return connection.dispose();
    _connection = connection;
    final gathered = _listen(connection);
    await _offer(connection);
    if (!trickle) {
      await gathered.timeout(const Duration(seconds: 2), onTimeout: () {});
      _candidates.clear(); // they are in the description
      _sdp = (await connection.getLocalDescription())?.sdp ?? _sdp;
    }
    if (_closed) return;
    final answer = await _post(endpoint);
    if (_closed) return _delete();
    await connection.setRemoteDescription(RTCSessionDescription(answer.body, 'answer'));
    _watch(answer);
    if (trickle) unawaited(_sendCandidates());
  }

  /// Follows the connection; the result is done when all candidates are there.
  Future<void> _listen(RTCPeerConnection connection) {
    final gathered = Completer<void>();
    connection.onTrack = (event) {
      if (event.track.kind == 'video' && event.streams.isNotEmpty && !_closed) onStream(event.streams.first);
    };
    connection.onIceCandidate = (candidate) {
      final line = candidate.candidate ?? '';
      if (line.isNotEmpty) _candidates.add(line);
      unawaited(_sendCandidates());
    };
    connection.onIceGatheringState = (state) {
      if (state != RTCIceGatheringState.RTCIceGatheringStateComplete || gathered.isCompleted) return;
      gathered.complete();
      _gathered = true;
      unawaited(_sendCandidates());
    };
    connection.onConnectionState = _follow;
    return gathered.future;
  }

  void _follow(RTCPeerConnectionState state) {
    _disconnected?.cancel();
    switch (state) {
      case RTCPeerConnectionState.RTCPeerConnectionStateFailed:
        _lose();
      case RTCPeerConnectionState.RTCPeerConnectionStateDisconnected:
        _disconnected = Timer(const Duration(seconds: 4), _lose); // it may come back by itself
      default:
        break;
    }
  }

  void _lose() {
    if (_closed || _lost) return;
    _lost = true;
    onLost();
  }

  Future<void> _offer(RTCPeerConnection connection) async {
    final init = RTCRtpTransceiverInit(direction: TransceiverDirection.RecvOnly);
    await connection.addTransceiver(kind: RTCRtpMediaType.RTCRtpMediaTypeVideo, init: init);
    if (_place.audio) await connection.addTransceiver(kind: RTCRtpMediaType.RTCRtpMediaTypeAudio, init: init);
    final offer = await connection.createOffer({
      'mandatory': {'OfferToReceiveVideo': true, 'OfferToReceiveAudio': _place.audio},
      'optional': <dynamic>[],
    });
    await connection.setLocalDescription(offer);
    _sdp = offer.sdp ?? '';
  }

  Future<http.Response> _post(Uri endpoint) async {
    final answer = await _client
        .post(endpoint, headers: {..._place.headers, 'content-type': 'application/sdp'}, body: utf8.encode(_sdp))
        .timeout(_patience);
    final location = answer.headers['location'];
    if (answer.statusCode != 201 || location == null) throw Refusal.of(answer);
    _address = endpoint.resolve(location);
    _etag = answer.headers['etag'] ?? '';
    return answer;
  }

  /// Reads the links of the answer, and the news from then on.
  void _watch(http.Response answer) {
    final links = parseLinks(answer.headers['link'] ?? '');
    iceServers = iceServersOf(links);
    final address = _address;
    final events = address == null ? null : eventsOf(links, address);
    if (events != null) unawaited(_readNews(events));
  }

  /// The picture goes on without news, so losing them is no trouble: they are asked for again.
  Future<void> _readNews(Uri events) async {
    while (!_closed) {
      try {
        await for (final news in watchNews(_news, events, _place.headers)) {
          if (_closed) return;
          onNews(news);
          if (news is EndNews) return _lose();
        }
      } on Refusal catch (refusal) {
        if (refusal.status == 404) _lose(); // the session is gone
        return;
      } on Exception {
        if (_closed) return;
      }
      await Future<void>.delayed(const Duration(seconds: 2));
    }
  }

  /// Sends the candidates that wait, one request at a time.
  Future<void> _sendCandidates() async {
    if (_trickling) return;
    _trickling = true;
    try {
      while (!_closed && _address != null && (_candidates.isNotEmpty || _gathered)) {
        final batch = [..._candidates];
        final last = _gathered;
        _candidates.clear();
        _gathered = false;
        await _patch(trickleFragment(_sdp, batch, last: last));
      }
    } finally {
      _trickling = false;
    }
  }

  /// A server that takes no candidates finds us by our checks, so its refusal is no trouble.
  Future<void> _patch(String fragment) async {
    final headers = {
      ..._place.headers,
      'content-type': 'application/trickle-ice-sdpfrag',
      if (_etag.isNotEmpty) 'if-match': _etag,
    };
    try {
      await _client.patch(_address!, headers: headers, body: utf8.encode(fragment)).timeout(_patience);
    } on Exception {
      return;
    }
  }

  /// Asks for another picture: the fields of a `view` message.
  Future<void> view(Map<String, String> selection) async {
    final address = _address;
    if (address == null || _closed) return;
    final answer = await _client
        .post(
          address.replace(path: '${address.path}/view'),
          headers: {..._place.headers, 'content-type': 'application/json'},
          body: utf8.encode(jsonEncode(selection)),
        )
        .timeout(_patience);
    if (answer.statusCode != 204) throw Refusal.of(answer);
  }

  /// How the picture arrived so far; null before it does.
  Future<Reception?> reception() async {
    for (final report in await _reports()) {
      final values = report.values;
      if (report.type != 'inbound-rtp' || values['kind'] != 'video') continue;
      return Reception(
        received: _number(values['packetsReceived']).toInt(),
        lost: _number(values['packetsLost']).toInt(),
        frozen: _number(values['totalFreezesDuration']).toDouble(),
      );
    }
    return null;
  }

  Future<List<StatsReport>> _reports() async {
    final connection = _connection;
    if (connection == null || _closed) return const [];
    try {
      return await connection.getStats();
    } on String {
      return const []; // what the plugin throws when the connection has ended meanwhile
    }
  }

  /// Ends the session here and on the server; its last picture stays.
  Future<void> close() async {
    if (_closed) return;
    _closed = true;
    _disconnected?.cancel();
    _news.close();
    await Future.wait([_delete(), _hangUp()]);
  }

  Future<void> _hangUp() async {
    try {
      await _connection?.close();
    } on String {
      return; // what the plugin throws when there is nothing to close
    }
  }

  Future<void> _delete() async {
    final address = _address;
    _address = null;
    if (address == null) return;
    try {
      await _client.delete(address, headers: _place.headers).timeout(_patience);
    } on Exception {
      return; // the server notices by itself
    }
  }

  /// Frees the connection, and with it the last picture.
  Future<void> dispose() async {
    await close();
    await _connection?.dispose();
    _connection = null;
  }
}

/// Platforms give numbers as numbers or as text.
num _number(Object? value) => value is num ? value : num.tryParse('$value') ?? 0;
