package main

//#ifdef __linux__
//#include <sys/prctl.h>
//
//// late_timers sets the timer slack of all threads to 2 ms. The kernel may then end a wait up to 2 ms late, so that
//// several waits end at once.
////
//// Without this slack, Go's monitor thread polls every 20 µs for a while after each idle time of the process. Media
//// wakes the process hundreds of times a second. Nine cameras and one viewer took 6 % more CPU time without the slack.
//// With the slack, the audio ticks (every 20 ms) are 2 ms late at the median instead of 0.6 ms. The 99th percentile is
//// 4 ms in both cases.
////
//// late_timers is a constructor, because a thread inherits the slack of the thread that started it. Go starts threads
//// before the first init function runs.
//__attribute__((constructor)) static void late_timers(void) { prctl(PR_SET_TIMERSLACK, 2000000UL, 0, 0, 0); }
//#endif
import "C"
