// Package engine mixes the media of a room: it decodes sources, composes them in views, mixes their audio, and encodes
// each rendition once for all its subscriptions. A room owns one Engine. The methods of an Engine may be called from
// any goroutine. The hub controls the Engine through the seam, see mixer.Command and mixer.Event.
//
// Goroutines:
//   - The control loop owns the subscriptions and the table of video renditions. It runs jobs from the mailbox: the
//     commands about subscriptions and views.
//   - Each source has one decoder goroutine for video and one for audio.
//   - Each view has a ticker, which composes the canvas at the frame rate of the view.
//   - The audio ticker mixes one block of each source every 20 ms.
//   - Each rendition, of video or audio, has an encoder goroutine.
//   - Each feed, a file or a test pattern, has a goroutine.
//   - Opening or closing a video rendition, and closing a source, take a goroutine for a short time.
//   - The governor sets the level of overload every 2 s.
//
// Queues between them never block the sender:
//   - Packets for a decoder: 64 of video, 32 of audio. When the queue of video is full, all its packets are dropped, and
//     decoding continues at the next keyframe. When the queue of audio is full, the new packet is dropped.
//   - A frameSlot holds the newest frame of a source. Views fetch the frame when they compose.
//   - A jitterBuffer holds at most 200 ms of decoded audio of a source. When there is more, the oldest audio is dropped.
//   - One canvas waits for a video encoder. A newer canvas replaces it.
//   - At most 100 blocks wait for an audio encoder. When there are more, new blocks are dropped.
//   - The mailbox is not bounded, because commands must not be lost.
//
// mixer.Stats counts what was dropped, except for audio that jitter buffers dropped.
package engine
