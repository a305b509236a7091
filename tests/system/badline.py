# SPDX-License-Identifier: Apache-2.0
"""A link that can be hurt: sensors in `near`, a collector in `far`, and a router between that
loses what it is told to lose.  Neither end hears of it, as on a wire that is cut.
"""

import chain
import scene

RATE = "3mbit"  # so that a replay takes long enough to be hurt in the middle
# What the router does, as rules of nftables.
CUT = ("drop",)
DEAF = ('oifname "near" drop',)  # the sensor hears nothing: acknowledgements are lost
MUTE = ('iifname "near" drop',)  # the collector hears nothing
LOSSY = ("numgen random mod 100 < 30 drop",)  # either way


class BadLine(chain.Chain):
    """The three machines of a chain, with a way through the middle."""

    def _make(self):
        super()._make()
        scene.call(*self.enter("middle", "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        scene.call("ip", "-n", self.namespace("near"), "route", "add", "default", "via",
                   self.middle_near)
        scene.call("ip", "-n", self.namespace("far"), "route", "add", "default", "via",
                   self.middle_far)
        for device in ("near", "far"):
            scene.call("tc", "-n", self.namespace("middle"), "qdisc", "add", "dev", device, "root",
                       "tbf", "rate", RATE, "burst", "16k", "latency", "300ms")
        scene.call(*self.enter("middle", "nft", "add table inet hurt; add chain inet hurt way "
                               "{ type filter hook forward priority 0; }"))

    def hurt(self, rules):
        """From now on it does this, and nothing else."""
        script = "flush chain inet hurt way; " + "; ".join(
            f"add rule inet hurt way {rule}" for rule in rules)
        scene.call(*self.enter("middle", "nft", script))

    def heal(self):
        """From now on everything passes."""
        self.hurt(())
