/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/probe.h"

#include <string.h>

#if !HAVE_BPF
const struct probe probe_ebpf = {
	.name = "ebpf",
	.help = "not built in (BPF=0)",
};
#endif

const struct probe *const probe_table[] = { &probe_ebpf, NULL };

const struct probe *probe_find(const char *name)
{
	for (const struct probe *const *p = probe_table; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
