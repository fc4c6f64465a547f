"""Mechanisms of the request path, one file each: policy, state, and the hooks that the kernel calls.

Policies (the values that people set) are the dataclasses of `workbench.network`; here is what they do.
"""
