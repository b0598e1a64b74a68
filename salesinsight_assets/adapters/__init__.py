"""Adapters: one outside system each, behind the protocols that the domain declares."""
