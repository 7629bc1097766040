// Link headers (RFC 8288): ICE servers (RFC 9725, section 4.6) and the address of the events.

/// One link: where it leads, and what is said of it.
class Link {
  const Link(this.target, this.parameters);

  final String target;

  /// By name, in lower case; of a name that stands twice the first counts.
  final Map<String, String> parameters;

  String get relation => parameters['rel'] ?? '';
}

const iceServerRelation = 'ice-server';
const eventsRelation = 'urn:ietf:params:whep:ext:core:server-sent-events';

final _link = RegExp(r'<([^>]*)>((?:\s*;\s*[^\s=;,"]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)');
final _parameter = RegExp(r';\s*([^\s=;,"]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?');
final _escaped = RegExp(r'\\(.)');

/// The links of a header; several headers come joined by commas. What is no link is skipped.
List<Link> parseLinks(String header) => [
      for (final match in _link.allMatches(header))
        Link(match.group(1) ?? '', _parameters(match.group(2) ?? '')),
    ];

Map<String, String> _parameters(String text) {
  final all = <String, String>{};
  for (final match in _parameter.allMatches(text)) {
    final quoted = match.group(2)?.replaceAllMapped(_escaped, (escape) => escape.group(1) ?? '');
    all.putIfAbsent((match.group(1) ?? '').toLowerCase(), () => quoted ?? match.group(3) ?? '');
  }
  return all;
}

/// The ICE servers among [links], as a peer connection's configuration takes them.
List<Map<String, dynamic>> iceServersOf(List<Link> links) => [
      for (final link in links)
        if (link.relation == iceServerRelation)
          {
            'urls': [link.target],
            if (link.parameters.containsKey('username')) 'username': link.parameters['username'],
            if (link.parameters.containsKey('credential')) 'credential': link.parameters['credential'],
          },
    ];

/// Where the events of a session are, resolved against its address; null where there are none.
Uri? eventsOf(List<Link> links, Uri session) {
  for (final link in links) {
    if (link.relation == eventsRelation) return session.resolve(link.target);
  }
  return null;
}
