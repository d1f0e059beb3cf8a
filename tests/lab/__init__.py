"""The lab, and what tests that need a kernel stand on: `topologies`, `fixtures`, `inside`, `probe`."""
