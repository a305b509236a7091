/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/meter.h"

#if HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"

#define SHORT_NS 200000000 /* a stretch of which nothing is concluded for others */

struct meter {
	const struct bpf_object *object[METER_OBJECTS];
	unsigned n, intervals;
	int fd;			   /* the kernel measures while it is open; or -1 */
	uint64_t turned_ns;	   /* when this stretch began or the last one ended */
	uint64_t ns_at, runs_at;   /* then */
	double ns, runs;	   /* until then */
	double ns_rate, runs_rate; /* of the last stretch, for 1 ns */
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void read_run_times(const struct meter *m, uint64_t *ns, uint64_t *runs)
{
	struct bpf_program *prog;

	*ns = *runs = 0;
	for (unsigned i = 0; i < m->n; i++) {
		bpf_object__for_each_program(prog, m->object[i])
		{
			struct bpf_prog_info info = { 0 };
			uint32_t n = sizeof(info);

			if (bpf_program__fd(prog) < 0 ||
			    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &n))
				continue;
			*ns += info.run_time_ns;
			*runs += info.run_cnt;
		}
	}
}

/* Adds up to now what was measured, or else what would have been by the last rate. */
static void turn(struct meter *m)
{
	uint64_t ns, runs, now = boot_ns();
	double took = (double)(now - m->turned_ns);

	read_run_times(m, &ns, &runs);
	if (m->fd >= 0 && took > SHORT_NS) {
		m->ns_rate = (double)(ns - m->ns_at) / took;
		m->runs_rate = (double)(runs - m->runs_at) / took;
	}
	m->ns += m->fd >= 0 ? (double)(ns - m->ns_at) : m->ns_rate * took;
	m->runs += m->fd >= 0 ? (double)(runs - m->runs_at) : m->runs_rate * took;
	m->ns_at = ns;
	m->runs_at = runs;
	m->turned_ns = now;
}

struct meter *meter_new(void)
{
	struct meter *m = xcalloc(1, sizeof(*m));

	m->turned_ns = boot_ns();
	m->fd = -1;
	return m;
}

void meter_add(struct meter *m, const struct bpf_object *object)
{
	if (m->n == METER_OBJECTS)
		return;
	turn(m);
	m->object[m->n++] = object;
	read_run_times(m, &m->ns_at, &m->runs_at);
}

void meter_tick(struct meter *m)
{
	bool measured = m->fd >= 0, wanted = ++m->intervals % METER_ONE_IN == 2;

	if (measured == wanted)
		return;
	turn(m);
	if (measured)
		close(m->fd);
	m->fd = wanted ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
}

/* Kernel memory of a map in bytes: only its fdinfo has it. */
static uint64_t map_memory(int fd)
{
	unsigned long long bytes = 0;
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (f)
		fclose(f);
	return bytes;
}

void meter_cost(struct meter *m, struct probe_cost *out)
{
	struct bpf_map *map;

	memset(out, 0, sizeof(*out));
	turn(m);
	out->run_ns = (uint64_t)m->ns;
	out->runs = (uint64_t)m->runs;
	for (unsigned i = 0; i < m->n; i++) {
		map = NULL;
		while ((map = bpf_object__next_map(m->object[i], map)))
			out->map_bytes += map_memory(bpf_map__fd(map));
	}
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

#endif
