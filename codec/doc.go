// Package codec wraps FFmpeg and libopus: frames, decoders, encoders, scaling, resampling and reading of media files. Other
// packages use both only through this one. The mixer's engine and tests use it.
//
// Every type that holds C memory has a Close that is nil-safe and may be called twice. Only one goroutine at a time may use
// such a type, unless its comment says otherwise. Many goroutines may read one Frame.
package codec
