/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who the current process is, for every object of programs that has owners: the process is
 * told on the ring once, the first time that it is seen, while executable and arguments can
 * certainly be read.  The maps in here are made once; a second object takes those of the
 * first.
 *
 * Included once in a .bpf.c, after the kernel's fields and libbpf's headers.
 */
#ifndef BPF_WHO_H
#define BPF_WHO_H

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} processes SEC(".maps");

struct process_key {
	__u64 born;
	__u32 tgid;
	__u32 pad;
};

/* Processes that have been announced on the ring; forgetting one only announces it again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct process_key);
	__type(value, __u8);
} announced SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DROP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

static __always_inline void count_drop(__u32 why)
{
	__u64 *n = bpf_map_lookup_elem(&drops, &why);

	if (n)
		*n += 1;
}

/* Who */

static __always_inline __u64 task_born(struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	return BPF_CORE_READ(leader, start_boottime) + BPF_CORE_READ(leader, self_exec_id);
}

static __always_inline void fill_process(struct process_event *e, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long from = BPF_CORE_READ(mm, arg_start);
	unsigned long n = BPF_CORE_READ(mm, arg_end) - from;

	e->uid = BPF_CORE_READ(task, cred, uid.val);
	e->kthread = mm == NULL;
	e->exe[0] = 0;
	e->args_len = 0;
	BPF_CORE_READ_STR_INTO(&e->comm, task, group_leader, comm);
	if (!mm)
		return;
	bpf_probe_read_kernel_str(e->exe, sizeof(e->exe),
				  BPF_CORE_READ(mm, exe_file, f_path.dentry, d_name.name));
	if (n >= PROCESS_ARGS)
		n = PROCESS_ARGS - 1;
	if (bpf_probe_read_user(e->args, n & (PROCESS_ARGS - 1), (void *)from) == 0)
		e->args_len = n;
}

/* Who was announced last, by tgid: spares the look into `announced`, most of the time. */
#define LATELY 1024
__u64 lately[LATELY];

/* Tells the sensor who this is, once, while exe and arguments can still be read. */
static __noinline void announce(__u32 tgid, __u64 born, struct task_struct *task)
{
	struct process_key key = { .born = born, .tgid = tgid };
	struct process_event *e;
	__u8 yes = 1;

	if (bpf_map_lookup_elem(&announced, &key)) {
		lately[tgid & (LATELY - 1)] = born + tgid;
		return;
	}
	e = bpf_ringbuf_reserve(&processes, sizeof(*e), 0);
	if (!e) {
		count_drop(DROP_PROCESS_FULL);
		return;
	}
	e->tgid = tgid;
	e->born = born;
	fill_process(e, task);
	bpf_ringbuf_submit(e, 0);
	bpf_map_update_elem(&announced, &key, &yes, BPF_ANY);
}

/* Told first: whoever finds the owner in a map must find its name on the ring. */
static __always_inline void own_by(struct edge_key *key, struct task_struct *task, __u64 born)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (lately[tgid & (LATELY - 1)] != born + tgid)
		announce(tgid, born, task);
	key->tgid = tgid;
	key->born = born;
}

static __always_inline void own_by_current(struct edge_key *key)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	own_by(key, task, task_born(task));
}

#endif
