// Keeps a picture of a place on the screen, through lost networks and the background.

import 'dart:async';
import 'dart:ui' show Offset, Size;

import 'package:flutter/foundation.dart';
import 'package:http/http.dart' as http;

import 'backoff.dart';
import 'events.dart';
import 'layout.dart';
import 'picture.dart';
import 'place.dart';
import 'refusal.dart';
import 'rung.dart';
import 'whep.dart';

enum PlayerState { stopped, connecting, live, waiting, refused }

/// Between [start] and [stop] it holds one session and starts over whenever that is lost. Tells its listeners of every
/// change. All of it happens on the main isolate.
class Player extends ChangeNotifier {
  Player(this.place, Network network) : _rungs = RungChooser(network);

  static const _measureEvery = Duration(seconds: 2);
  static const _serversLast = Duration(minutes: 10);

  /// Layouts come before their pictures by about the delay of those.
  static const _layoutLead = Duration(milliseconds: 250);

  final Place place;
  final RungChooser _rungs;
  final _client = http.Client();
  final _backoff = Backoff();

  /// As told last, and when: their credentials expire.
  List<Map<String, dynamic>>? _iceServers;
  DateTime _told = DateTime.now();
  Picture? _coming;
  Timer? _retry;
  Timer? _measuring;
  bool _disposed = false;

  PlayerState _state = PlayerState.stopped;
  PlayerState get state => _state;

  /// Why there is no live picture; empty while there is.
  String get reason => _reason;
  String _reason = '';

  /// The newest picture there is, live or the last one; null before the first.
  Picture? get shown => _shown;
  Picture? _shown;

  /// What [shown] shows; null while nobody knows.
  Layout? get layout => _layout;
  Layout? _layout;

  /// The id of the source that this viewer has large; empty: none.
  String get spotlight => _spotlight;
  String _spotlight = '';

  /// Connects at once, whatever was waited for.
  void start() {
    if (_disposed || _state == PlayerState.connecting || _state == PlayerState.live) return;
    _backoff.reset();
    _measuring ??= Timer.periodic(_measureEvery, (_) => unawaited(_measure()));
    unawaited(_connect());
  }

  /// Ends the session, here and on the server. The last picture stays.
  Future<void> stop() async {
    _halt();
    _measuring?.cancel();
    _measuring = null;
    _turn(PlayerState.stopped, '');
    final coming = _coming;
    _coming = null;
    await Future.wait([_shown?.freeze() ?? Future<void>.value(), coming?.dispose() ?? Future<void>.value()]);
  }

  /// The device is connected otherwise: another rung, and another try if none is under way.
  void networkChanged(Network network) {
    final before = _rungs.rung;
    _rungs.change(network);
    if (_state == PlayerState.waiting) start();
    if (_state == PlayerState.live && _rungs.rung != before) unawaited(_ask({'rung': _rungs.rung}));
  }

  /// A tap puts the tile under [point] of a [box] in the spotlight, another one leads back.
  void tap(Offset point, Size box) {
    final picture = _shown;
    if (_state != PlayerState.live || picture == null) return;
    final tile = _layout?.hit(point, box, picture.size);
    if (_spotlight.isEmpty && tile == null) return;
    final back = _spotlight.isNotEmpty && (tile == null || tile.id == _spotlight);
    _choose(back ? '' : tile?.id ?? '');
  }

  /// The system's way back; whether there was one.
  bool back() {
    if (_spotlight.isEmpty) return false;
    _choose('');
    return true;
  }

  void _choose(String id) {
    _spotlight = id;
    notifyListeners();
    unawaited(_ask(place.selection(id)));
  }

  /// A choice that the server refuses is no reason to lose the picture.
  Future<void> _ask(Map<String, String> selection) async {
    try {
      await _shown?.session.view(selection);
    } on Exception catch (error) {
      debugPrint('view: $error');
    }
  }

  Future<void> _connect() async {
    _halt();
    _turn(PlayerState.connecting, _reason);
    final before = _coming;
    final coming = Picture(_client, place, onFirst: _first, onNews: _hear, onLost: _lost);
    _coming = coming;
    if (before != null) unawaited(before.dispose());
    try {
      final servers = await _servers();
      if (_coming != coming) return;
      await coming.open(place.whep(spotlight: _spotlight, rung: _rungs.rung), servers);
      _keep(coming.session.iceServers);
      if (_coming == coming) _retry = Timer(const Duration(seconds: 10), () => _lost(coming)); // for the first picture
    } on Exception catch (error) {
      _fail(coming, error);
    } on String catch (error) {
      _fail(coming, Exception(error)); // flutter_webrtc throws some of its own as text
    }
  }

  /// Those of the last session are at hand for the next one, so that coming back costs no extra round trip.
  Future<List<Map<String, dynamic>>> _servers() async {
    if (DateTime.now().difference(_told) > _serversLast) _iceServers = null;
    if (_iceServers == null) _keep(await fetchIceServers(_client, place));
    return _iceServers ?? const [];
  }

  void _keep(List<Map<String, dynamic>>? servers) {
    if (servers == null) return;
    _iceServers = servers;
    _told = DateTime.now();
  }

  void _first(Picture picture) {
    if (_coming != picture) return;
    final old = _shown;
    _coming = null;
    _shown = picture;
    _retry?.cancel();
    _backoff.reset();
    _rungs.restart();
    _turn(PlayerState.live, '');
    if (old != null) unawaited(old.dispose());
  }

  void _hear(Picture picture, News news) {
    if (picture != _coming && picture != _shown) return;
    switch (news) {
      case LayoutNews(:final layout):
        Timer(_layoutLead, () => _describe(picture, layout));
      case EndNews(:final message):
        _reason = message;
      case RenditionNews _:
        break; // the renderer tells its size by itself
    }
  }

  void _describe(Picture picture, Layout layout) {
    if (_disposed || _state == PlayerState.stopped || (picture != _coming && picture != _shown)) return;
    _layout = layout;
    if (_spotlight.isNotEmpty && !layout.has(_spotlight)) _choose(''); // who was chosen has left
    notifyListeners();
  }

  void _lost(Picture picture) {
    if (picture != _coming && picture != _shown) return;
    if (picture == _shown) unawaited(picture.freeze());
    if (picture == _shown && _coming != null) return; // its successor is on its way
    _fail(picture, null);
  }

  void _fail(Picture picture, Object? error) {
    if (_state == PlayerState.stopped || (picture != _coming && picture != _shown)) return;
    if (picture == _coming) {
      _coming = null;
      unawaited(picture.dispose());
    }
    final refusal = error is Refusal ? error : null;
    final reason = error == null ? _reason : '$error';
    if (refusal != null && refusal.isFinal) return _turn(PlayerState.refused, reason);
    _halt();
    _turn(PlayerState.waiting, reason);
    _retry = Timer(_backoff.next(least: refusal?.retryAfter ?? Duration.zero), () => unawaited(_connect()));
  }

  Future<void> _measure() async {
    final picture = _shown;
    if (_state != PlayerState.live || picture == null) return;
    final total = await picture.session.reception();
    if (total == null || picture != _shown) return;
    if (_rungs.measure(total)) await _ask({'rung': _rungs.rung});
  }

  void _halt() {
    _retry?.cancel();
    _retry = null;
  }

  void _turn(PlayerState state, String reason) {
    if (_disposed) return;
    _state = state;
    _reason = reason;
    if (state != PlayerState.live) _layout = null;
    notifyListeners();
  }

  @override
  void dispose() {
    unawaited(_end());
    _disposed = true;
    super.dispose();
  }

  Future<void> _end() async {
    await stop();
    await _shown?.dispose();
    _client.close();
  }
}
