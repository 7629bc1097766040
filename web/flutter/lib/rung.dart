// Which size of the picture to ask for.

/// The sizes that a server has by default, from the smallest.
const rungs = ['180p', '360p', '720p'];

/// What the device is connected by.
enum Network { fast, metered, slow }

/// The largest rung to ask for on a network.
String ceilingOf(Network network) => switch (network) {
      Network.fast => '720p',
      Network.metered => '360p',
      Network.slow => '180p',
    };

/// Counters of a received video since its beginning.
class Reception {
  const Reception({required this.received, required this.lost, required this.frozen});

  static const none = Reception(received: 0, lost: 0, frozen: 0);

  final int received;
  final int lost;

  /// Seconds in which the picture stood still.
  final double frozen;

  /// What came since [before].
  Reception since(Reception before) => Reception(
        received: received - before.received,
        lost: lost - before.lost,
        frozen: frozen - before.frozen,
      );

  /// Lost packets among all. Late ones make the counter go down, too.
  double get loss => lost <= 0 ? 0 : lost / (lost + received);

  /// A wall on which nothing moves is sent once a second and looks frozen to the receiver, so that alone is no trouble.
  bool get isBad => loss > 0.05 || (frozen > 0.5 && lost > 0);
}

/// Chooses the rung: down after two bad measurements in a row, up after a time of good ones, which doubles each
/// time that going up turns out to be too much. Measurements come about every two seconds.
class RungChooser {
  RungChooser(Network network) : _network = network, _now = rungs.indexOf(ceilingOf(network));

  static const _enoughBad = 2, _firstPatience = 15, _longestPatience = 240, _trial = 5;

  Network _network;
  int _now;
  int _bad = 0;
  int _good = 0;
  int _patience = _firstPatience;
  bool _trying = false;
  Reception _before = Reception.none;

  String get rung => rungs[_now];

  /// Another network: starts over at what it is good for.
  void change(Network network) {
    if (network == _network) return;
    _network = network;
    _now = rungs.indexOf(ceilingOf(network));
    _patience = _firstPatience;
    _step(false);
  }

  /// Another session: its counters begin at zero.
  void restart() {
    _before = Reception.none;
    _bad = 0;
    _good = 0;
  }

  /// Takes a measurement; whether the rung is another one now.
  bool measure(Reception total) {
    final lately = total.since(_before);
    _before = total;
    return lately.isBad ? _worse() : _better();
  }

  bool _worse() {
    _good = 0;
    _bad++;
    if (_bad < _enoughBad) return false;
    _bad = 0;
    if (_trying) _patience = _patience * 2 > _longestPatience ? _longestPatience : _patience * 2;
    _trying = false;
    if (_now == 0) return false;
    _now--;
    _step(false);
    return true;
  }

  bool _better() {
    _bad = 0;
    _good++;
    if (_trying && _good >= _trial) _trying = false;
    if (_good < _patience || _now >= rungs.indexOf(ceilingOf(_network))) return false;
    _now++;
    _step(true);
    return true;
  }

  void _step(bool up) {
    _trying = up;
    _good = 0;
    _bad = 0;
  }
}
