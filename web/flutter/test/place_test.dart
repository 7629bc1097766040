import 'package:azulejo_viewer/place.dart';
import 'package:azulejo_viewer/refusal.dart';
import 'package:flutter_test/flutter_test.dart';

void main() {
  test('the endpoint, with what is asked for', () {
    final place = Place(server: Uri.parse('https://wall.example'), room: 'yard', token: 't');
    expect(place.whep().toString(), 'https://wall.example/whep/yard?view=main');
    expect(place.headers, {'authorization': 'Bearer t'});
    final asked = place.whep(spotlight: 'Ana & Bo', rung: '360p');
    expect(asked.queryParameters, {'view': 'main', 'spotlight': 'Ana & Bo', 'rung': '360p'});
  });

  test('below a path, another view, without sound, without a token', () {
    final place = Place(server: Uri.parse('http://10.0.2.2:8080/az/'), room: '정문', view: 'phone', audio: false);
    expect(place.whep().path, '/az/whep/%EC%A0%95%EB%AC%B8');
    expect(place.whep().queryParameters, {'view': 'phone', 'audio': '0'});
    expect(place.headers, isEmpty);
  });

  test('the spotlight and the way back', () {
    final place = Place(server: Uri.parse('https://wall.example'), room: 'yard');
    expect(place.selection('a'), {'view': 'main', 'spotlight': 'a'});
    expect(place.selection(''), {'view': 'main'});
  });

  test('refusals: which are final, and what they say', () {
    expect(const Refusal(401, '').isFinal, isTrue);
    expect(const Refusal(404, '').isFinal, isFalse);
    expect(const Refusal(429, '').isFinal, isFalse);
    expect(const Refusal(503, '').isFinal, isFalse);
    expect(detailOf('{"title":"Forbidden","status":403,"detail":"the token is for another room"}'), 'the token is for another room');
    expect(detailOf('<html>'), '');
    expect(const Refusal(502, '').toString(), 'the server answered 502');
  });
}
