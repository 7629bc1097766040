// Where to look: a server, a room, and what of it.

/// A picture of a room, and the right to see it. A value: it never changes.
class Place {
  const Place({
    required this.server,
    required this.room,
    this.view = 'main',
    this.token = '',
    this.audio = true,
  });

  /// The server's address; below a path it ends with a slash.
  final Uri server;
  final String room;
  final String view;

  /// Empty where the server asks for none.
  final String token;
  final bool audio;

  /// The WHEP endpoint. An empty [spotlight] or [rung] says nothing.
  Uri whep({String spotlight = '', String rung = ''}) => server.resolveUri(
        Uri(
          pathSegments: ['whep', room],
          queryParameters: {
            'view': view,
            if (spotlight.isNotEmpty) 'spotlight': spotlight,
            if (rung.isNotEmpty) 'rung': rung,
            if (!audio) 'audio': '0',
          },
        ),
      );

  /// What every request carries.
  Map<String, String> get headers => {if (token.isNotEmpty) 'authorization': 'Bearer $token'};

  /// The body of a `view` message: [spotlight] large, or the whole view again where it is empty.
  Map<String, String> selection(String spotlight) => {
        'view': view,
        if (spotlight.isNotEmpty) 'spotlight': spotlight,
      };
}
