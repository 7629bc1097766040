// Package repeat finds the pictures of an H.264 stream that are equal to the previous picture bit for bit. It does so
// without decoding the pictures. When nothing moves in front of a camera, the camera sends P pictures in which all
// macroblocks are P_Skip. The mixer passes packets to a Detector before it decodes them. A Detector belongs to one
// goroutine, starts no goroutines, and does not panic for any input.
//
// The following explains why such a picture is equal to the previous one. Clauses are those of ITU-T H.264.
//
//   - Which picture is copied. P_Skip predicts from index 0 of list 0 (7.4.5, 8.4.2.1). Without modification of
//     the list, index 0 is the short-term reference frame with the highest PicNum (8.2.4.2.1). The previous picture was
//     marked as a short-term reference by the sliding window process (8.2.5.3), and its frame_num is one less than that
//     of the current picture. So its PicNum is CurrPicNum - 1, and no other reference has a higher PicNum (8.2.4.1).
//     A modification of the list whose first command subtracts 1 from CurrPicNum puts the same picture at index 0. Later
//     commands do not move it (8.2.4.3.1).
//   - From which position. The motion vector is zero if the neighbour to the left or above is not available, or has
//     index 0 and no motion (8.4.1.1). The first macroblock of a slice has no available neighbours. The neighbours of
//     every other macroblock are not available, or they are skipped and have zero vectors by the same argument. So all
//     vectors are zero, and prediction copies samples without interpolation (8.4.2.2). Explicit weights change nothing if
//     index 0 has none: the default weight 2^logWD without an offset does not change a sample (8.4.2.3).
//   - What is added. P_Skip has no residual (7.3.5).
//   - What the deblocking filter changes. The filter changes nothing, even if it is enabled. No macroblock is intra coded or
//     has coefficients, and the two sides of each edge have the same reference picture and the same motion. So bS is 0
//     everywhere (8.7.2.1) and no sample is filtered (8.7.2.2). The copied picture was filtered when it was decoded.
//
// Pictures that use certain features never count as repeats: fields and MBAFF, B slices, SP and SI slices, separate colour
// planes, flexible macroblock order, redundant pictures, data partitioning, extensions (SVC, MVC), auxiliary pictures,
// memory management commands, and film grain. (The noise of film grain differs from picture to picture.)
package repeat
