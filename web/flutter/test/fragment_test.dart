import 'package:azulejo_viewer/fragment.dart';
import 'package:flutter_test/flutter_test.dart';

const offer = 'v=0\r\n'
    'a=group:BUNDLE 0 1\r\n'
    'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'
    'a=ice-ufrag:EsAw\r\n'
    'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n'
    'a=mid:0\r\n'
    'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n'
    'a=mid:1\r\n';

void main() {
  test('candidates, and their end', () {
    const candidate = 'candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host';
    expect(
      trickleFragment(offer, [candidate], last: true),
      'a=group:BUNDLE 0 1\r\n'
      'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'
      'a=mid:0\r\n'
      'a=ice-ufrag:EsAw\r\n'
      'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n'
      'a=$candidate\r\n'
      'a=end-of-candidates\r\n',
    );
  });

  test('more may follow', () {
    expect(trickleFragment(offer, const [], last: false).endsWith('a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n'), isTrue);
  });
}
