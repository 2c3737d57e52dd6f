"""Slack: listeners, wording, sending."""
