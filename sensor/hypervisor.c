/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/hypervisor.h"

#include <string.h>

/* Azure's chassis asset tag, the same on all its machines (Microsoft's documentation). */
static const char azure_tag[] = "7783-7084-3265-9085-8269-3286-77";

/* The first row whose words all stand in the texts. */
static const char *by_firmware(const struct hypervisor_clues *c)
{
	const struct {
		const char *in, *words, *in2, *words2, *name;
	} rows[] = {
		{ c->vendor, "Microsoft", c->asset, azure_tag, "azure" },
		{ c->vendor, "Microsoft", c->product, "Virtual Machine", "hyperv" },
		{ c->vendor, "Amazon EC2", "", "", "aws" },
		{ c->bios_vendor, "Amazon EC2", "", "", "aws" },
		{ c->bios_version, "amazon", "", "", "aws" }, /* Xen of old instance types */
		{ c->product, "Google Compute Engine", "", "", "gcp" },
		{ c->asset, "OracleCloud.com", "", "", "oci" },
		{ c->vendor, "Alibaba Cloud", "", "", "alibaba" },
		{ c->vendor, "VMware", "", "", "vmware" },
		{ c->product, "VMware", "", "", "vmware" },
		{ c->vendor, "innotek", "", "", "virtualbox" },
		{ c->product, "VirtualBox", "", "", "virtualbox" },
		{ c->vendor, "Parallels", "", "", "parallels" },
		{ c->vendor, "Nutanix", c->product, "AHV", "nutanix" },
		{ c->vendor, "Xen", "", "", "xen" },
		{ c->product, "BHYVE", "", "", "bhyve" },
		{ c->product, "KVM", "", "", "kvm" },
		{ c->product, "RHEV Hypervisor", "", "", "kvm" },
		{ c->product, "oVirt", "", "", "kvm" },
		{ c->product, "OpenStack", "", "", "kvm" },
		{ c->vendor, "DigitalOcean", "", "", "kvm" },
		{ c->vendor, "Hetzner", c->product, "vServer", "kvm" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strstr(rows[i].in, rows[i].words) && strstr(rows[i].in2, rows[i].words2))
			return rows[i].name;
	return NULL;
}

static const char *by_words(const char *text)
{
	static const struct {
		const char *words, *name;
	} rows[] = {
		{ "KVM", "kvm" },
		{ "linux,kvm", "kvm" },
		{ "VMware", "vmware" },
		{ "vmware", "vmware" },
		{ "Microsoft Hv", "hyperv" },
		{ "Xen", "xen" },
		{ "xen", "xen" },
		{ "VBox", "virtualbox" },
		{ "prl hyperv", "parallels" },
		{ " lrpepyh vr", "parallels" },
		{ "bhyve", "bhyve" },
		{ "TCGTCGTCG", "qemu" },
		{ "qemu", "qemu" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strstr(text, rows[i].words))
			return rows[i].name;
	return NULL;
}

/* A bare-metal instance of a cloud has its vendor's name and no hypervisor. */
const char *hypervisor_name(const struct hypervisor_clues *c, bool has_flags)
{
	const char *name;

	if (c->is_xen_host)
		return "none";
	if (has_flags && !c->flag && !*c->sys_type)
		return "none";
	name = by_firmware(c);
	name = name ? name : by_words(c->sys_type);
	name = name ? name : by_words(c->device_tree);
	name = name ? name : by_words(c->processor);
	/* a machine type of QEMU says nothing of who runs it, but KVM is what is used */
	if (!name && (strstr(c->vendor, "QEMU") || strstr(c->bios_vendor, "SeaBIOS")))
		name = "kvm";
	if (name)
		return name;
	return c->flag ? "other" : "";
}
