/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process's cgroups say of it: systemd unit and container.  Pure.
 *
 * A unit is the lowest name that ends like one, below the innermost container: what lives on
 * when processes come and go.  So numbers that are made anew at each start are left out of it
 * (systemd.scope(5), systemd-run(1), systemd.socket(5) Accept=):
 *
 *	session-3.scope            session.scope
 *	run-u12.service            run.service      (-r and 32 hexadecimal digits, -p1-i2 too)
 *	app-firefox-1234.scope     app-firefox.scope
 *	ftp@7-10.0.0.1:21-10.0.0.9:4711.service     ftp@.service
 *
 * A container is its id, to the letter, or its name where the cgroup has that (LXC, LXD,
 * Proxmox, systemd-nspawn): Docker, containerd, CRI-O, Podman and whatever else runs under
 * PREFIX-<64 hexadecimal digits>.scope, /<64 hexadecimal digits>, or in a pod of Kubernetes,
 *by the cgroups of version 1 and 2.  What a runtime runs beside a container (conmon,
 *lxc.monitor, the supervisor of nspawn) is none.
 */
#ifndef SENSOR_CGROUP_H
#define SENSOR_CGROUP_H

#include <stddef.h>

#include "common/fact.h"

struct cgroup_words {
	char unit[NAME_LEN + 1];      /* "" outside of any */
	char container[NAME_LEN + 1]; /* "" outside of any */
};

/* From one hierarchy's path, "/system.slice/nginx.service". */
void cgroup_read_path(const char *path, struct cgroup_words *out);
/* From the names as the kernel's programs give them: LEN bytes, lowest first, NUL after each.
 */
void cgroup_read_names(const char *names, size_t len, struct cgroup_words *out);
/* From the text of /proc/PID/cgroup: the unified hierarchy, pids, memory, name=systemd. */
void cgroup_read_proc(const char *text, struct cgroup_words *out);
/* Two hierarchies of one process: OUT keeps what it has, unless only MORE has a container. */
void cgroup_join(struct cgroup_words *out, const struct cgroup_words *more);

#endif
