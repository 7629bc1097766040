import 'dart:math';

import 'package:azulejo_viewer/backoff.dart';
import 'package:flutter_test/flutter_test.dart';

void main() {
  test('waits double up to the longest, and begin anew', () {
    final backoff = Backoff(random: Random(1));
    var due = Backoff.first;
    for (var i = 0; i < 12; i++) {
      final wait = backoff.next();
      expect(wait, lessThanOrEqualTo(due));
      expect(wait, greaterThanOrEqualTo(due ~/ 2));
      due = due * 2 > Backoff.longest ? Backoff.longest : due * 2;
    }
    backoff.reset();
    expect(backoff.next(), lessThanOrEqualTo(Backoff.first));
  });

  test('the server may ask for more', () {
    expect(Backoff().next(least: const Duration(minutes: 1)), const Duration(minutes: 1));
  });
}
