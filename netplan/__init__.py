"""podnet: a declarative reconciler for a cluster's pod network.

A YAML cluster spec is compiled into the routes and NAT rules that each node should have, compared with what the node's
kernel holds, shown as a plan, and applied.
"""

__version__ = "0.1.0"
