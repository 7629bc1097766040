package main

//#include <malloc.h>
//
//// one_arena makes GNU's malloc return freed memory to the system. Go moves goroutines from thread to thread. By
//// default, malloc makes an arena for each thread, up to eight per processor, and the memory of closed frames stays in
//// the arenas. Therefore M_ARENA_MAX allows one arena only. Allocations of 128 KiB and more get a mapping of their
//// own, which malloc returns to the system when it is freed: the chroma planes and the motion vectors of 720p have 226
//// KiB each and would leave holes in the arena. These mappings cost nothing, since frames are pooled. Nine cameras,
//// three rungs and a minute of guests took at most 245 MiB without one_arena and 238 MiB with it. It is a constructor
//// because M_ARENA_MAX works only before a second thread allocates, and Go starts threads before any other code of
//// ours runs.
//#ifdef __GLIBC__
//__attribute__((constructor)) static void one_arena(void) {
//	mallopt(M_ARENA_MAX, 1);
//	mallopt(M_MMAP_THRESHOLD, 128 << 10);
//	mallopt(M_TRIM_THRESHOLD, 256 << 10);
//}
//#endif
import "C"
