/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another wall clock for one program, to be loaded with LD_PRELOAD: true time and the
 * milliseconds that stand in the file $SKEIN_CLOCK (an int64_t, changed at any moment).  The
 * file is mapped before the program begins, so what a sandbox forbids is not needed later, and
 * its children have the same clock.  Clocks that nobody sets stay as they are.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_ms;
static int (*true_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("SKEIN_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, sizeof(*ahead_ms), PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		_exit(2);
	close(fd);
	ahead_ms = p;
	*(void **)&true_clock = dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc;

	if (!true_clock) /* somebody else's constructor was first */
		start();
	rc = true_clock(id, t);
	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		int64_t ms = t->tv_sec * INT64_C(1000) + *ahead_ms;

		t->tv_sec = ms / 1000;
		t->tv_nsec += ms % 1000 * 1000000;
		t->tv_sec += t->tv_nsec / 1000000000;
		t->tv_nsec %= 1000000000;
	}
	return rc;
}

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	out->tv_sec = t.tv_sec;
	out->tv_usec = t.tv_nsec / 1000;
	return 0;
}
