"""Engines: the processes that compute answers, and the pool that shares them."""
