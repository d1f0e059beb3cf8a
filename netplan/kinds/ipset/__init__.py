"""Sets of addresses, ports and devices that rules ask (ipset(8))."""
