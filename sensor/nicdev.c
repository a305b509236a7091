/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/nicdev.h"

bool nic_master(const char *root, const char *name, char master[SYS_NAME])
{
	char path[SYS_PATH];

	master[0] = 0;
	if (!sys_link(path, sizeof(path), root, "/sys/class/net/%s/master", name))
		return false;
	sys_copy(master, SYS_NAME, sys_base(path));
	return true;
}

bool nic_is_card(const char *root, const char *name)
{
	char master[SYS_NAME];

	return sys_exists(root, "/sys/class/net/%s/device", name) &&
	       !(nic_master(root, name, master) &&
		 sys_exists(root, "/sys/class/net/%s/device", master));
}
