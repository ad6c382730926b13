"""The web server: all dialects on one port, and what stands around them."""
