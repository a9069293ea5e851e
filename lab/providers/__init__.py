"""Pulumi providers backed by the lab's machines; each cloud's resources are in its folder."""
