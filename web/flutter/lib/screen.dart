// The screen that shows one place.

import 'dart:async';

import 'package:connectivity_plus/connectivity_plus.dart';
import 'package:flutter/material.dart';
import 'package:flutter_webrtc/flutter_webrtc.dart';

import 'layout.dart';
import 'picture.dart';
import 'place.dart';
import 'player.dart';
import 'rung.dart';

/// What to call a connection. A phone tells several at once, the one in use among them.
Network networkOf(List<ConnectivityResult> results) {
  if (results.contains(ConnectivityResult.wifi) || results.contains(ConnectivityResult.ethernet)) return Network.fast;
  if (results.contains(ConnectivityResult.mobile)) return Network.metered;
  return Network.slow;
}

/// Plays while it is in front: the session ends in the background and is made anew on the way back.
class PlaceScreen extends StatefulWidget {
  const PlaceScreen({required this.place, super.key});

  final Place place;

  @override
  State<PlaceScreen> createState() => _PlaceScreenState();
}

class _PlaceScreenState extends State<PlaceScreen> with WidgetsBindingObserver {
  late final Player _player = Player(widget.place, Network.metered);
  StreamSubscription<List<ConnectivityResult>>? _networks;
  bool _inFront = true;

  @override
  void initState() {
    super.initState();
    WidgetsBinding.instance.addObserver(this);
    _networks = Connectivity().onConnectivityChanged.listen((results) => _player.networkChanged(networkOf(results)));
    unawaited(_begin());
  }

  Future<void> _begin() async {
    final results = await Connectivity().checkConnectivity();
    if (!mounted) return;
    _player.networkChanged(networkOf(results));
    if (_inFront) _player.start();
  }

  @override
  void didChangeAppLifecycleState(AppLifecycleState state) {
    switch (state) {
      case AppLifecycleState.resumed:
        _inFront = true;
        _player.start();
      case AppLifecycleState.hidden || AppLifecycleState.paused || AppLifecycleState.detached:
        _inFront = false;
        unawaited(_player.stop());
      case AppLifecycleState.inactive:
        break; // a call or the task switcher lies on it: still in sight
    }
  }

  @override
  void dispose() {
    WidgetsBinding.instance.removeObserver(this);
    final networks = _networks;
    if (networks != null) unawaited(networks.cancel());
    _player.dispose();
    super.dispose();
  }

  @override
  Widget build(BuildContext context) => Scaffold(
        backgroundColor: Colors.black,
        body: ListenableBuilder(
          listenable: _player,
          builder: (context, _) => PopScope<void>(
            canPop: _player.spotlight.isEmpty,
            onPopInvokedWithResult: (popped, _) {
              if (!popped) _player.back();
            },
            child: _Wall(player: _player),
          ),
        ),
      );
}

/// The picture, and the truth about it.
class _Wall extends StatelessWidget {
  const _Wall({required this.player});

  final Player player;

  @override
  Widget build(BuildContext context) => LayoutBuilder(
        builder: (context, constraints) {
          final box = constraints.biggest;
          final shown = player.shown;
          return GestureDetector(
            behavior: HitTestBehavior.opaque,
            onTapUp: (details) => player.tap(details.localPosition, box),
            child: Stack(
              fit: StackFit.expand,
              children: [
                if (shown != null)
                  Opacity(
                    opacity: player.state == PlayerState.live ? 1 : 0.4, // what is not live does not look live
                    child: RTCVideoView(shown.renderer, key: ObjectKey(shown)),
                  ),
                if (player.state != PlayerState.live) _Curtain(player: player),
                _Spoken(player: player, box: box, shown: shown),
              ],
            ),
          );
        },
      );
}

/// Says why there is no live picture.
class _Curtain extends StatelessWidget {
  const _Curtain({required this.player});

  final Player player;

  @override
  Widget build(BuildContext context) {
    final refused = player.state == PlayerState.refused;
    return Center(
      child: Column(
        mainAxisSize: MainAxisSize.min,
        children: [
          if (!refused) const CircularProgressIndicator(),
          const SizedBox(height: 16),
          Text(refused ? 'The server refuses' : 'Connecting…'),
          Text(player.reason, textAlign: TextAlign.center),
          if (refused) TextButton(onPressed: player.start, child: const Text('Try again')),
        ],
      ),
    );
  }
}

/// The tiles for screen readers: each is a button with the name of its source.
class _Spoken extends StatelessWidget {
  const _Spoken({required this.player, required this.box, required this.shown});

  final Player player;
  final Size box;
  final Picture? shown;

  @override
  Widget build(BuildContext context) {
    final layout = player.layout;
    final picture = letterbox(box, shown?.size ?? Size.zero);
    if (layout == null || picture.isEmpty) return const SizedBox.shrink();
    final scale = picture.width / layout.canvas.width;
    return Stack(
      children: [
        for (final tile in layout.tiles)
          if (tile.id.isNotEmpty) _button(tile, _place(tile, picture, scale)),
      ],
    );
  }

  Rect _place(Tile tile, Rect picture, double scale) => Rect.fromLTWH(
        picture.left + tile.rect.left * scale,
        picture.top + tile.rect.top * scale,
        tile.rect.width * scale,
        tile.rect.height * scale,
      );

  Widget _button(Tile tile, Rect place) => Positioned.fromRect(
        rect: place,
        child: Semantics(
          button: true,
          label: tile.state == 'live' ? tile.name : '${tile.name}, ${tile.state}',
          selected: tile.id == player.spotlight,
          onTap: () => player.tap(place.center, box),
          child: const SizedBox.expand(),
        ),
      );
}
