// A renderer and the session that fills it: what is on the screen, or is about to be.

import 'dart:ui' show Size;

import 'package:flutter_webrtc/flutter_webrtc.dart';
import 'package:http/http.dart' as http;

import 'events.dart';
import 'place.dart';
import 'whep.dart';

/// Shows one session. After [freeze] its last picture stays on the screen, until [dispose].
class Picture {
  Picture(http.Client client, Place place, {required this.onFirst, required this.onNews, required this.onLost}) {
    session = WhepSession(
      client,
      place,
      onStream: _show,
      onNews: (news) => onNews(this, news),
      onLost: () => onLost(this),
    );
  }

  /// Told once, when there is something to see.
  final void Function(Picture picture) onFirst;
  final void Function(Picture picture, News news) onNews;
  final void Function(Picture picture) onLost;

  final renderer = RTCVideoRenderer();
  late final WhepSession session;
  bool _prepared = false;
  bool _disposed = false;
  bool _seen = false;

  /// In pixels, as received; empty before the first picture.
  Size get size => Size(renderer.videoWidth.toDouble(), renderer.videoHeight.toDouble());

  Future<void> open(Uri endpoint, List<Map<String, dynamic>> iceServers) async {
    await renderer.initialize();
    if (_disposed) return renderer.dispose();
    _prepared = true;
    renderer.addListener(_notice);
    await session.open(endpoint, iceServers);
  }

  void _show(MediaStream stream) {
    if (!_disposed) renderer.srcObject = stream;
  }

  void _notice() {
    if (_seen || !renderer.value.renderVideo || size.isEmpty) return;
    _seen = true;
    onFirst(this);
  }

  Future<void> freeze() => session.close();

  Future<void> dispose() async {
    if (_disposed) return;
    _disposed = true;
    await session.close();
    if (_prepared) {
      renderer.removeListener(_notice);
      renderer.srcObject = null;
    }
    await session.dispose();
    if (_prepared) await renderer.dispose();
  }
}
