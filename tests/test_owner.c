/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/owner.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit.h"

#define ID "4f1c0b6e9a7d2358c1e0f4a69b8d7c3512e4f60798abcdef0123456789abcdef"

enum { GONE = 0x7ffffff0 }; /* no process has this number: pid_max is 2^22 */

static void put_names(char *room, __u32 *len, const char *path)
{
	char copy[256], *slash;

	*len = 0;
	strcpy(copy, path);
	while ((slash = strrchr(copy, '/'))) {
		strcpy(room + *len, slash + 1);
		*len += (__u32)strlen(slash + 1) + 1;
		*slash = 0;
	}
}

/* As the kernel would announce it; arguments with | between them. */
static struct process_event event(uint64_t born, const char *path, const char *args,
				  const char *v2, const char *v1)
{
	struct process_event e;

	memset(&e, 0x5a, sizeof(e)); /* the ring is not zeroed */
	e.born = born;
	e.tgid = GONE;
	e.uid = 0;
	e.kthread = 0;
	strcpy(e.comm, "comm");
	strcpy(e.exe, strrchr(path, '/') + 1);
	put_names(e.path, &e.path_len, path);
	e.args_len = (__u32)strlen(args) + 1;
	memcpy(e.args, args, e.args_len);
	for (unsigned i = 0; i < e.args_len; i++)
		if (e.args[i] == '|')
			e.args[i] = 0;
	e.cgroup_len[CGROUP_V2] = e.cgroup_len[CGROUP_V1] = 0;
	if (*v2)
		put_names(e.cgroup[CGROUP_V2], &e.cgroup_len[CGROUP_V2], v2);
	if (*v1)
		put_names(e.cgroup[CGROUP_V1], &e.cgroup_len[CGROUP_V1], v1);
	return e;
}

static struct owner_process *announce(struct owner_table *t, const struct process_event *e)
{
	owner_announce(t, e);
	return owner_of(t, e->tgid, e->born);
}

static void check_process(const struct process *p, const char *name, const char *unit,
			  const char *container, const char *exe)
{
	ck_assert_str_eq(p->name, name);
	ck_assert_str_eq(p->unit, unit);
	ck_assert_str_eq(p->container, container);
	ck_assert_str_eq(p->exe, exe);
}

START_TEST(who_is_gone_is_named_in_full)
{
	struct owner_table *t = owner_new();
	struct process_event e = event(1, "/usr/bin/curl", "curl|-s|http://x/",
				       "/system.slice/backup.service", "");
	struct owner_process *o = announce(t, &e);

	check_process(&o->p, "curl", "backup.service", "", "/usr/bin/curl");
	ck_assert_str_eq(o->p.user, "root");
	ck_assert_str_eq(o->p.app, "");
	ck_assert_str_eq(o->p.args, "");
	ck_assert_uint_eq(owner_unnamed(t), 0);
	owner_free(t);
}
END_TEST

START_TEST(container_of_the_other_hierarchy)
{
	struct owner_table *t = owner_new();
	struct process_event e = event(1, "/bin/redis-server", "redis-server",
				       "/system.slice/containerd.service", "/docker/" ID);

	check_process(&announce(t, &e)->p, "redis-server", "", ID, "/bin/redis-server");
	owner_free(t);
}
END_TEST

START_TEST(java_has_an_application)
{
	struct owner_table *t = owner_new();
	struct process_event a = event(1, "/usr/bin/java", "java|-jar|/opt/shop.jar", "", "");
	struct process_event b = event(2, "/usr/bin/java", "java|-cp|x|com.bank.Main", "", "");
	struct owner_process *shop = announce(t, &a), *bank = announce(t, &b);

	ck_assert_str_eq(shop->p.name, "java");
	ck_assert_str_eq(shop->p.app, "shop.jar");
	ck_assert_str_eq(bank->p.app, "com.bank.Main");
	ck_assert_ptr_eq(shop->same, bank->same);
	owner_free(t);
}
END_TEST

/* A restart gives a new pid, session and invocation: the identity is the same. */
START_TEST(identity_outlives_processes)
{
	struct owner_table *t = owner_new();
	struct process_event a = event(1, "/usr/bin/ssh", "ssh|a",
				       "/user.slice/user-0.slice/session-3.scope", "");
	struct process_event b = event(2, "/usr/bin/ssh", "ssh|b",
				       "/user.slice/user-0.slice/session-44.scope", "");
	struct owner_process *first = announce(t, &a);

	ck_assert_ptr_eq(first, announce(t, &b));
	ck_assert_str_eq(first->p.unit, "session.scope");
	ck_assert_uint_eq(owner_count(t), 2);
	owner_free(t);
}
END_TEST

START_TEST(details_make_variants_and_no_identity)
{
	struct owner_table *t = owner_new();
	struct process_event e = event(1, "/usr/sbin/nginx", "nginx: master process",
				       "/system.slice/nginx.service", "");
	struct owner_process *master = announce(t, &e), *worker;

	e.born = 2;
	e.uid = 4000000000u;
	worker = announce(t, &e);
	ck_assert_ptr_ne(master, worker);
	ck_assert_ptr_eq(master->same, worker->same);
	ck_assert_str_eq(master->p.user, "root");
	ck_assert_str_eq(worker->p.user, "4000000000");
	ck_assert_ptr_eq(owner_of(t, e.tgid, 1), master);
	e.born = 3;
	e.path_len = 0; /* did not fit: no difference, and nothing forgotten */
	ck_assert_ptr_eq(announce(t, &e), worker);
	ck_assert_str_eq(worker->p.exe, "/usr/sbin/nginx");
	for (int i = 0; i < 1000; i++) { /* bounded */
		e.born = 10 + (uint64_t)i;
		e.uid = 100000 + (unsigned)i;
		ck_assert_ptr_eq(announce(t, &e)->same, master->same);
	}
	ck_assert_uint_eq(owner_count(t), 2);
	owner_free(t);
}
END_TEST

START_TEST(arguments_only_when_asked_for)
{
	struct owner_table *t = owner_new();
	struct process_event e = event(1, "/usr/bin/app", "app|--password=hunter2|-v", "", "");

	ck_assert_str_eq(announce(t, &e)->p.args, "");
	owner_keep_args(t, true);
	e.born = 2;
	ck_assert_str_eq(announce(t, &e)->p.args, "app --password=*** -v");
	owner_free(t);
}
END_TEST

/* Hostile bytes in every place come out as UTF-8, within their limits. */
START_TEST(bytes_are_cleaned)
{
	struct owner_table *t = owner_new();
	struct process_event e =
		event(1, "/opt/\xff\xfe/b\xc3", "x|\xff", "/\xff\xff.service", "");
	struct owner_process *o;

	owner_keep_args(t, true);
	o = announce(t, &e);
	check_process(&o->p, "b\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd.service", "",
		      "/opt/\xef\xbf\xbd\xef\xbf\xbd/b\xef\xbf\xbd");
	memset(&e, 0xff, sizeof(e)); /* lengths beyond everything */
	e.born = 2;
	owner_announce(t, &e);
	owner_free(t);
}
END_TEST

START_TEST(this_process_is_found)
{
	struct owner_table *t = owner_new();
	char line[1024] = "", *p, exe[256] = "";
	FILE *f = fopen("/proc/self/stat", "re");
	struct owner_process *o;
	uint64_t born;

	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	fclose(f);
	p = strrchr(line, ')');
	for (int field = 2; field < 22; field++)
		p = strchr(p + 1, ' ');
	born = strtoull(p, NULL, 10) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	o = owner_of(t, (uint32_t)getpid(), born);
	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(o->p.name, "test_owner");
	ck_assert_str_eq(o->p.exe, exe);
	/* Another process had this number before. */
	ck_assert_ptr_null(owner_of(t, (uint32_t)getpid(), born - 1000000000u));
	ck_assert_ptr_null(owner_of(t, GONE, 1));
	ck_assert_uint_eq(owner_unnamed(t), 2);
	ck_assert_uint_eq(owner_unnamed(t), 0);
	owner_free(t);
}
END_TEST

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* 100,000 processes of one program, gone at once, over ten minutes. */
START_TEST(short_lives_leave_nothing)
{
	struct owner_table *t = owner_new();
	struct process_event e = event(0, "/usr/bin/curl", "curl|x", "", "");
	size_t most = 0;

	for (unsigned i = 0; i < 100000; i++) {
		e.born = 1000 + i;
		ck_assert_str_eq(announce(t, &e)->p.name, "curl");
		if (i % 167 == 0)
			owner_tick(t);
		if (i == 20000)
			most = in_use();
	}
	ck_assert_uint_le(in_use(), most + most / 8); /* both 0 under a sanitizer */
	ck_assert_uint_eq(owner_count(t), 2);
	ck_assert_uint_eq(owner_folded(t), 0);
	owner_free(t);
}
END_TEST

/* 100,000 containers one after the other: the old ones are forgotten, none is called other. */
START_TEST(containers_come_and_go)
{
	struct owner_table *t = owner_new();
	struct process_event keep =
		event(1, "/usr/sbin/nginx", "nginx", "/system.slice/nginx.service", "");
	struct owner_process *nginx = announce(t, &keep);

	for (unsigned i = 0; i < 100000; i++) {
		char path[128];
		struct process_event e;

		snprintf(path, sizeof(path), "/docker/%08x%.56s", i, ID);
		e = event(1000 + i, "/bin/job", "job", path, "");
		ck_assert_str_eq(announce(t, &e)->p.name, "job");
		if (i % 8 == 0) {
			owner_tick(t);
			ck_assert_ptr_eq(owner_of(t, GONE, 1), nginx);
		}
	}
	ck_assert_uint_lt(owner_count(t), 8 * (OWNER_TICKS + 200));
	ck_assert_uint_eq(owner_folded(t), 0);
	ck_assert_str_eq(nginx->p.unit, "nginx.service");
	owner_free(t);
}
END_TEST

START_TEST(too_many_at_once_are_other)
{
	struct owner_table *t = owner_new();
	struct owner_process *o = NULL;

	for (unsigned i = 0; i < 40000; i++) {
		char path[64];
		struct process_event e;

		snprintf(path, sizeof(path), "/tmp/job%u", i);
		e = event(1000 + i, path, "job", "", "");
		o = announce(t, &e);
	}
	ck_assert_str_eq(o->p.name, "other");
	ck_assert_uint_eq(owner_count(t), 16384);
	ck_assert_uint_eq(owner_folded(t), 40000 - 16383);
	owner_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, who_is_gone_is_named_in_full);
	tcase_add_test(t, container_of_the_other_hierarchy);
	tcase_add_test(t, java_has_an_application);
	tcase_add_test(t, identity_outlives_processes);
	tcase_add_test(t, details_make_variants_and_no_identity);
	tcase_add_test(t, arguments_only_when_asked_for);
	tcase_add_test(t, bytes_are_cleaned);
	tcase_add_test(t, this_process_is_found);
	tcase_add_test(t, short_lives_leave_nothing);
	tcase_add_test(t, containers_come_and_go);
	tcase_add_test(t, too_many_at_once_are_other);
	return unit_run("owner", t);
}
