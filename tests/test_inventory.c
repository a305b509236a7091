/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/inventory.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "common/fact.h"
#include "common/json.h"
#include "common/utf8.h"
#include "sensor/hypervisor.h"
#include "tests/treekit.h"
#include "tests/unit.h"

static const char *const cases[] = { "dell-uefi", "vmware-bios", "hyperv-gen2",
				     "kvm",	  "aws-nitro",	 "azure",
				     "container", "arm64",	 "stacked" };
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static void check_is_json(const struct buf *b)
{
	struct json_in in = json_from((const char *)b->p, b->n);
	struct buf again = { 0 };
	struct json j = json_to(&again);

	ck_assert(json_copy(&in, &j) && json_at_end(&in));
	ck_assert_uint_le(b->n, EXTRA_LEN);
	ck_assert(utf8_valid((const char *)b->p, b->n));
	ck_assert(again.n == b->n && memcmp(again.p, b->p, b->n) == 0); /* canonical */
	buf_fini(&again);
}

static void write_of(struct tree *t, bool still, struct buf *out)
{
	struct inventory *inv = tree_inventory(t);

	inventory_write(inv, still, out);
	free(inv);
}

/* tests/inventory/NAME.json, without the white space that makes it readable. */
static void read_expected(const char *name, struct buf *out)
{
	struct buf text = { 0 };
	char path[128];
	struct json_in in;
	struct json j = json_to(out);
	struct err e;

	snprintf(path, sizeof(path), "tests/inventory/%s.json", name);
	ck_assert_msg(file_read(path, 1 << 20, &text, &e) == 0, "%s", e.msg);
	in = json_from((const char *)text.p, text.n);
	ck_assert(json_copy(&in, &j) && json_at_end(&in));
	buf_fini(&text);
}

START_TEST(machines)
{
	struct tree *t = tree_open(cases[_i]);
	struct buf got = { 0 }, want = { 0 };

	write_of(t, false, &got);
	check_is_json(&got);
	read_expected(cases[_i], &want);
	ck_assert_str_eq(buf_cstr(&got), buf_cstr(&want));
	buf_fini(&got);
	buf_fini(&want);
	tree_close(t);
}
END_TEST

/* The kernel, a container's masks and a disk that goes away cut files anywhere. */
START_TEST(cut_anywhere)
{
	struct tree *t = tree_open(cases[_i]);
	struct buf b = { 0 };

	for (unsigned i = 0; i < t->files; i++) {
		const struct tree_file *f = &t->file[i];

		for (size_t n = 0; n < f->n; n++) {
			tree_put(f, f->data, n);
			buf_reset(&b);
			write_of(t, false, &b);
			check_is_json(&b);
		}
		tree_put(f, f->data, f->n);
	}
	buf_fini(&b);
	tree_close(t);
}
END_TEST

static void fill_junk(char *p, size_t n, unsigned kind)
{
	static const char biting[] = "\"\\\n\t:,=[]{}-/ \xff\xc3\xe2\x80\xae\x1b%0 9";
	uint32_t x = 12345 + kind;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = kind == 0   ? '9'
		       : kind == 1 ? (char)0xff
		       : kind == 2 ? biting[(x >> 16) % (sizeof(biting) - 1)]
				   : (char)(x >> 16);
	}
}

START_TEST(junk_anywhere)
{
	static char junk[70000];
	static const size_t lengths[] = { 1, 40, 4096, sizeof(junk) };
	struct tree *t = tree_open(cases[_i]);
	struct buf b = { 0 };

	for (unsigned i = 0; i < t->files; i++) {
		const struct tree_file *f = &t->file[i];

		for (unsigned k = 0; k < 16; k++) {
			fill_junk(junk, sizeof(junk), k % 4);
			if (k / 8) /* a good beginning, then junk */
				memcpy(junk, f->data, f->n);
			tree_put(f, junk, lengths[k / 4]);
			buf_reset(&b);
			write_of(t, false, &b);
			check_is_json(&b);
		}
		tree_put(f, f->data, f->n);
	}
	buf_fini(&b);
	tree_close(t);
}
END_TEST

START_TEST(still_is_without_what_moves_by_itself)
{
	struct tree *t = tree_open("dell-uefi");
	struct buf a = { 0 }, b = { 0 };

	write_of(t, true, &a);
	ck_assert_ptr_null(strstr(buf_cstr(&a), "used_bytes"));
	t->space[0].used++;
	write_of(t, true, &b);
	ck_assert_str_eq(buf_cstr(&a), buf_cstr(&b));
	t->space[0].size++;
	buf_reset(&b);
	write_of(t, true, &b);
	ck_assert_str_ne(buf_cstr(&a), buf_cstr(&b));
	buf_fini(&a);
	buf_fini(&b);
	tree_close(t);
}
END_TEST

/* Long names everywhere: lists end with a whole element, and "truncated" says so. */
START_TEST(what_does_not_fit_is_left_out_whole)
{
	struct inventory *inv = calloc(1, sizeof(*inv));
	struct buf b = { 0 };
	const char *end = "}],\"truncated\":true}";

	inv->boot = inv->hypervisor = inv->packages = "";
	inv->disks = INVENTORY_DISKS;
	inv->nics = INVENTORY_NICS;
	inv->filesystems = INVENTORY_FILESYSTEMS;
	for (unsigned i = 0; i < INVENTORY_DISKS; i++)
		memset(inv->disk[i].model, 1, sizeof(inv->disk[i].model) - 1); /* \u0001 */
	for (unsigned i = 0; i < INVENTORY_FILESYSTEMS; i++)
		memset(inv->fs[i].m.point, 'x', 200);
	inventory_write(inv, false, &b);
	check_is_json(&b);
	ck_assert_uint_gt(b.n, EXTRA_LEN - 1024);
	ck_assert_str_eq(buf_cstr(&b) + b.n - strlen(end), end);

	buf_reset(&b);
	inv->filesystems = inv->nics = inv->disks = 0;
	inventory_write(inv, false, &b);
	ck_assert_str_eq(buf_cstr(&b), "{}");
	inv->truncated = true;
	buf_reset(&b);
	inventory_write(inv, false, &b);
	ck_assert_str_eq(buf_cstr(&b), "{\"truncated\":true}");
	buf_fini(&b);
	free(inv);
}
END_TEST

static const struct {
	const char *type, *source, *server, *path;
} servers[] = {
	{ "nfs", "nas:/export", "nas", "/export" },
	{ "nfs4", "[fd00::1]:/x", "fd00::1", "/x" },
	{ "cifs", "//filer/Share/sub", "filer", "/Share/sub" },
	{ "cifs", "//filer", "filer", "" },
	{ "fuse.sshfs", "joe@far:", "far", "" },
	{ "fuse.sshfs", "joe:p@ss@far:/srv/a@b", "far", "/srv/a@b" },
	{ "fuse.davfs", "https://u:p@dav.example/x?sig=1", "dav.example", "/x" },
	{ "ceph", "10.0.0.1:6789,10.0.0.2:6789:/", "10.0.0.1:6789,10.0.0.2:6789", "/" },
	{ "ceph", "admin@b1c2.cephfs=/vol", "b1c2.cephfs", "/vol" },
	{ "lustre", "10.0.0.1@tcp:10.0.0.2@tcp:/w", "10.0.0.1@tcp:10.0.0.2@tcp", "/w" },
	{ "9p", "hostshare", "", "hostshare" },
	{ "nfs", "", "", "" },
};

START_TEST(servers_of_mounts)
{
	char server[MOUNT_PATH], path[MOUNT_PATH];
	struct mount m = { 0 };

	snprintf(m.type, sizeof(m.type), "%s", servers[_i].type);
	snprintf(m.source, sizeof(m.source), "%s", servers[_i].source);
	mount_server(&m, server, path);
	ck_assert_str_eq(server, servers[_i].server);
	ck_assert_str_eq(path, servers[_i].path);
}
END_TEST

static const struct {
	struct hypervisor_clues c;
	bool flags;
	const char *name;
} worlds[] = {
	{ { .vendor = "Dell Inc." }, true, "none" },
	{ { .vendor = "Amazon EC2", .product = "m5.metal" }, true, "none" },
	{ { .vendor = "Amazon EC2" }, false, "aws" },
	{ { .vendor = "Xen", .bios_version = "4.11.amazon", .flag = true }, true, "aws" },
	{ { .vendor = "Xen", .product = "HVM domU", .flag = true }, true, "xen" },
	{ { .vendor = "Xen", .flag = true, .is_xen_host = true }, true, "none" },
	{ { .sys_type = "xen" }, true, "xen" },
	{ { .vendor = "Google", .product = "Google Compute Engine", .flag = true },
	  true,
	  "gcp" },
	{ { .asset = "OracleCloud.com", .vendor = "QEMU", .flag = true }, true, "oci" },
	{ { .vendor = "innotek GmbH", .product = "VirtualBox", .flag = true },
	  true,
	  "virtualbox" },
	{ { .vendor = "Red Hat", .product = "KVM", .flag = true }, true, "kvm" },
	{ { .vendor = "OpenStack Foundation", .product = "OpenStack Nova", .flag = true },
	  true,
	  "kvm" },
	{ { .processor = "VMwareVMware", .flag = true }, true, "vmware" },
	{ { .processor = "Microsoft Hv", .flag = true }, true, "hyperv" },
	{ { .processor = "bhyve bhyve ", .flag = true }, true, "bhyve" },
	{ { .processor = "Jailhouse", .flag = true }, true, "other" },
	{ { .device_tree = "linux,kvm" }, false, "kvm" },
	{ { .vendor = "" }, false, "" },
};

START_TEST(hypervisors)
{
	struct hypervisor_clues c = worlds[_i].c;
	const char **texts[] = { &c.vendor, &c.product,	 &c.bios_vendor, &c.bios_version,
				 &c.asset,  &c.sys_type, &c.device_tree, &c.processor };

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!*texts[i])
			*texts[i] = "";
	ck_assert_str_eq(hypervisor_name(&c, worlds[_i].flags), worlds[_i].name);
}
END_TEST

/* Whatever this machine is: good JSON, and the same bytes twice. */
START_TEST(this_machine)
{
	struct buf b = { 0 }, again = { 0 };
	struct inventory *inv = inventory_of_host();

	inventory_write(inv, true, &b);
	check_is_json(&b);
	free(inv);
	inv = inventory_of_host();
	inventory_write(inv, true, &again);
	ck_assert_str_eq(buf_cstr(&b), buf_cstr(&again));
	ck_assert_uint_ge(inv->threads, 1);
	free(inv);
	buf_fini(&b);
	buf_fini(&again);
}
END_TEST

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
}

/*
 * In namespaces of its own: a FUSE file system at POINT whose server never answers.  False
 * where that may not be had (without root it takes user namespaces, an option of the kernel).
 */
static bool mount_what_hangs(const char *point)
{
	char map[64], options[96];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (fuse < 0 || unshare(CLONE_NEWNS | CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0)))
		return false;
	if (getuid()) {
		put_file("/proc/self/setgroups", "deny");
		put_file("/proc/self/uid_map", map);
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	return mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("u:p@far.example:/x", point, "fuse.sshfs", MS_NOSUID | MS_NODEV,
		     options) == 0;
}

/* Runs FN in a process of its own; true if it ends well within a second. */
static bool ends(void (*fn)(const char *), const char *point)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		fn(point);
		_exit(0);
	}
	for (unsigned i = 0; i < 100; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0;
		usleep(10000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return false;
}

static void ask_it(const char *point)
{
	struct statvfs s;

	statvfs(point, &s);
}

static void take_inventory(const char *point)
{
	struct inventory *inv = inventory_of_host();
	bool found = false;

	for (unsigned i = 0; i < inv->remotes; i++)
		found |= strcmp(inv->remote[i].point, point) == 0 &&
			 strcmp(inv->remote[i].server, "far.example") == 0;
	_exit(!found);
}

enum { GOOD, HELD_UP, DOES_NOT_HANG, LEFT_OUT };

/* The first process of the namespaces, whose mounts are read. */
static int scene(const char *point)
{
	if (mount("proc", "/proc", "proc", 0, NULL))
		return LEFT_OUT;
	if (!ends(take_inventory, point))
		return HELD_UP;
	return ends(ask_it, point) ? DOES_NOT_HANG : GOOD;
}

static int status_of(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a process of its own, so that this one keeps its namespaces. */
static int in_namespaces(const char *point)
{
	pid_t child = fork();

	if (child)
		return status_of(child);
	if (!mount_what_hangs(point))
		_exit(LEFT_OUT);
	child = fork();
	_exit(child ? status_of(child) : scene(point));
}

START_TEST(a_server_that_never_answers_holds_nobody_up)
{
	char point[] = "/tmp/skein-hang-XXXXXX";
	int got;

	ck_assert_ptr_nonnull(mkdtemp(point));
	got = in_namespaces(point);
	rmdir(point);
	if (got == LEFT_OUT && geteuid())
		printf("left out: no FUSE without root here\n");
	else
		ck_assert_int_eq(got, GOOD);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("inventory");

	tcase_add_loop_test(t, machines, 0, CASES);
	tcase_add_loop_test(t, cut_anywhere, 0, CASES);
	tcase_add_loop_test(t, junk_anywhere, 0, CASES);
	tcase_add_test(t, still_is_without_what_moves_by_itself);
	tcase_add_test(t, what_does_not_fit_is_left_out_whole);
	tcase_add_loop_test(t, servers_of_mounts, 0, sizeof(servers) / sizeof(servers[0]));
	tcase_add_loop_test(t, hypervisors, 0, sizeof(worlds) / sizeof(worlds[0]));
	tcase_add_test(t, this_machine);
	tcase_add_test(t, a_server_that_never_answers_holds_nobody_up);
	return unit_run("inventory", t);
}
