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

#define PROCESS_RING (1 << 21)
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PROCESS_RING);
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

/* Appends NAME, cut to CAP, to those in ROOM: where the next one goes, or 0: no room. */
static __always_inline __u32 add_name(char *room, __u64 at, const void *name, __u32 cap)
{
	long n;

	asm volatile("" : "+r"(at)); /* what is compared is what is added: older verifiers */
	if (at > PROCESS_NAMES - cap)
		return 0;
	n = bpf_probe_read_kernel_str(room + at, cap, name);
	return n > 1 && n <= cap ? at + n : 0;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___before_6_15 *old = (void *)kn;

	if (bpf_core_field_exists(kn->__parent))
		return BPF_CORE_READ(kn, __parent);
	return BPF_CORE_READ(old, parent);
}

/* The names from GROUP up, as many as fit: the bytes that they take. */
static __always_inline __u32 fill_cgroup(char *room, struct cgroup *group)
{
	struct kernfs_node *kn = BPF_CORE_READ(group, kn);
	__u32 len = 0;

	for (int i = 0; i < 8 && kn; i++) {
		struct kernfs_node *parent = kernfs_parent(kn);
		__u32 next;

		if (!parent)
			break;
		next = add_name(room, len, BPF_CORE_READ(kn, name), CGROUP_NAME);
		if (!next)
			break;
		len = next;
		kn = parent;
	}
	return len;
}

/* The cgroup in a hierarchy of version 1, if that is where controller ID is. */
static __always_inline struct cgroup *v1_group(struct css_set *set, __u32 id)
{
	struct cgroup_subsys_state **all, *css = NULL;
	struct cgroup *group;

	all = (void *)__builtin_preserve_access_index(&set->subsys);
	if (bpf_probe_read_kernel(&css, sizeof(css), all + id) != 0 || !css)
		return NULL;
	group = BPF_CORE_READ(css, cgroup);
	return BPF_CORE_READ(group, root) == BPF_CORE_READ(set, dfl_cgrp, root) ? NULL : group;
}

static __always_inline void fill_cgroups(struct process_event *e, struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup *group;
	__u32 len = 0;

	e->cgroup_len[CGROUP_V2] =
		fill_cgroup(e->cgroup[CGROUP_V2], BPF_CORE_READ(set, dfl_cgrp));
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id)) {
		group = v1_group(set,
				 bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
		len = group ? fill_cgroup(e->cgroup[CGROUP_V1], group) : 0;
	}
	if (!len && bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id)) {
		group = v1_group(set,
				 bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
		len = group ? fill_cgroup(e->cgroup[CGROUP_V1], group) : 0;
	}
	e->cgroup_len[CGROUP_V1] = len;
}

/* From the file up, through the mounts that it lies in: the bytes, or 0 if not all fit. */
static __always_inline __u32 fill_path(char *room, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount =
		(void *)vfs -
		__builtin_preserve_field_info(((struct mount *)0)->mnt, BPF_FIELD_BYTE_OFFSET);
	__u32 len = 0;

	for (int i = 0; i < 24; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		struct mount *below = BPF_CORE_READ(mount, mnt_parent);

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			if (below == mount)
				return len;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = below;
			continue;
		}
		if (dentry == parent || !dentry)
			return 0;
		len = add_name(room, len, BPF_CORE_READ(dentry, d_name.name), PATH_NAME);
		if (!len)
			return 0;
		dentry = parent;
	}
	return 0;
}

static __noinline void fill_process(struct process_event *e, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	unsigned long from = BPF_CORE_READ(mm, arg_start);
	unsigned long n = BPF_CORE_READ(mm, arg_end) - from;
	struct file *file = BPF_CORE_READ(mm, exe_file);

	e->uid = BPF_CORE_READ(task, cred, uid.val);
	e->kthread = mm == NULL;
	e->exe[0] = 0;
	e->args_len = 0;
	e->path_len = 0;
	BPF_CORE_READ_STR_INTO(&e->comm, task, group_leader, comm);
	fill_cgroups(e, task);
	if (!mm)
		return;
	bpf_probe_read_kernel_str(e->exe, sizeof(e->exe),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	e->path_len = fill_path(e->path, file);
	if (n >= PROCESS_ARGS)
		n = PROCESS_ARGS - 1;
	if (bpf_probe_read_user(e->args, n & (PROCESS_ARGS - 1), (void *)from) == 0)
		e->args_len = n;
}

/* Who was announced last, by tgid: spares the look into `announced`, most of the time. */
#define LATELY 1024
__u64 lately[LATELY];

/*
 * Waking the sensor costs ten times what is told, and it comes by itself at every interval: so
 * it is woken only when the ring fills, and for who must be looked at while it lives.
 */
static __always_inline __u64 wake_up(const struct process_event *e)
{
	__u64 waiting = bpf_ringbuf_query(&processes, BPF_RB_AVAIL_DATA);

	bool partly = e->args_len == PROCESS_ARGS - 1 || (!e->path_len && !e->kthread);

	return waiting > PROCESS_RING / 8 || partly ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

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
	bpf_ringbuf_submit(e, wake_up(e));
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

/* The same, cheaper where the kernel lets a tracepoint's program look at the task itself. */
static __always_inline void own_by_caller(struct edge_key *key)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		struct task_struct *task = bpf_get_current_task_btf(); /* Linux 5.11 */
		struct task_struct *leader = task->group_leader;

		own_by(key, task, leader->start_boottime + leader->self_exec_id);
		return;
	}
	own_by_current(key);
}

#endif
