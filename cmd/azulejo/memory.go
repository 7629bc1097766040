package main

//#include <malloc.h>
//
//// one_arena makes GNU's malloc give memory back. Go moves goroutines from thread to thread, and malloc would make an arena
//// for each of them, up to eight a processor, in which the memory of closed frames stays. Frames are pooled, so that pages
//// of their own cost nothing. The limit counts only before the second thread allocates, and Go starts threads before any
//// code of ours runs: hence a constructor. Nine cameras, three rungs and a minute of guests took 245 MiB at most without
//// it, and 238 MiB with it. An allocation from 128 KiB on is a mapping of its own, which goes back at once: chroma and
//// motion vectors of 720p have 226 KiB each, and would leave holes in the arena.
//#ifdef __GLIBC__
//__attribute__((constructor)) static void one_arena(void) {
//	mallopt(M_ARENA_MAX, 1);
//	mallopt(M_MMAP_THRESHOLD, 128 << 10);
//	mallopt(M_TRIM_THRESHOLD, 256 << 10);
//}
//#endif
import "C"
