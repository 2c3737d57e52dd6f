"""Shipbell's tests."""
