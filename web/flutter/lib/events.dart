// Server-sent events of a WHEP session: what the picture shows, how it is encoded, why it ended.

import 'dart:convert';

import 'package:http/http.dart' as http;

import 'layout.dart';
import 'refusal.dart';

/// One event of a `text/event-stream`.
class ServerEvent {
  const ServerEvent(this.type, this.data);

  final String type;
  final String data;
}

/// The events in [lines], which are without their line ends (WHATWG HTML, section 9.2.6).
Stream<ServerEvent> parseEvents(Stream<String> lines) async* {
  var type = '';
  final data = <String>[];
  await for (final line in lines) {
    if (line.isEmpty) {
      if (data.isNotEmpty) yield ServerEvent(type.isEmpty ? 'message' : type, data.join('\n'));
      type = '';
      data.clear();
      continue;
    }
    final colon = line.indexOf(':');
    final field = colon < 0 ? line : line.substring(0, colon); // a comment has an empty one
    final rest = colon < 0 ? '' : line.substring(colon + 1);
    final value = rest.startsWith(' ') ? rest.substring(1) : rest;
    if (field == 'event') type = value;
    if (field == 'data') data.add(value);
  }
}

/// What the server tells about a session.
sealed class News {
  const News();
}

/// The picture shows something else.
class LayoutNews extends News {
  const LayoutNews(this.layout);

  final Layout layout;
}

/// The picture is encoded otherwise.
class RenditionNews extends News {
  const RenditionNews(this.codec, this.width, this.height);

  final String codec;
  final int width;
  final int height;
}

/// The session is over.
class EndNews extends News {
  const EndNews(this.code, this.message);

  final String code;
  final String message;
}

/// What an event says; null for those that this client has no use for, or does not understand.
News? readNews(ServerEvent event) {
  try {
    final json = jsonDecode(event.data) as Map<String, dynamic>;
    return switch (event.type) {
      'layout' => LayoutNews(Layout.fromJson(json)),
      'rendition' => RenditionNews(json['codec'] as String, json['w'] as int, json['h'] as int),
      'end' => EndNews(json['code'] as String, json['message'] as String),
      _ => null,
    };
  } on FormatException {
    return null;
  } on TypeError {
    return null;
  }
}

/// The news at [address] until the server ends them. The [client] is used for nothing else: closing it is how to stop.
Stream<News> watchNews(http.Client client, Uri address, Map<String, String> headers) async* {
  final request = http.Request('GET', address);
  request.headers.addAll({...headers, 'accept': 'text/event-stream'});
  final response = await client.send(request);
  if (response.statusCode != 200) throw Refusal.of(await http.Response.fromStream(response));
  final lines = response.stream.transform(utf8.decoder).transform(const LineSplitter());
  await for (final event in parseEvents(lines)) {
    final news = readNews(event);
    if (news != null) yield news;
  }
}
