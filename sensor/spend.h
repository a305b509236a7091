/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor's processes have used, as /proc tells. */
#ifndef SENSOR_SPEND_H
#define SENSOR_SPEND_H

#include <stdint.h>
#include <sys/types.h>

struct spend {
	uint64_t cpu_ns;       /* user and system, since the process began */
	uint64_t memory_bytes; /* proportional set: what is shared counts in parts */
};

/* Adds what process PID (0: this one) has used to *OUT. */
void spend_add(pid_t pid, struct spend *out);

#endif
