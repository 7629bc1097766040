// The SDP fragments of trickle ICE (RFC 8840, RFC 9725 section 4.3.2).

/// Candidates of the first media section of [sdp], which carries all of them under BUNDLE. [last]: there are no more.
String trickleFragment(String sdp, List<String> candidates, {required bool last}) {
  final lines = sdp.split(RegExp(r'\r?\n'));
  String first(String prefix) => lines.firstWhere((line) => line.startsWith(prefix), orElse: () => '');
  return [
    first('a=group:BUNDLE'),
    first('m='),
    first('a=mid:'),
    first('a=ice-ufrag:'),
    first('a=ice-pwd:'),
    for (final candidate in candidates) 'a=$candidate',
    if (last) 'a=end-of-candidates',
  ].where((line) => line.isNotEmpty).map((line) => '$line\r\n').join();
}
