// Package repeat finds the pictures of an H.264 stream that are bit for bit the picture before, without decoding
// them: cameras that see nothing move send P pictures all of whose macroblocks are P_Skip. The mixer asks it before
// it decodes. A Detector belongs to one goroutine, starts none, and does not panic whatever it is fed.
//
// Why such a picture is the same (clauses are those of ITU-T H.264):
//
//   - Which picture is copied. P_Skip predicts from index 0 of list 0 (7.4.5, 8.4.2.1). Without modification that is
//     the short-term reference frame with the highest PicNum (8.2.4.2.1). The picture before was a reference that was
//     marked by the sliding window (8.2.5.3) and whose frame_num is one less: its PicNum is CurrPicNum - 1, and no
//     other can be higher (8.2.4.1). A modification whose first command subtracts 1 from CurrPicNum puts the very same
//     picture at index 0, and those that follow do not move it (8.2.4.3.1).
//   - From where. The motion vector is zero if the neighbour to the left or above is not available, or has index 0
//     and no motion (8.4.1.1). The first macroblock of a slice has no neighbours; every other one has neighbours that
//     are not available or skipped, of which the same was just shown. So all vectors are zero, and prediction copies
//     whole samples (8.4.2.2), also where weights are signalled but not for index 0 (8.4.2.3: the default weight
//     2^logWD and no offset give back the sample).
//   - What is added. P_Skip has no residual (7.3.5).
//   - What the deblocking filter does. Nothing, whether it is disabled or not: no edge has a side that is intra coded
//     or has coefficients, both sides have the same reference picture and the same motion, so bS is 0 everywhere
//     (8.7.2.1) and no sample is filtered (8.7.2.2). The picture that is copied was filtered when it was decoded.
//
// What is not considered, and is therefore no repeat: fields and MBAFF, B slices, SP and SI, separate colour planes,
// flexible macroblock order, redundant pictures, data partitioning, extensions (SVC, MVC), auxiliary pictures, memory
// management commands, and streams with film grain, which decoders add to every picture anew.
package repeat
