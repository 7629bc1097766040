// Package codec wraps FFmpeg and libopus: frames, decoders, encoders, scaling, resampling and reading of media files. All
// other packages use FFmpeg and libopus through this package. Its callers are the mixer's engine, cmd and tests.
//
// Every type that holds C memory has a method Close, which is nil-safe and may be called twice. Only one goroutine at a time
// may use a value of such a type. Frame is an exception: many goroutines may read the same Frame.
package codec
