// Package codec is the border to C: pictures, sound, decoders, encoders, scaling, resampling and
// reading of media files, all through FFmpeg. The mixer, the recorder's tests and the cameras call it.
//
// Every type that holds C memory has a Close that is nil-safe and may be called twice. Unless its
// comment says otherwise, such a type belongs to one goroutine; a Frame may be read by many.
package codec
