import 'package:azulejo_viewer/events.dart';
import 'package:flutter_test/flutter_test.dart';

Future<List<ServerEvent>> parse(List<String> lines) => parseEvents(Stream.fromIterable(lines)).toList();

void main() {
  test('an event ends with an empty line, and not before', () async {
    final events = await parse(['event: layout', 'data: {}', '', 'event: end', 'data: {}']);
    expect(events.length, 1);
    expect(events.single.type, 'layout');
    expect(events.single.data, '{}');
  });

  test('comments and other fields say nothing, one space after the colon is no part of the value', () async {
    final events = await parse([': still here', 'id: 7', 'retry:1', 'event:x', 'data:  a', 'data', 'data:b', '']);
    expect(events.single.type, 'x');
    expect(events.single.data, ' a\n\nb');
  });

  test('an event without data is none; one without a type is a message', () async {
    final events = await parse(['event: x', '', 'data: 1', '']);
    expect(events.single.type, 'message');
  });

  test('news of each kind', () {
    final layout = readNews(
      const ServerEvent(
        'layout',
        '{"type":"layout","view":"main","rtp":1,"canvas":{"w":1280,"h":720},'
            '"tiles":[{"id":"a","name":"Ana","x":0,"y":180,"w":640,"h":360,"state":"live","age":0,"speaking":false}]}',
      ),
    );
    expect((layout! as LayoutNews).layout.tiles.single.name, 'Ana');
    final rendition = readNews(
      const ServerEvent('rendition', '{"type":"rendition","codec":"h264","w":640,"h":360,"fps":25,"bitrate":500000}'),
    );
    expect((rendition! as RenditionNews).width, 640);
    final end = readNews(const ServerEvent('end', '{"type":"end","code":"closing","message":"the server stops"}'));
    expect((end! as EndNews).code, 'closing');
  });

  test('what is of no use, or broken, is no news', () {
    expect(readNews(const ServerEvent('overload', '{"level":1}')), isNull);
    expect(readNews(const ServerEvent('layout', '{"tiles":3}')), isNull);
    expect(readNews(const ServerEvent('layout', 'no JSON')), isNull);
  });
}
