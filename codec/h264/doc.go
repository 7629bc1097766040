// Package h264 reads the syntax of H.264: NAL units, Annex B, emulation prevention, Exp-Golomb codes, parameter sets and
// slice headers. Numbers of clauses and tables in its comments refer to ITU-T H.264. The package decodes no samples and
// does not handle RTP. Its functions do not panic and always return, for any input.
package h264
