import 'package:azulejo_viewer/rung.dart';
import 'package:flutter_test/flutter_test.dart';

/// Feeds a chooser with counters that grow by what each measurement brings.
class _Feed {
  _Feed(this.chooser);

  final RungChooser chooser;
  Reception _total = Reception.none;

  bool put(int received, int lost, {double frozen = 0}) {
    _total = Reception(
      received: _total.received + received,
      lost: _total.lost + lost,
      frozen: _total.frozen + frozen,
    );
    return chooser.measure(_total);
  }

  void good(int times) {
    for (var i = 0; i < times; i++) {
      put(100, 0);
    }
  }
}

void main() {
  test('each network begins at its rung', () {
    expect(RungChooser(Network.fast).rung, '720p');
    expect(RungChooser(Network.metered).rung, '360p');
    expect(RungChooser(Network.slow).rung, '180p');
  });

  test('one bad measurement is chance, two are a rung, and the lowest stays', () {
    final feed = _Feed(RungChooser(Network.metered));
    expect(feed.put(90, 10), isFalse);
    expect(feed.put(90, 10), isTrue);
    expect(feed.chooser.rung, '180p');
    feed.put(90, 10);
    expect(feed.put(90, 10), isFalse);
    expect(feed.chooser.rung, '180p');
  });

  test('a wall that stands still is no trouble, one that stands still with losses is', () {
    final feed = _Feed(RungChooser(Network.fast));
    feed.put(2, 0, frozen: 1);
    feed.put(2, 0, frozen: 1);
    expect(feed.chooser.rung, '720p');
    feed.put(100, 1, frozen: 1);
    feed.put(100, 1, frozen: 1);
    expect(feed.chooser.rung, '360p');
  });

  test('up again after good ones, twice as late after it was too much, never above the network', () {
    final feed = _Feed(RungChooser(Network.metered));
    feed.put(90, 10);
    feed.put(90, 10);
    feed.good(15);
    expect(feed.chooser.rung, '360p');
    feed.put(90, 10);
    feed.put(90, 10);
    expect(feed.chooser.rung, '180p');
    feed.good(29);
    expect(feed.chooser.rung, '180p');
    feed.good(1);
    expect(feed.chooser.rung, '360p');
    feed.good(100);
    expect(feed.chooser.rung, '360p');
  });

  test('another network starts over, another session counts from zero', () {
    final chooser = RungChooser(Network.fast);
    _Feed(chooser).good(3);
    chooser.restart();
    expect(chooser.measure(const Reception(received: 10, lost: 0, frozen: 0)), isFalse);
    chooser.change(Network.slow);
    expect(chooser.rung, '180p');
    chooser.change(Network.fast);
    expect(chooser.rung, '720p');
  });

  test('loss', () {
    expect(Reception.none.loss, 0);
    expect(const Reception(received: 75, lost: 25, frozen: 0).loss, 0.25);
    expect(const Reception(received: 75, lost: -2, frozen: 0).loss, 0);
  });
}
