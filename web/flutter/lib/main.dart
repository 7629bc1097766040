// The seedling of a client for azulejo. Where to look comes from the command line:
//
//     flutter run --dart-define=SERVER=https://wall.example --dart-define=ROOM=yard --dart-define=TOKEN=…

import 'package:flutter/material.dart';

import 'place.dart';
import 'screen.dart';

/// What Android's emulator calls its host.
const _server = String.fromEnvironment('SERVER', defaultValue: 'http://10.0.2.2:8080');
const _room = String.fromEnvironment('ROOM', defaultValue: 'demo');
const _view = String.fromEnvironment('VIEW', defaultValue: 'main');
const _token = String.fromEnvironment('TOKEN');
const _audio = bool.fromEnvironment('AUDIO', defaultValue: true);

void main() => runApp(const Viewer());

/// The app: one dark screen.
class Viewer extends StatelessWidget {
  const Viewer({super.key});

  @override
  Widget build(BuildContext context) => MaterialApp(
        title: 'azulejo',
        theme: ThemeData.dark(),
        home: PlaceScreen(
          place: Place(server: Uri.parse(_server), room: _room, view: _view, token: _token, audio: _audio),
        ),
      );
}
