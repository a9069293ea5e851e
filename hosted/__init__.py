"""The components as Pulumi packages, for programs in every language that Pulumi has: one folder per cloud.

A package takes a definition as data. Everything else is that of `startup` and `components`: the same checks, the same
messages, the same bytes on the VM.
"""
