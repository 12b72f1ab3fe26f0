// Imported before anything else, since libuv reads this once, when the first work is given to its
// threads. Look-ups of names that nobody answers may hold half of them for ten seconds or more; with
// libuv's own 4 threads, two dead names would stop all others. A thread that waits costs a few KiB:
// 256 of them were measured at 0.7 MiB. (The system's environment is set, as in a shell.)
process.env.UV_THREADPOOL_SIZE ??= '256';
