/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/probe.h"

#include <string.h>

#include "common/log.h"

#if !HAVE_BPF
const struct probe probe_ebpf = {
	.name = "ebpf",
	.help = "not built in (BPF=0)",
};
#endif

const struct probe *const probe_table[] = { &probe_ebpf, &probe_poll, NULL };

const struct probe *probe_find(const char *name)
{
	for (const struct probe *const *p = probe_table; *p; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}

int probe_choose(const struct probe_config *config, const struct probe_sink *sink,
		 const struct probe **probe, struct probe_state **st, struct err *e)
{
	struct err why = { 0 };

	*probe = &probe_ebpf;
	if (probe_ebpf.open) {
		*st = probe_ebpf.open(config, sink, &why);
		if (*st)
			return 0;
	} else {
		err_set(&why, -1, "this sensor was built without eBPF (BPF=0)");
	}
	*probe = &probe_poll;
	*st = probe_poll.open(config, sink, e);
	if (!*st)
		return err_wrap(e, "%s; and without it", why.msg);
	log_warn(
		"%s; watches without eBPF instead: ends of all connections, but of short-lived "
		"clients not the process, of failed connects not all, and no UDP",
		why.msg);
	return 0;
}
