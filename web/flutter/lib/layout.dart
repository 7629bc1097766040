// What the picture shows, and which tile lies under a finger.

import 'dart:ui' show Offset, Rect, Size;

/// One tile, in pixels of the canvas.
class Tile {
  const Tile({required this.id, required this.name, required this.state, required this.rect});

  factory Tile.fromJson(Map<String, dynamic> json) => Tile(
        id: json['id'] as String,
        name: json['name'] as String,
        state: json['state'] as String,
        rect: Rect.fromLTWH(_pixels(json['x']), _pixels(json['y']), _pixels(json['w']), _pixels(json['h'])),
      );

  /// Empty for the tile that says how many more there are.
  final String id;
  final String name;
  final String state;
  final Rect rect;
}

/// A `layout` message of the server.
class Layout {
  const Layout({required this.canvas, required this.tiles});

  factory Layout.fromJson(Map<String, dynamic> json) {
    final canvas = json['canvas'] as Map<String, dynamic>;
    final tiles = json['tiles'] as List<dynamic>;
    return Layout(
      canvas: Size(_pixels(canvas['w']), _pixels(canvas['h'])),
      tiles: [for (final tile in tiles) Tile.fromJson(tile as Map<String, dynamic>)],
    );
  }

  final Size canvas;

  /// Later tiles lie on earlier ones.
  final List<Tile> tiles;

  /// The source under [point] of a [box] that shows a picture of the given size, whole and centred. The picture may be
  /// of any rung. Null beside the picture, between the tiles, and on the tile that is no source.
  Tile? hit(Offset point, Size box, Size picture) {
    final shown = letterbox(box, picture);
    if (canvas.isEmpty || shown.isEmpty || !shown.contains(point)) return null;
    final at = Offset(
      (point.dx - shown.left) * canvas.width / shown.width,
      (point.dy - shown.top) * canvas.height / shown.height,
    );
    for (final tile in tiles.reversed) {
      if (tile.rect.contains(at)) return tile.id.isEmpty ? null : tile;
    }
    return null;
  }

  bool has(String id) => tiles.any((tile) => tile.id == id);
}

/// Where in its [box] a picture lies that is shown whole and centred; empty where there is no picture.
Rect letterbox(Size box, Size picture) {
  if (picture.isEmpty || box.isEmpty) return Rect.zero;
  final across = box.width / picture.width;
  final down = box.height / picture.height;
  final scale = across < down ? across : down;
  final w = picture.width * scale;
  final h = picture.height * scale;
  return Rect.fromLTWH((box.width - w) / 2, (box.height - h) / 2, w, h);
}

double _pixels(Object? value) => (value! as num).toDouble();
