# SPDX-License-Identifier: Apache-2.0
"""A link that can be hurt: sensors in `near`, a collector in `far`, and a router (or a relay)
between that loses what it is told to lose.  Neither end hears of it, as on a wire that is cut.
"""

import chain
import scene

DROP = "meta protocol { ip, ip6 } drop"
A_THIRD = "meta protocol { ip, ip6 } numgen random mod 100 < 30 drop"
# What the router does with what comes from where.
CUT = {"near": DROP, "far": DROP}
DEAF = {"far": DROP}  # the sensor hears nothing: acknowledgements are lost
MUTE = {"near": DROP}  # the collector hears nothing
LOSSY = {"near": A_THIRD, "far": A_THIRD}


class BadLine(chain.Chain):
    """The three machines of a chain, with a way through the middle, so slow that a replay takes
    long enough to be hurt."""

    def __init__(self, rate="3mbit"):
        self.rate = rate
        super().__init__()

    def _make(self):
        super()._make()
        scene.call(*self.enter("middle", "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        scene.call("ip", "-n", self.namespace("near"), "route", "add", "default", "via",
                   self.middle_near)
        scene.call("ip", "-n", self.namespace("far"), "route", "add", "default", "via",
                   self.middle_far)
        chains = ["add table netdev hurt"]
        for device in ("near", "far"):
            scene.call("tc", "-n", self.namespace("middle"), "qdisc", "add", "dev", device, "root",
                       "tbf", "rate", self.rate, "burst", "16k", "latency", "300ms")
            chains.append(f"add chain netdev hurt {device} "
                          f"{{ type filter hook ingress device {device} priority 0; }}")
        scene.call(*self.enter("middle", "nft", "; ".join(chains)))

    def hurt(self, how):
        """From now on it does this, and nothing else."""
        rules = [f"add rule netdev hurt {device} {rule}" for device, rule in how.items()]
        scene.call(*self.enter("middle", "nft", "; ".join(["flush table netdev hurt", *rules])))

    def heal(self):
        """From now on everything passes."""
        self.hurt({})
