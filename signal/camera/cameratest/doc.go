// Package cameratest has a fake RTSP camera for tests. It speaks RTSP over TCP sockets of its own, with or without TLS,
// and a test can replace each of its steps: answers, session description, packets.
package cameratest
