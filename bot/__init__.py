"""Shipbell: a Slack bot that sets up trusted publishing for Python packages and releases them."""

__version__ = "0.1.0"
