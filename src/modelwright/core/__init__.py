"""What things are: pure values and rules. No files, sockets, clocks or SQL."""
