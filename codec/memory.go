package codec

//#include <malloc.h>
//
//// few_arenas does nothing where the C library is another than GNU's.
//static void few_arenas(void) {
//#ifdef __GLIBC__
//	mallopt(M_ARENA_MAX, 2);
//	mallopt(M_MMAP_THRESHOLD, 256 << 10);
//	mallopt(M_TRIM_THRESHOLD, 256 << 10);
//#endif
//}
import "C"

// KeepMemorySmall makes the C library give memory back. Go moves goroutines from thread to thread, and GNU's malloc has an
// arena for each of them, in which freed pictures would stay; pictures are pooled, so that pages of their own cost
// nothing. To be called once, before anything else of this package.
func KeepMemorySmall() { C.few_arenas() }
