// Package repeat finds the pictures of an H.264 stream that are bit for bit the previous picture, without decoding them:
// cameras that see nothing move send P pictures in which all macroblocks are P_Skip. The mixer asks a Detector before it
// decodes. A Detector belongs to one goroutine, starts none, and does not panic for any input.
//
// Why such a picture is the same (clauses are those of ITU-T H.264):
//
//   - Which picture is copied. P_Skip predicts from index 0 of list 0 (7.4.5, 8.4.2.1). Without modification that is
//     the short-term reference frame with the highest PicNum (8.2.4.2.1). The previous picture was a reference that was
//     marked by the sliding window (8.2.5.3), and its frame_num is one less. Its PicNum is CurrPicNum - 1, and no other
//     can be higher (8.2.4.1). A modification whose first command subtracts 1 from CurrPicNum puts the same picture at
//     index 0, and later commands do not move it (8.2.4.3.1).
//   - From where. The motion vector is zero if the neighbour to the left or above is not available, or has index 0
//     and no motion (8.4.1.1). The first macroblock of a slice has no neighbours. Every other one has neighbours that
//     are not available, or that are skipped and have zero vectors by the same argument. So all vectors are zero, and
//     prediction copies whole samples (8.4.2.2). That also holds where weights are signalled but not for index 0
//     (8.4.2.3: the default weight 2^logWD without an offset gives back the sample).
//   - What is added. P_Skip has no residual (7.3.5).
//   - What the deblocking filter does. It does nothing, enabled or not: no edge has a side that is intra coded or has
//     coefficients, and both sides have the same reference picture and the same motion. So bS is 0 everywhere (8.7.2.1)
//     and no sample is filtered (8.7.2.2). The picture that is copied was filtered when it was decoded.
//
// Some streams are not considered, and none of their pictures counts as a repeat: fields and MBAFF, B slices, SP and SI,
// separate colour planes, flexible macroblock order, redundant pictures, data partitioning, extensions (SVC, MVC),
// auxiliary pictures, memory management commands, and film grain, which decoders add to every picture anew.
package repeat
