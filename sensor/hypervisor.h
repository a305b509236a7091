/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine runs on, by what its firmware, its kernel and its processor say of
 * themselves.  Pure.
 */
#ifndef SENSOR_HYPERVISOR_H
#define SENSOR_HYPERVISOR_H

#include <stdbool.h>

/* Texts as read, "" where there is none. */
struct hypervisor_clues {
	const char *vendor, *product; /* DMI: system */
	const char *bios_vendor, *bios_version;
	const char *asset;	 /* DMI: asset tag of the chassis */
	const char *sys_type;	 /* /sys/hypervisor/type */
	const char *device_tree; /* /proc/device-tree/hypervisor/compatible */
	const char *processor;	 /* CPUID leaf 0x40000000, "KVMKVMKVM" */
	bool flag;		 /* CPUID's bit for "under a hypervisor" */
	bool is_xen_host;	 /* Xen, but this is the domain that rules the others */
};

/*
 * "vmware", "hyperv", "kvm", "xen", "virtualbox", "parallels", "bhyve", "nutanix", "qemu"; the
 * clouds that say so, "aws", "azure", "gcp", "oci", "alibaba"; "other" for a hypervisor
 * without a name; "none" where the processor would tell of one and does not; "" where nothing
 * tells.  HAS_FLAGS: the processor is one that would tell (x86).
 */
const char *hypervisor_name(const struct hypervisor_clues *c, bool has_flags);

#endif
