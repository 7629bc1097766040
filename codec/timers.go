package codec

//#ifdef __linux__
//#include <sys/prctl.h>
//
//// late_timers lets the kernel end waits up to two milliseconds late, and so several at once. Go's monitor thread otherwise
//// polls every 20 µs for a while after each time that the process was idle, and media wakes it hundreds of times a
//// second: nine cameras and one viewer took 6 % more CPU time. The sound's clock of 20 ms is then 2 ms late at the
//// median instead of 0.6, and 4 at the 99th percentile as before. A thread has the slack of the one that started it, and
//// Go starts some before anything of ours runs: hence a constructor.
//__attribute__((constructor)) static void late_timers(void) { prctl(PR_SET_TIMERSLACK, 2000000UL, 0, 0, 0); }
//#endif
import "C"
