"""Trainers: children that teach adapters. Know no model, only blobs and numbers."""
