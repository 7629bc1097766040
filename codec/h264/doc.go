// Package h264 reads the syntax of H.264 (ITU-T H.264; clauses and tables are of that text): NAL units, Annex B,
// emulation prevention, Exp-Golomb codes, parameter sets and slice headers. It decodes no samples and knows no RTP.
// Its functions do not panic and always return, for any input.
package h264
