// Package engine mixes the media of a room: it decodes sources, composes their video in views, mixes their audio, and encodes
// each rendition once for all its subscriptions. A room owns one Engine. The hub controls the Engine with commands and gets
// events from it, see mixer.Command and mixer.Event. Any goroutine may call Send.
//
// Goroutines:
//   - The control loop owns the subscriptions to video and the map of video renditions. It executes the commands about
//     subscriptions and views, which come through the mailbox.
//   - Each source has one decoder goroutine for video and one for audio.
//   - Each view has a ticker, which composes the canvas at the frame rate of the view.
//   - The audio ticker mixes one block of each source every 20 ms.
//   - Each rendition, of video or audio, has an encoder goroutine.
//   - Each feed, a file or a test pattern, has a goroutine.
//   - Opening or closing a video rendition, and closing a source, take a goroutine for a short time.
//   - The governor sets the level of overload every 2 s.
//
// Queues between these goroutines never block the sender:
//   - At most 64 packets wait for a video decoder. When there are more, all of them are dropped, and decoding continues at
//     the next keyframe.
//   - At most 32 packets wait for an audio decoder. When there are more, new packets are dropped.
//   - A frameSlot holds the newest frame of a source. Views fetch the frame when they compose.
//   - A jitterBuffer holds at most 200 ms of decoded audio of a source. When there is more, the oldest audio is dropped.
//   - One canvas waits for a video encoder. A newer canvas replaces it.
//   - At most 100 blocks wait for an audio encoder. When there are more, new blocks are dropped.
//   - The mailbox is not bounded, because commands must not be lost.
//
// mixer.Stats counts what was dropped, except for audio that jitter buffers dropped.
package engine
