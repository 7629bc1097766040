import 'dart:convert';
import 'dart:io';
import 'dart:ui' show Offset, Rect, Size;

import 'package:azulejo_viewer/layout.dart';
import 'package:flutter_test/flutter_test.dart';

void main() {
  final cases = jsonDecode(File('test/hits.json').readAsStringSync()) as Map<String, dynamic>;
  final layout = Layout.fromJson(cases);

  for (final one in cases['hits'] as List<dynamic>) {
    final hit = one as Map<String, dynamic>;
    test('hit: ${hit['why']}', () {
      final tile = layout.hit(_point(hit['point']), _size(hit['box']), _size(hit['picture']));
      expect(tile?.id, hit['id']);
    });
  }

  test('a layout without a canvas has no tiles under anything', () {
    const layout = Layout(canvas: Size.zero, tiles: []);
    expect(layout.hit(Offset.zero, const Size(10, 10), const Size(10, 10)), isNull);
  });

  test('who is there', () {
    expect(layout.has('b'), isTrue);
    expect(layout.has('c'), isFalse);
  });

  test('letterbox', () {
    expect(letterbox(const Size(360, 800), const Size(640, 360)), const Rect.fromLTWH(0, 298.75, 360, 202.5));
    expect(letterbox(const Size(900, 360), const Size(1280, 720)), const Rect.fromLTWH(130, 0, 640, 360));
    expect(letterbox(Size.zero, const Size(1280, 720)), Rect.zero);
  });
}

Offset _point(Object? pair) {
  final list = pair! as List<dynamic>;
  return Offset((list[0] as num).toDouble(), (list[1] as num).toDouble());
}

Size _size(Object? pair) {
  final list = pair! as List<dynamic>;
  return Size((list[0] as num).toDouble(), (list[1] as num).toDouble());
}
