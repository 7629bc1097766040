// How long to wait before trying again.

import 'dart:math';

/// Waits that double up to a limit, each shortened by chance so that many clients do not come back at once.
class Backoff {
  Backoff({Random? random}) : _random = random ?? Random();

  static const first = Duration(milliseconds: 500);
  static const longest = Duration(seconds: 15);

  final Random _random;
  int _tries = 0;

  /// The next wait: between half and all of what is due, but at least [least].
  Duration next({Duration least = Duration.zero}) {
    final due = min(first.inMilliseconds << min(_tries, 8), longest.inMilliseconds);
    _tries++;
    final wait = Duration(milliseconds: due ~/ 2 + _random.nextInt(due ~/ 2 + 1));
    return wait < least ? least : wait;
  }

  /// It worked: the next wait is the first again.
  void reset() => _tries = 0;
}
