// What the server says when the answer is no.

import 'dart:convert';

import 'package:http/http.dart' as http;

/// A refused request: problem details (RFC 9457), or whatever else came with the status.
class Refusal implements Exception {
  const Refusal(this.status, this.detail, {this.retryAfter = Duration.zero});

  factory Refusal.of(http.Response response) => Refusal(
        response.statusCode,
        detailOf(utf8.decode(response.bodyBytes, allowMalformed: true)),
        retryAfter: Duration(seconds: int.tryParse(response.headers['retry-after'] ?? '') ?? 0),
      );

  final int status;
  final String detail;

  /// How long the server wants to be left alone.
  final Duration retryAfter;

  /// Whether asking again in the same way is of no use: it is the request that is wrong.
  bool get isFinal => status >= 400 && status < 500 && status != 404 && status != 408 && status != 429;

  @override
  String toString() => detail.isEmpty ? 'the server answered $status' : detail;
}

/// The `detail` of problem details, or an empty string.
String detailOf(String body) {
  try {
    final problem = jsonDecode(body);
    if (problem is Map && problem['detail'] is String) return problem['detail'] as String;
  } on FormatException {
    return '';
  }
  return '';
}
