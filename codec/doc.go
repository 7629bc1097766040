// Package codec is the border to C: frames, decoders, encoders, scaling, resampling and reading of media files, all
// through FFmpeg and libopus. The mixer's engine calls it, and tests do.
//
// Every type that holds C memory has a Close that is nil-safe and may be called twice. One goroutine at a time uses such a
// type, unless its comment says otherwise. A Frame may be read by many goroutines.
package codec
