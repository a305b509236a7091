/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/selftest.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/exits.h"
#include "sensor/selftest_parts.h"

struct test {
	const struct selftest_config *config;
	struct check_report report;
	struct check check;
	struct found_identity identity;
	struct found_call call;
};

/* Too late: the words are ready, since a handler of signals may write and nothing else. */
static struct {
	char text[1024];
	size_t n;
} late;

static void on_alarm(int signo)
{
	(void)signo;
	if (write(STDOUT_FILENO, late.text, late.n) < 0)
		_exit(EXITS_UNREACHED);
	_exit(EXITS_NONE);
}

/* What is printed should NAME be the check that never ends. */
static void prepare_late(struct test *t, const char *name)
{
	struct buf text = { 0 };
	struct check c;

	check_found(&c, CHECK_FAIL, name, "no answer within %d s; nothing further is tried",
		    SELFTEST_S);
	check_mend(&c, "a file system or the kernel hangs: dmesg | tail");
	check_write(&text, &t->report, &c, true);
	late.n = text.n < sizeof(late.text) ? text.n : sizeof(late.text);
	memcpy(late.text, text.p, late.n);
	buf_fini(&text);
}

static void do_config(struct test *t)
{
	judge_config(&t->check, t->config->config, t->config->config_words);
}

static void do_kernel(struct test *t)
{
	struct found_kernel f = { 0 };

	read_kernel(t->config, &f);
	judge_kernel(&t->check, &f);
}

static void do_btf(struct test *t)
{
	enum found_btf f;

	read_btf(&f);
	judge_btf(&t->check, f);
}

static void do_rights(struct test *t)
{
	struct found_rights f = { 0 };

	read_rights(&f);
	judge_rights(&t->check, &f);
}

static void do_memlock(struct test *t)
{
	struct found_memlock f = { 0 };

	read_memlock(&f);
	judge_memlock(&t->check, &f);
}

static void do_probe(struct test *t)
{
	struct found_probe f = { 0 };

	read_probe(t->config, &f);
	judge_probe(&t->check, &f);
}

static void do_cgroup(struct test *t)
{
	struct found_cgroup f = { 0 };

	read_cgroup(&f);
	judge_cgroup(&t->check, &f);
}

static void do_namespaces(struct test *t)
{
	struct found_namespaces f = { 0 };

	read_namespaces(&f);
	judge_namespaces(&t->check, &f);
}

static void do_nat(struct test *t)
{
	struct found_nat f = { 0 };

	read_nat(t->config, &f);
	judge_nat(&t->check, &f);
}

static void do_proc(struct test *t)
{
	struct found_proc f = { 0 };

	read_proc(&f);
	judge_proc(&t->check, &f);
}

static void do_data(struct test *t)
{
	struct found_data f = { 0 };

	read_data(t->config, &f);
	judge_data(&t->check, t->config->watch->dir, &f);
}

static void do_identity(struct test *t)
{
	read_identity(t->config, &t->identity);
	judge_identity(&t->check, t->config->watch->host, t->config->watch->port,
		       &t->identity);
}

static void do_certificate(struct test *t)
{
	judge_certificate(&t->check, &t->identity);
}

static void do_call(struct test *t)
{
	read_call(t->config, &t->call);
	judge_call(&t->check, t->config->watch->host, t->config->watch->port, &t->call);
}

/* After the call, which brings the collector's time. */
static void do_clock(struct test *t)
{
	struct found_clock f = { 0 };

	read_clock(&t->call, &f);
	judge_clock(&t->check, &f);
}

static const struct {
	const char *name;
	void (*run)(struct test *t);
} checks[] = {
	{ "config", do_config },
	{ "kernel", do_kernel },
	{ "btf", do_btf },
	{ "rights", do_rights },
	{ "memlock", do_memlock },
	{ "watching", do_probe },
	{ "cgroup", do_cgroup },
	{ "namespaces", do_namespaces },
	{ "conntrack", do_nat },
	{ "proc", do_proc },
	{ "data", do_data },
	{ "enrolled", do_identity },
	{ "certificate", do_certificate },
	{ "collector", do_call },
	{ "clock", do_clock },
};

int selftest_run(const struct selftest_config *config)
{
	struct test t = { .config = config, .report = check_begin(stdout, config->json) };

	prepare_late(&t, checks[0].name);
	signal(SIGALRM, on_alarm);
	alarm(SELFTEST_S);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		prepare_late(&t, checks[i].name);
		checks[i].run(&t);
		check_say(&t.report, &t.check);
	}
	alarm(0);
	return check_end(&t.report);
}
