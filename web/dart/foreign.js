/**
 * foreign.js – every name that the Dart client takes from elsewhere, by library. It is to be read by a person with the
 * libraries' documentation beside it: names are all that is checked here, no types.
 */

/** @type {Record<string, {names?: string, members?: string}>} */
export const foreign = {
  'dart:core': {
    names: `DateTime Duration Exception FormatException Future List Map Object RegExp Stream String TypeError Uri bool double
      dynamic int num override void _`,
    members: `add addAll allMatches any clear contains containsKey delayed difference endsWith firstWhere fromEnvironment
      defaultValue fromIterable group inMilliseconds indexOf isEmpty isNotEmpty join length map milliseconds minutes now
      onTimeout orElse path pathSegments putIfAbsent queryParameters replace replaceAllMapped resolve resolveUri reversed
      seconds single split startsWith substring timeout toDouble toInt toList toLowerCase tryParse wait where zero`,
  },
  'dart:async': {
    names: 'Completer StreamSubscription Timer unawaited',
    members: 'cancel complete drain future isCompleted listen periodic transform',
  },
  'dart:convert': {names: 'LineSplitter jsonDecode jsonEncode utf8', members: 'allowMalformed decode decoder encode'},
  'dart:io': {names: 'File', members: 'readAsStringSync'},
  'dart:math': {names: 'Random min', members: 'nextInt'},
  'dart:ui': {names: 'Offset Rect Size', members: 'dx dy fromLTWH left top'},
  'package:http/http.dart': {
    names: 'Client Request Response',
    members: 'body bodyBytes delete fromStream patch post send statusCode stream',
  },
  'package:connectivity_plus/connectivity_plus.dart': {
    names: 'Connectivity ConnectivityResult',
    members: 'checkConnectivity ethernet mobile onConnectivityChanged wifi',
  },
  'package:flutter_webrtc/flutter_webrtc.dart': {
    names: `MediaStream RTCIceGatheringState RTCPeerConnection RTCPeerConnectionState RTCRtpMediaType RTCRtpTransceiverInit
      RTCSessionDescription RTCVideoRenderer RTCVideoView StatsReport TransceiverDirection createPeerConnection`,
    members: `RTCIceGatheringStateComplete RTCPeerConnectionStateDisconnected RTCPeerConnectionStateFailed RTCRtpMediaTypeAudio
      RTCRtpMediaTypeVideo RecvOnly addTransceiver createOffer direction getLocalDescription getStats initialize kind
      onConnectionState onIceCandidate onIceGatheringState onTrack renderVideo sdp setLocalDescription setRemoteDescription
      srcObject streams track videoHeight videoWidth`,
  },
  'package:flutter/foundation.dart': {
    names: 'ChangeNotifier debugPrint',
    members: 'addListener notifyListeners removeListener value',
  },
  'package:flutter/material.dart': {
    names: `AppLifecycleState BuildContext Center CircularProgressIndicator Colors Column GestureDetector HitTestBehavior
      LayoutBuilder ListenableBuilder MainAxisSize MaterialApp ObjectKey Opacity PopScope Positioned Scaffold Semantics SizedBox
      Stack StackFit State StatefulWidget StatelessWidget Text TextAlign TextButton ThemeData Widget WidgetsBinding
      WidgetsBindingObserver runApp`,
    members: `addObserver backgroundColor behavior biggest black builder button canPop center child children dark detached
      expand fit fromRect hidden home inactive instance key label listenable localPosition mainAxisSize mounted
      onPopInvokedWithResult onPressed onTap onTapUp opacity opaque paused removeObserver resumed selected shrink textAlign theme
      title widget`,
  },
  'package:flutter_test/flutter_test.dart': {
    names: 'expect greaterThanOrEqualTo isFalse isNull isTrue lessThanOrEqualTo test',
  },
};

/** Libraries that export another's names, too. @type {Record<string, string[]>} */
export const exporters = {
  'dart:ui': ['package:flutter/material.dart'],
  'package:flutter/foundation.dart': ['package:flutter/material.dart'],
};

/** @param {string|undefined} text */
export const words = (text) => (text || '').split(/\s+/).filter(Boolean);
