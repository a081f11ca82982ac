"""Taskbell beside other queues, in a harness that is no part of this tree: `make bench-peers` says how."""
