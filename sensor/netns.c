/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static int home_fd = -1;
static uint32_t home;

static void find_home(void)
{
	if (home_fd >= 0)
		return;
	home_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	home = netns_of("/proc/self/ns/net");
}

uint32_t netns_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

uint32_t netns_of_process(uint32_t tgid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/net", tgid);
	return tgid ? netns_of(path) : 0;
}

uint32_t netns_home(void)
{
	find_home();
	return home;
}

static void each_named(const char *dir_path, netns_fn *fn, void *ctx)
{
	DIR *dir = opendir(dir_path);
	struct dirent *entry;
	struct stat above;
	char path[512];

	if (!dir)
		return;
	while (fstat(dirfd(dir), &above) == 0 && (entry = readdir(dir))) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		/* a file that nothing is mounted on is none */
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev != above.st_dev)
			fn(ctx, (uint32_t)st.st_ino, path);
	}
	closedir(dir);
}

void netns_each(netns_fn *fn, void *ctx)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300];
	uint32_t netns;

	each_named("/run/netns", fn, ctx);
	each_named("/run/docker/netns", fn, ctx);
	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		netns = netns_of(path);
		if (netns)
			fn(ctx, netns, path);
	}
	if (proc)
		closedir(proc);
}

uint32_t netns_path_process(const char *path)
{
	unsigned tgid;

	return sscanf(path, "/proc/%u/", &tgid) == 1 ? tgid : 0;
}

int netns_enter(uint32_t netns, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;

	find_home();
	if (fd < 0 || home_fd < 0) {
		rc = -errno;
	} else if (fstat(fd, &st) || (uint32_t)st.st_ino != netns) {
		rc = -ESTALE;
	} else if (setns(fd, CLONE_NEWNET)) {
		rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void netns_leave(void)
{
	find_home();
	if (setns(home_fd, CLONE_NEWNET) == 0)
		return;
	log_err("back to the sensor's own network namespace: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}
