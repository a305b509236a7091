/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

#define ID "4f1c0b6e9a7d2358c1e0f4a69b8d7c3512e4f60798abcdef0123456789abcdef"
#define ID2 "aa1c0b6e9a7d2358c1e0f4a69b8d7c3512e4f60798abcdef0123456789abcdef"
#define UUID "2f0a3c1d-6b1e-4d0e-9d53-0a1b2c3d4e5f"
#define POD "pod2f0a3c1d_6b1e_4d0e_9d53_0a1b2c3d4e5f"
#define TASK "0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *unit, *container;
} rows[] = {
	/* systemd */
	{ "/", "", "" },
	{ "", "", "" },
	{ "/system.slice/nginx.service", "nginx.service", "" },
	{ "/system.slice/nginx.service/worker", "nginx.service", "" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "" },
	{ "/system.slice/system-postgresql.slice/postgresql@15-main.service",
	  "postgresql@15-main.service", "" },
	{ "/system.slice/redis-6379.service", "redis-6379.service", "" },
	{ "/system.slice/snap.docker.dockerd.service", "snap.docker.dockerd.service", "" },
	{ "/init.scope", "init.scope", "" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session.scope", "" },
	{ "/user.slice/user-0.slice/session-c12.scope", "session.scope", "" },
	{ "/user.slice/user-1000.slice", "", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service",
	  "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service",
	  "syncthing.service", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "app-gnome-firefox-4711.scope",
	  "app-gnome-firefox.scope", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "app-org.gnome.Terminal@" TASK ".service",
	  "app-org.gnome.Terminal@.service", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-" UUID ".scope",
	  "vte-spawn.scope", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "dbus-:1.2-org.gnome.Nautilus@0.service",
	  "dbus-org.gnome.Nautilus@0.service", "" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/"
	  "snap.firefox.firefox-" UUID ".scope",
	  "snap.firefox.firefox.scope", "" },
	{ "/system.slice/run-u123.service", "run.service", "" },
	{ "/system.slice/run-r" TASK ".scope", "run.scope", "" },
	{ "/system.slice/run-p4711-i4712.service", "run.service", "" },
	{ "/system.slice/run-1234.scope", "run.scope", "" },
	{ "/system.slice/run-backup.service", "run-backup.service", "" },
	{ "/system.slice/run-.service", "run-.service", "" },
	{ "/system.slice/run-upgrade.service", "run-upgrade.service", "" },
	{ "/system.slice/" ID ".service", "run.service", "" },
	{ "/system.slice/system-ftp.slice/ftp@7-10.0.0.1:21-10.0.0.9:4711.service",
	  "ftp@.service", "" },
	{ "/system.slice/system-x.slice/x@3-712-1000.service", "x@.service", "" },
	{ "/system.slice/system-x.slice/x@3-main.service", "x@3-main.service", "" },
	{ "/system.slice/var-lib-x.mount", "var-lib-x.mount", "" },
	{ "/system.slice/.service", "", "" },
	{ "/process_api/52b8534fc056d0f48d3c9f5eab0abf21", "", "" },
	{ "/machine.slice/machine-qemu\\x2d3\\x2dweb\\x2d01.scope",
	  "machine-qemu-web-01.scope", "" },
	{ "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt/emulator",
	  "machine-qemu-web.scope", "" },
	/* Docker */
	{ "/docker/" ID, "", ID },
	{ "/system.slice/docker-" ID ".scope", "", ID },
	{ "/system.slice/docker-" ID ".scope/init.scope", "init.scope", ID },
	{ "/docker/" ID "/system.slice/nginx.service", "nginx.service", ID },
	{ "/docker/" ID "/docker/" ID2, "", ID2 },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", "",
	  ID },
	{ "/system.slice/docker.service", "docker.service", "" },
	{ "/system.slice/containerd.service", "containerd.service", "" },
	{ "/actions_job/" ID, "", ID },
	/* Kubernetes */
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-" POD ".slice/"
	  "cri-containerd-" ID ".scope",
	  "", ID },
	{ "/kubepods/besteffort/pod" UUID "/" ID, "", ID },
	{ "/kubepods.slice/kubepods-" POD ".slice/crio-" ID ".scope", "", ID },
	{ "/kubepods.slice/kubepods-" POD ".slice/crio-conmon-" ID ".scope",
	  "crio-conmon.scope", "" },
	{ "/kubepods/burstable/pod" UUID "/crio-" ID, "", ID },
	{ "/system.slice/containerd.service/kubepods-besteffort-" POD
	  ".slice:cri-containerd:" ID,
	  "", ID },
	{ "/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-" POD
	  ".slice/cri-containerd-" ID2 ".scope",
	  "", ID2 },
	{ "/system.slice/k3s.service", "k3s.service", "" },
	/* Podman */
	{ "/machine.slice/libpod-" ID ".scope", "", ID },
	{ "/machine.slice/libpod-" ID ".scope/container", "", ID },
	{ "/machine.slice/libpod-" ID ".scope/container/system.slice/httpd.service",
	  "httpd.service", ID },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon.scope", "" },
	{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "", ID },
	{ "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	  ".scope/container",
	  "", ID },
	{ "/libpod_parent/libpod-" ID, "", ID },
	{ "/system.slice/web.service/libpod-payload-" ID, "", ID },
	{ "/system.slice/nerdctl-" ID ".scope", "", ID },
	/* LXC, LXD, Proxmox, Incus */
	{ "/lxc/web1", "", "web1" },
	{ "/lxc/101/ns/system.slice/nginx.service", "nginx.service", "101" },
	{ "/lxc.payload.web1", "", "web1" },
	{ "/lxc.payload.web1/system.slice/ssh.service", "ssh.service", "web1" },
	{ "/lxc.payload.web1/init.scope", "init.scope", "web1" },
	{ "/lxc.payload.web1/system.slice/docker-" ID ".scope", "", ID },
	{ "/lxc.payload/web2", "", "web2" },
	{ "/lxc.monitor.web1", "", "" },
	{ "/lxc.monitor/101", "", "" },
	{ "/system.slice/lxc.service", "lxc.service", "" },
	{ "/machine.slice/machine-lxc\\x2d4711\\x2dweb1.scope", "", "web1" },
	/* systemd-nspawn */
	{ "/machine.slice/machine-web.scope", "", "web" },
	{ "/machine.slice/machine-web\\x2d1.scope/payload/system.slice/nginx.service",
	  "nginx.service", "web-1" },
	{ "/machine.slice/systemd-nspawn@web.service/payload/init.scope", "init.scope",
	  "web" },
	{ "/machine.slice/systemd-nspawn@web\\x2d2.service/payload/system.slice/a.service",
	  "a.service", "web-2" },
	{ "/machine.slice/systemd-nspawn@web.service/supervisor", "systemd-nspawn@web.service",
	  "" },
	{ "/machine.slice/systemd-nspawn@web.service", "systemd-nspawn@web.service", "" },
	/* Others */
	{ "/ecs/" UUID "/" ID, "", ID },
	{ "/ecs/" TASK "/" TASK "-3456789", "", TASK "-3456789" },
	{ "/garden/" UUID, "", UUID },
	{ "/mesos/" UUID, "", UUID },
	/* No containers */
	{ "/system.slice/xdocker" ID ".scope", "xdocker" ID ".scope", "" },
	{ "/system.slice/docker-4f1c0b6e9a7d.scope", "docker.scope", "" },
	{ "/system.slice/nginx.service (deleted)", "nginx.service", "" },
	{ "/../../system.slice/x.service", "x.service", "" },
};

START_TEST(paths)
{
	struct cgroup_words w;

	cgroup_read_path(rows[_i].path, &w);
	ck_assert_str_eq(w.unit, rows[_i].unit);
	ck_assert_str_eq(w.container, rows[_i].container);
}
END_TEST

/* The kernel's form of the same: names, lowest first, and not all of the highest ones. */
START_TEST(kernel_names)
{
	char names[1024], path[512];
	struct cgroup_words w;
	size_t n = 0;
	char *slash;

	strcpy(path, rows[_i].path);
	if (strstr(path, " (deleted)"))
		*strstr(path, " (deleted)") = 0;
	while ((slash = strrchr(path, '/'))) {
		size_t len = strlen(slash + 1);

		memcpy(names + n, slash + 1, len + 1);
		n += len ? len + 1 : 0;
		*slash = 0;
	}
	cgroup_read_names(names, n, &w);
	ck_assert_str_eq(w.unit, rows[_i].unit);
	ck_assert_str_eq(w.container, rows[_i].container);
	for (size_t cut = 0; cut <= n; cut++) { /* a sanitizer sees a step past the end */
		char *copy = malloc(cut ? cut : 1);

		memcpy(copy, names, cut);
		cgroup_read_names(copy, cut, &w);
		free(copy);
	}
}
END_TEST

static const struct {
	const char *text, *unit, *container;
} procs[] = {
	{ "0::/system.slice/nginx.service\n", "nginx.service", "" },
	{ "12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID
	  "\n0::/system.slice/containerd.service\n",
	  "", ID },
	{ "8:pids:/system.slice/a.service\n1:name=systemd:/system.slice/a.service\n0::/\n",
	  "a.service", "" },
	{ "8:pids:/\n4:cpuset,memory:/system.slice/b.service\n0::/\n", "b.service", "" },
	{ "8:pids:/\n1:name=systemd:/system.slice/c.service\n0::/\n", "c.service", "" },
	{ "8:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "/system.slice/d.service\n",
	  "d.service", ID },
	{ "8:pids:/docker/" ID "\n1:name=systemd:/system.slice/d.service\n", "", ID },
	{ "7:cpu:/system.slice/e.service\n", "", "" },
	{ "0::/a:b/f.service", "f.service", "" },
	{ "0::", "", "" },
	{ "\n:\n::\n", "", "" },
	{ "", "", "" },
};

START_TEST(proc)
{
	struct cgroup_words w;

	cgroup_read_proc(procs[_i].text, &w);
	ck_assert_str_eq(w.unit, procs[_i].unit);
	ck_assert_str_eq(w.container, procs[_i].container);
}
END_TEST

START_TEST(deep_and_long_is_cut)
{
	struct cgroup_words a, b;
	char path[4096] = "", name[301];

	for (int i = 0; i < 400; i++)
		strcat(path, "/d");
	strcat(path, "/x.service");
	cgroup_read_path(path, &a);
	ck_assert_str_eq(a.unit, "x.service");
	memset(name, 'u', sizeof(name) - 1);
	name[300] = 0;
	strcpy(path, "/system.slice/");
	strcat(path, name);
	cgroup_read_path(path, &a);
	name[159] = 0; /* as the kernel's programs cut it */
	cgroup_read_names(name, 160, &b);
	ck_assert_str_eq(a.unit, b.unit);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");
	int n = (int)(sizeof(rows) / sizeof(*rows));

	tcase_add_loop_test(t, paths, 0, n);
	tcase_add_loop_test(t, kernel_names, 0, n);
	tcase_add_loop_test(t, proc, 0, (int)(sizeof(procs) / sizeof(*procs)));
	tcase_add_test(t, deep_and_long_is_cut);
	return unit_run("cgroup", t);
}
