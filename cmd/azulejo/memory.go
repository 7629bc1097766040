package main

//#include <malloc.h>
//
//// one_arena makes GNU's malloc return freed memory to the system.
////
//// By default, malloc makes an arena for each thread, up to eight per processor. Go moves goroutines from thread to
//// thread, so the memory of closed frames stays in many arenas. M_ARENA_MAX therefore allows one arena only.
////
//// Each allocation of 128 KiB or more gets its own memory mapping. malloc returns the mapping to the system when the
//// allocation is freed. The chroma planes and the motion vectors of 720p have 226 KiB each. In the arena they would leave
//// holes. The mappings cost little CPU time, since frames are pooled.
////
//// Measured with nine cameras, three rungs, and clients that joined and left for a minute: at most 245 MiB without
//// one_arena and 238 MiB with one_arena.
////
//// one_arena is a constructor, because M_ARENA_MAX works only before a second thread allocates memory. Go starts
//// threads before the first init function runs.
//#ifdef __GLIBC__
//__attribute__((constructor)) static void one_arena(void) {
//	mallopt(M_ARENA_MAX, 1);
//	mallopt(M_MMAP_THRESHOLD, 128 << 10);
//	mallopt(M_TRIM_THRESHOLD, 256 << 10);
//}
//#endif
import "C"
