/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/procname.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

/* Arguments are written with | between them here. */
static const struct {
	const char *exe, *comm, *args, *name;
} rows[] = {
	{ "/usr/sbin/nginx", "nginx", "nginx: worker process", "nginx" },
	{ "/usr/bin/curl (deleted)", "curl", "curl|http://x/", "curl" },
	{ "curl", "curl", "", "curl" },
	{ "", "sshd", "", "sshd" },
	{ "/usr/bin/python3.11", "python3", "python3|/opt/shop/app.py|--port|80", "app.py" },
	{ "python3.11", "python3", "python3|-m|http.server|8000", "http.server" },
	{ "python3.11", "python3", "python3|-mhttp.server", "http.server" },
	{ "python3.11", "python3", "python3|-um|gunicorn.app", "gunicorn.app" },
	{ "python3.11", "python3", "python3|-u|-W|ignore|app.py", "app.py" },
	{ "python3.11", "python3", "python3|-Wignore|app.py", "app.py" },
	{ "python3.11", "python3", "python3|-X|dev|-B|x/y/app.py", "app.py" },
	{ "python3.11", "python3", "python3|-c|import socket", "python3.11" },
	{ "python3.11", "python3", "python3", "python3.11" },
	{ "python3.11", "python3", "python3|-", "python3.11" },
	{ "python3.11", "python3", "python3|-W", "python3.11" },
	{ "python3.11", "gunicorn", "gunicorn: master [shop]", "gunicorn" },
	{ "python3.11", "gunicorn", "/usr/bin/python3|/usr/bin/gunicorn|shop:app",
	  "gunicorn" },
	{ "python3.11", "celery", "[celeryd: w1@host:MainProcess] -active- (worker)||||",
	  "celeryd" },
	{ "python3.11", "python3", "python3.11|-u|/srv/feed", "feed" },
	{ "python3.11", "x", "/usr/bin/python3|-s|-P|/usr/bin/x|run", "x" },
	{ "python3.6m", "python3", "python3|-Es|/usr/sbin/tuned", "tuned" },
	{ "python3.13t", "python3", "python3|app.py", "app.py" },
	{ "python3.11", "python3", "python3|/opt/app/", "app" },
	{ "python3.11", "python3", "python3|-X|importtime|-m|celery|-A|shop|worker",
	  "celery" },
	{ "ruby3.1", "ruby", "puma 6.4.0 (tcp://0.0.0.0:80) [shop]||", "puma" },
	{ "ruby3.1", "ruby", "puma: cluster worker 0: 712 [shop]||", "puma" },
	{ "ruby3.1", "ruby", "sidekiq 7.1.2 shop [0 of 10 busy]", "sidekiq" },
	{ "ruby3.1", "ruby", "unicorn master -c /etc/u.rb -D", "unicorn" },
	{ "perl", "perl", "/usr/sbin/amavisd (master)||", "amavisd" },
	{ "perl", "perl", "starman master -p 5000||", "starman" },
	{ "node", "node", "PM2 v5.3.0: God Daemon (/root/.pm2)|||", "PM2" },
	{ "python3.11", "python3", "python3 ", "python3.11" },
	{ "uwsgi-core", "uwsgi", "uWSGI master||", "uwsgi-core" },
	{ "/usr/sbin/php-fpm8.2", "php-fpm8.2", "php-fpm: pool www||", "php-fpm8.2" },
	{ "postgres", "postgres", "postgres: checkpointer ||||", "postgres" },
	{ "R", "R", "/usr/lib/R/bin/exec/R|--no-echo|--no-restore|--file=/srv/fit.R|--args|x",
	  "fit.R" },
	{ "R", "R", "R|--no-save", "R" },
	{ "Rscript", "Rscript", "Rscript|--vanilla|/srv/fit.R", "fit.R" },
	{ "bash", "bash", "bash|+x|-e|run.sh", "run.sh" },
	{ "bash", "bash", "bash|+o|posix|run.sh", "run.sh" },
	{ "bash", "bash", "bash|-lc|exec app", "bash" },
	{ "bash", "bash", "bash|--rcfile|/x|--login|run.sh", "run.sh" },
	{ "php8.2", "php8.2", "php|-S|0.0.0.0:80|-t|/var/www|router.php", "router.php" },
	{ "php8.2", "php8.2", "php|-S|0.0.0.0:80|-t|/var/www", "php8.2" },
	{ "php8.2", "php8.2", "php|-f|/srv/job.php", "job.php" },
	{ "php8.2", "php8.2", "php|-r|echo 1;", "php8.2" },
	{ "dotnet", "dotnet", "dotnet|exec|--depsfile|a.json|shop.dll|exec", "shop.dll" },
	{ "dotnet", "dotnet", "dotnet|/srv/shop.dll", "shop.dll" },
	{ "pwsh", "pwsh", "pwsh|-NonInteractive|-ExecutionPolicy|Bypass|-File|job.ps1",
	  "job.ps1" },
	{ "pwsh", "pwsh", "pwsh|-NoProfile|-Command|Get-Date", "pwsh" },
	{ "expect", "expect", "expect|-f|login.exp", "login.exp" },
	{ "tclsh8.6", "tclsh", "tclsh|/srv/x.tcl", "x.tcl" },
	{ "lua5.3", "lua", "lua|-l|x|main.lua", "main.lua" },
	{ "perl", "perl", "perl|-T|-w|/usr/sbin/munin-node", "munin-node" },
	{ "perl", "perl", "perl|-w|-I|lib|/srv/job.pl", "job.pl" },
	{ "perl", "perl", "perl|-e|print 1", "perl" },
	{ "perl", "perl", "perl|-MData::Dumper|x.pl", "x.pl" },
	{ "ruby3.1", "ruby", "ruby|-W:no-deprecated|/usr/bin/puma", "puma" },
	{ "mono-sgen", "mono", "mono|--config|x.cfg|a.exe", "a.exe" },
	{ "platform-python3.6", "firewalld", "python|-Es|/usr/sbin/firewalld", "firewalld" },
	{ "dotnet", "dotnet", "dotnet|--depsfile|a.json|shop.dll", "shop.dll" },
	{ "/usr/bin/node", "node", "node|--max-old-space-size=512|server.js", "server.js" },
	{ "node", "node", "node|-r|dotenv/config|dist/main.js", "main.js" },
	{ "node", "node", "node|--require|ts-node/register|main.ts", "main.ts" },
	{ "node", "node", "node|-e|1", "node" },
	{ "bash", "bash", "bash|/etc/cron.daily/backup", "backup" },
	{ "bash", "bash", "-bash", "bash" },
	{ "bash", "bash", "bash|-c|exec 3<>/dev/tcp/x/1", "bash" },
	{ "dash", "sh", "sh|-e|./run.sh", "run.sh" },
	{ "dash", "sh", "sh|--|run.sh", "run.sh" },
	{ "php8.2", "php8.2", "php|-d|memory_limit=1G|artisan|serve", "artisan" },
	{ "ruby3.1", "ruby", "ruby|-I|lib|bin/rails|s", "rails" },
	{ "busybox", "wget", "wget|http://x/", "wget" },
	{ "/bin/busybox", "sh", "-sh", "sh" },
	{ "busybox", "udhcpc", "/sbin/udhcpc|-i|eth0", "udhcpc" },
	{ "/usr/lib/jvm/bin/java", "java", "java|-jar|shop.jar", "java" },
	{ "python3-config", "python3-config", "python3-config|x", "python3-config" },
	{ "shellcheck", "shellcheck", "shellcheck|x.sh", "shellcheck" },
};

static char *nul_separated(const char *text, size_t *n)
{
	char *s = strdup(text);

	*n = strlen(s) ? strlen(s) + 1 : 0;
	for (char *p = s; *p; p++)
		if (*p == '|')
			*p = 0;
	return s;
}

START_TEST(names)
{
	struct procname_in in = { .exe = rows[_i].exe, .comm = rows[_i].comm };
	char *args = nul_separated(rows[_i].args, &in.args_len), out[64];

	in.args = args;
	procname(&in, out, sizeof(out));
	ck_assert_str_eq(out, rows[_i].name);
	free(args);
}
END_TEST

/* The kernel's copy of the arguments ends anywhere: every cut gives some name, and no more. */
START_TEST(cut_anywhere)
{
	struct procname_in in = { .exe = rows[_i].exe, .comm = "comm" };
	size_t n;
	char *args = nul_separated(rows[_i].args, &n), out[64];

	for (size_t cut = 0; cut <= n; cut++) {
		char *copy = malloc(cut ? cut : 1); /* a sanitizer sees a step past its end */

		memcpy(copy, args, cut);
		in.args = copy;
		in.args_len = cut;
		procname(&in, out, sizeof(out));
		ck_assert(*out);
		free(copy);
	}
	free(args);
}
END_TEST

START_TEST(kernel_threads_are_their_comm)
{
	struct procname_in in = { .exe = "", .comm = "nfsd", .args = "", .kthread = true };
	char out[64];

	procname(&in, out, sizeof(out));
	ck_assert_str_eq(out, "nfsd");
	in.comm = "kworker/u8:2";
	procname(&in, out, sizeof(out));
	ck_assert_str_eq(out, "kworker");
}
END_TEST

START_TEST(long_names_are_cut)
{
	struct procname_in in = { .exe = "/opt/a-name-that-is-longer-than-it-should-be",
				  .comm = "a",
				  .args = "" };
	char out[9];

	procname(&in, out, sizeof(out));
	ck_assert_str_eq(out, "a-name-t");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");
	int n = (int)(sizeof(rows) / sizeof(*rows));

	tcase_add_loop_test(t, names, 0, n);
	tcase_add_loop_test(t, cut_anywhere, 0, n);
	tcase_add_test(t, kernel_threads_are_their_comm);
	tcase_add_test(t, long_names_are_cut);
	return unit_run("procname", t);
}
