"""The command line: parse, call a server, print."""
