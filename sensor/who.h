/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that can be told of one process, taken either from what the kernel announced or from
 * /proc; both ways tell the same of the same process.
 */
#ifndef SENSOR_WHO_H
#define SENSOR_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"
#include "common/fact.h"
#include "sensor/cgroup.h"

/* UTF-8, "" where it is not known. */
struct who {
	char name[NAME_LEN + 1]; /* sensor/procname.h */
	struct cgroup_words group;
	char exe[PATH_LEN + 1];	 /* without " (deleted)" */
	char app[PATH_LEN + 1];	 /* behind java: sensor/javaname.h */
	char args[PATH_LEN + 1]; /* without secrets: sensor/redact.h; only if asked for */
	uint32_t uid;
};

/* Pure, but for arguments that the event has in part only: those of a live process are read.
 */
bool who_of_event(const struct process_event *e, bool args, struct who *out);
/* False if the process that began at BORN (bpf/event.h) is not there, or was never named. */
bool who_of_proc(uint32_t tgid, uint64_t born, bool args, struct who *out);

#endif
