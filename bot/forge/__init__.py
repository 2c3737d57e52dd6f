"""Forges: a pure half that reads and writes their wire, and a thin client."""
