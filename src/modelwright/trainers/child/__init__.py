"""The training child: the only modules that import torch.

Knows one job, given as paths; no store, no model, no owner.
"""
