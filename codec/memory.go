package codec

//#include <malloc.h>
//
//// one_arena has GNU's malloc give memory back. Go moves goroutines from thread to thread, and there would be an arena for
//// each of them, up to eight a processor, in which freed pictures stay; pictures are pooled, so that pages of their own
//// cost nothing. The limit counts only before the second thread allocates, and Go starts threads before anything of
//// ours runs: hence a constructor. Nine cameras, three rungs and a minute of guests took 245 MiB at most without it
//// and 238 with it. From 128 KiB on memory is a mapping of its own, which goes back at once: chroma and motion vectors
//// of 720p have 226 KiB each, and leave holes in the arena.
//#ifdef __GLIBC__
//__attribute__((constructor)) static void one_arena(void) {
//	mallopt(M_ARENA_MAX, 1);
//	mallopt(M_MMAP_THRESHOLD, 128 << 10);
//	mallopt(M_TRIM_THRESHOLD, 256 << 10);
//}
//#endif
import "C"
