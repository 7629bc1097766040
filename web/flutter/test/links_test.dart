import 'package:azulejo_viewer/links.dart';
import 'package:flutter_test/flutter_test.dart';

void main() {
  test('ICE servers with and without credentials, among other links', () {
    final links = parseLinks(
      '<stun:stun.example:3478>; rel="ice-server", '
      '<turn:turn.example:3478?transport=udp>; rel="ice-server"; username="1789:a"; credential="p,a;\\"ss"; credential-type="password", '
      '<https://wall.example/whep/yard/1/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"',
    );
    expect(links.length, 3);
    expect(iceServersOf(links), [
      {
        'urls': ['stun:stun.example:3478'],
      },
      {
        'urls': ['turn:turn.example:3478?transport=udp'],
        'username': '1789:a',
        'credential': 'p,a;"ss',
      },
    ]);
  });

  test('events are found, relative ones too', () {
    final session = Uri.parse('https://wall.example/whep/yard/1');
    final absolute = parseLinks('<https://other.example/e>; rel="urn:ietf:params:whep:ext:core:server-sent-events"');
    expect(eventsOf(absolute, session), Uri.parse('https://other.example/e'));
    final relative = parseLinks('</whep/yard/1/events>; rel=urn:ietf:params:whep:ext:core:server-sent-events');
    expect(eventsOf(relative, session), Uri.parse('https://wall.example/whep/yard/1/events'));
    expect(eventsOf(const [], session), isNull);
  });

  test('names are lower case, the first of two counts, an empty header has no links', () {
    final link = parseLinks('<a>; REL=first; rel=second; flag').single;
    expect(link.relation, 'first');
    expect(link.parameters['flag'], '');
    expect(parseLinks(''), isEmpty);
    expect(parseLinks('no link'), isEmpty);
  });
}
