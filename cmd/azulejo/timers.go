package main

//#ifdef __linux__
//#include <sys/prctl.h>
//
//// late_timers lets the kernel end a thread's waits up to 2 ms late, so that it can end several waits at once. Without
//// it, Go's monitor thread polls every 20 µs for a while after each time that the process was idle. Media wakes the
//// process hundreds of times a second, so nine cameras and one viewer took 6 % more CPU time. With late_timers, the
//// audio ticks (every 20 ms) are 2 ms late at the median instead of 0.6 ms. At the 99th percentile they are 4 ms late,
//// with and without it. It is a constructor because a thread inherits the slack of the thread that started it, and Go
//// starts threads before any other code of ours runs.
//__attribute__((constructor)) static void late_timers(void) { prctl(PR_SET_TIMERSLACK, 2000000UL, 0, 0, 0); }
//#endif
import "C"
