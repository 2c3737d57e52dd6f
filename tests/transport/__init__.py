"""Outgoing requests against real servers on the loopback."""
